"""task-golem's items, `tasks.jsonl` and `archive.jsonl`, with what phase-golem adds to them; read and written."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from attrs import asdict, evolve, fields

from peal.backlog.exchange.files import MOST, Place, Unfit, bytes_at, told
from peal.backlog.exchange.foreign import (
    Foreign,
    Reading,
    body_of,
    digest_of,
    object_in,
    tags_of,
    taken,
    title_of,
    told_at,
)
from peal.backlog.item import Blocked, Item, Status
from peal.classes import frozen
from peal.model.phase_result import Description
from peal.settings import structured
from peal.text.display import harmless, size

name = "task-golem"

_FILE, _ARCHIVE, _FOLDER = "tasks.jsonl", "archive.jsonl", ".task-golem"
_SCHEMA = "schema_version"
_VERSION = 1
_LONGEST = 2**20
"""Bytes of a line."""
_OWN = "x-peal"
"""What an item of peal's has and no other key of these files can say."""
_EPOCH = "1970-01-01T00:00:00Z"
"""Where the files want a moment and there is none."""

_Native = Literal["todo", "doing", "done", "blocked"]
_PLACED = ("phase", "pool")


@frozen
class _Task:
    """The keys that every line has."""

    id: str
    title: str
    status: _Native
    priority: int = 0
    description: str | None = None
    tags: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    created_at: str | None = None
    updated_at: str | None = None
    blocked_reason: str | None = None
    blocked_from_status: _Native | None = None


_KEYS = tuple(one.name for one in fields(_Task))
_OTHER_KEYS = ("claimed_by", "claimed_at", "parent")
"""Native ones that have no field here."""

_Blockable = Literal["new", "scoping", "ready", "in_progress"]
_Open = Literal["new", "scoping", "ready"]
_EXTENSIONS: Mapping[str, tuple[str, Any]] = {
    "x-pg-phase": ("phase", str),
    "x-pg-phase-pool": ("pool", Literal["pre", "main"]),
    "x-pg-size": ("size", Literal["small", "medium", "large"]),
    "x-pg-complexity": ("complexity", Literal["low", "medium", "high"]),
    "x-pg-risk": ("risk", Literal["low", "medium", "high"]),
    "x-pg-impact": ("impact", Literal["low", "medium", "high"]),
    "x-pg-requires-human-review": ("requires_human_review", bool),
    "x-pg-pipeline-type": ("pipeline", str),
    "x-pg-origin": ("origin", str),
    "x-pg-unblock-context": ("notes", str),
    "x-pg-last-phase-commit": ("last_phase_commit", str),
    "x-pg-description": ("description", Description),
}
"""phase-golem's keys with the fields that they are here, and what may stand there."""
_OF_STATUS: Mapping[str, Any] = {
    "x-pg-status": _Open,
    "x-pg-blocked-from-status": _Blockable,
    "x-pg-blocked-type": Literal["clarification", "decision"],
}


def is_at(place: Place) -> bool:
    """The file or its folder, by their names; on standard input, by the first letter."""
    if place.raw is not None:
        return place.raw.lstrip().startswith(b"{")
    if place.is_folder:
        return (place.path / _FILE).exists()
    return place.path.suffix == ".jsonl"


def read(place: Place) -> Reading:
    """The items of the file; those of the archive beside it come after them."""
    if place.raw is not None:
        return _read(place.told, place.raw, False)
    file = place.path / _FILE if place.is_folder else place.path
    readings = [_of_file(file, is_archive=file.name == _ARCHIVE)]
    beside = file.with_name(_ARCHIVE)
    if file.name != _ARCHIVE and beside.exists():
        readings.append(_of_file(beside, is_archive=True))
    return Reading(
        name,
        tuple(one for reading in readings for one in reading.items),
        tuple(one for reading in readings for one in reading.problems),
        tuple(one for reading in readings for one in reading.notes),
    )


def _of_file(path: Path, is_archive: bool) -> Reading:
    try:
        return _read(told(path), bytes_at(path), is_archive)
    except Unfit as error:
        return Reading(name, problems=tuple(told_at(told(path), error)))


def _read(where: str, raw: bytes, is_archive: bool) -> Reading:
    items: list[Foreign] = []
    problems: list[str] = []
    notes: list[str] = []
    if len(raw) > MOST:
        return Reading(name, problems=(f"`{where}`: it is longer than {size(MOST)}; divide it",))
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        at = f"{where} line {number}"
        try:
            record = object_in(_text(line))
            if _SCHEMA in record and "id" not in record:
                _check_version(record)
            else:
                found, doubts = _foreign(record, at, line, is_archive)
                items.append(found)
                notes += (f"`{at}`: {doubt}" for doubt in doubts)
        except Unfit as error:
            problems += told_at(at, error)
    return Reading(name, tuple(items), tuple(problems), tuple(notes))


def _text(line: bytes) -> str:
    if len(line) > _LONGEST:
        raise Unfit(f"it has {size(len(line))}, and {size(_LONGEST)} are the most for an item; shorten it")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Unfit(f"it is no UTF-8 at byte {error.start}; save it as UTF-8") from None


def _check_version(record: Mapping[str, Any]) -> None:
    if record[_SCHEMA] != _VERSION:
        shown = harmless(json.dumps(record[_SCHEMA]))[:40]
        raise Unfit(
            f"`{_SCHEMA}` is {shown}, and peal knows {_VERSION}; export the items with a task-golem of that version"
        )


def _foreign(
    record: Mapping[str, Any], where: str, line: bytes, is_archive: bool
) -> tuple[Foreign, list[str]]:
    task = taken(record, _Task)
    item, rest, doubts = _item(task, record)
    if is_archive and task.status != "done":
        item = evolve(item, status="cancelled", blocked=None, phase="", pool=None, reason=_archived(task))
        rest["status"] = task.status
    made = Foreign(item, where, digest_of(line.strip()), rest)
    if _OWN in record:
        made, stale = _peals_again(made, record[_OWN])
        doubts += stale
    return made, doubts


def _archived(task: _Task) -> str:
    return f"it was archived in task-golem while it was {task.status}"


def _item(task: _Task, record: Mapping[str, Any]) -> tuple[Item, dict[str, Any], list[str]]:
    """The item, what is known of it that has no field, and what cannot be as it is."""
    known = {*_KEYS, *_EXTENSIONS, *_OF_STATUS, _OWN}
    rest = {key: value for key, value in record.items() if key not in known and value is not None}
    values, doubts = _valid(record, {key: kind for key, (_, kind) in _EXTENSIONS.items()}, rest)
    states, more = _valid(record, _OF_STATUS, rest)
    doubts += more
    title, whole = title_of(task.title)
    item = Item(
        task.id,
        title,
        priority=task.priority,
        tags=tags_of(task.tags),
        depends=tuple(dict.fromkeys(task.dependencies)),
        created=task.created_at or "",
        updated=task.updated_at or "",
        **{_EXTENSIONS[key][0]: value for key, value in values.items()},
    )
    if (task.description or "").strip() != item.description.context.strip():
        item = evolve(item, text=body_of(task.description or ""))
    item, stale = _with_status(item, task, states, rest)
    return item, {**rest, **whole}, doubts + stale


def _valid(
    record: Mapping[str, Any], kinds: Mapping[str, Any], rest: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The keys of a record with values that can be; those with others go to the rest, and are told."""
    found: dict[str, Any] = {}
    doubts = []
    for key, kind in kinds.items():
        if record.get(key) is None:
            continue
        found[key], wrong = structured(record[key], kind)
        if wrong:
            del found[key]
            rest[key] = record[key]
            doubts.append(f"`{key}` {harmless(wrong[0][1])}; it is kept below `imported` only")
    return found, doubts


def _with_status(
    item: Item, task: _Task, states: Mapping[str, Any], rest: dict[str, Any]
) -> tuple[Item, list[str]]:
    """The item with its status; what says another thing goes to the rest."""
    doubts = []
    status: Status = {"todo": states.get("x-pg-status", "new"), "doing": "in_progress", "done": "done"}.get(
        task.status, "blocked"
    )
    before = states.get("x-pg-blocked-from-status")
    if before and not (task.status == "blocked" and task.blocked_from_status):
        doubts.append(
            "`x-pg-blocked-from-status` is left from a block that is over; it is kept below `imported` only"
        )
        rest["x-pg-blocked-from-status"] = before
        before = None
    if status == "blocked":
        native: Status = "in_progress" if task.blocked_from_status == "doing" else "new"
        why = Blocked(
            before or native,
            states.get("x-pg-blocked-type", "decision"),
            task.blocked_reason or "",
            task.updated_at or "",
            item.phase,
        )
        return evolve(item, status="blocked", blocked=why), doubts
    if task.blocked_reason:
        rest["blocked_reason"] = task.blocked_reason
    if status == "done" and (item.phase or item.pool):
        rest.update({f"x-pg-phase{'-pool' if one == 'pool' else ''}": getattr(item, one) for one in _PLACED})
        item = evolve(item, phase="", pool=None)
    return evolve(item, status=status), doubts


def _peals_again(made: Foreign, own: Any) -> tuple[Foreign, list[str]]:
    """
    An item that was peal's before, with all that it had.

    Each field is told with what the other keys say for it: where they say another thing by now, it is they that count.
    """
    if not isinstance(own, dict) or not all(isinstance(own.get(one), dict) for one in ("fields", "keys")):
        raise Unfit(f"`{_OWN}` is not as peal has written it; take it out")
    now = _plain(made.item)
    fields_, stale = {}, []
    for key, pair in own["fields"].items():
        if not (isinstance(pair, list) and len(pair) == 2 and key in now):
            raise Unfit(f"`{_OWN}` is not as peal has written it; take it out")
        if now[key] == pair[0]:
            fields_[key] = pair[1]
        else:
            stale.append(f"`{harmless(key)}` has changed since peal wrote it; what it was is left out")
    text = fields_.pop("text", made.item.text)
    found, wrong = structured({**{k: v for k, v in now.items() if k != "text"}, **fields_}, Item)
    if wrong or not isinstance(text, str):
        raise Unfit(f"`{_OWN}` is not as peal has written it; take it out")
    return evolve(made, item=evolve(found, text=text), keys=own["keys"]), stale


def _plain(item: Item) -> dict[str, Any]:
    """An item as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(item)))
    return found


def lines(items: Iterator[tuple[Item, Mapping[str, Any]]]) -> str:
    """Items, each with what its file says under other keys, as a file of task-golem's; read again, they are the same."""
    first = json.dumps({_SCHEMA: _VERSION}, separators=(",", ":"))
    records = (_record(item, keys) for item, keys in sorted(items, key=lambda one: one[0].id))
    return "\n".join((first, *records)) + "\n"


def _record(item: Item, keys: Mapping[str, Any]) -> str:
    imported = keys.get("imported")
    rest = imported.get("rest") if isinstance(imported, dict) else None
    before = rest if isinstance(rest, dict) and imported and imported.get("from") == name else {}
    record = {
        **_native(item),
        **{key: before.get(key) for key in _OTHER_KEYS},
        **_extensions(item),
        **{key: value for key, value in before.items() if key.startswith("x-") and key not in _KNOWN},
    }
    read_again, _, _ = _item(taken(record, _Task), record)
    now, then = _plain(item), _plain(read_again)
    own = {key: [then[key], now[key]] for key in now if now[key] != then[key]}
    record[_OWN] = {"fields": own, "keys": dict(keys)}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


_KNOWN = {*_EXTENSIONS, *_OF_STATUS, _OWN}


def _native(item: Item) -> dict[str, Any]:
    status: _Native = {
        "in_progress": "doing",
        "done": "done",
        "blocked": "blocked",
        "cancelled": "blocked",
    }.get(item.status, "todo")  # type: ignore[assignment]
    held = item.blocked
    reason = held.reason if held else f"cancelled: {item.reason}".rstrip(": ")
    is_blocked = status == "blocked"
    return {
        "id": item.id,
        "title": item.title,
        "status": status,
        "priority": item.priority,
        "description": item.text.strip("\n") or item.description.context or None,
        "tags": list(item.tags),
        "dependencies": list(item.depends),
        "created_at": _moment(item.created),
        "updated_at": _moment(item.updated),
        "blocked_reason": reason if is_blocked else None,
        "blocked_from_status": ("doing" if held and held.before == "in_progress" else "todo")
        if is_blocked
        else None,
    }


def _extensions(item: Item) -> dict[str, Any]:
    plain, usual = asdict(item), asdict(Item(item.id, item.title))
    found = {key: plain[one] for key, (one, _) in _EXTENSIONS.items() if plain[one] != usual[one]}
    if item.status in get_args(_Open):
        found["x-pg-status"] = item.status
    if item.blocked:
        found["x-pg-blocked-from-status"] = item.blocked.before
        if item.blocked.type in ("clarification", "decision"):
            found["x-pg-blocked-type"] = item.blocked.type
    return dict(sorted(found.items()))


def _moment(text: str) -> str:
    """A moment as the files want it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _EPOCH
    return text if found.tzinfo else found.replace(tzinfo=UTC).isoformat()
