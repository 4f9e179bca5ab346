"""wreckit's items: a folder for each, with `item.json` and what its phases have written."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, fields

from peal.backlog.exchange.files import Place, Unfit, bytes_at, folder_in, text_at, told
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
from peal.backlog.item import Blocked, Item
from peal.classes import frozen
from peal.model.phase_result import Description
from peal.text.display import some

name = "wreckit"

_FILE, _ITEMS, _FOLDER = "item.json", "items", ".wreckit"
_WRITTEN = ("research.md", "plan.md", "prd.json", "progress.log")
"""What its phases write, and phases here may build on."""
_PRIORITIES = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_LISTS = {
    "success_criteria": "Success criteria",
    "technical_constraints": "Technical constraints",
    "scope_in_scope": "In scope",
    "scope_out_of_scope": "Out of scope",
}
_SHOWN = 5


@frozen
class _Record:
    """The keys that have a field or a heading here."""

    id: str
    title: str
    state: Literal["idea", "raw", "researched", "planned", "implementing", "critique", "in_pr", "done"]
    overview: str | None = None
    section: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    depends_on: tuple[str, ...] = ()
    problem_statement: str | None = None
    motivation: str | None = None
    success_criteria: tuple[str, ...] = ()
    technical_constraints: tuple[str, ...] = ()
    scope_in_scope: tuple[str, ...] = ()
    scope_out_of_scope: tuple[str, ...] = ()


_KEYS = tuple(one.name for one in fields(_Record))
_UNSAID = ("schema_version",)


def is_at(place: Place) -> bool:
    """The folder of it all, that of the items, that of an item, or the file in it."""
    if place.raw is not None:
        return False
    if not place.is_folder:
        return place.path.name == _FILE
    folder = _items(place.path)
    return place.path.name == _FOLDER or any((path / _FILE).exists() for path in (folder, *_folders(folder)))


def _items(folder: Path) -> Path:
    return folder / _ITEMS if (folder / _ITEMS).is_dir() else folder


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder_in(folder) if path.is_dir() and not path.is_symlink()]
    except Unfit:
        return []


def read(place: Place) -> Reading:
    """The items of a folder in the order of their names, or the one."""
    if not place.is_folder:
        folders = [place.path.parent]
    else:
        inner = _items(place.path)
        folders = [inner] if (inner / _FILE).exists() else _folders(inner)
    items: list[Foreign] = []
    problems: list[str] = []
    notes: list[str] = []
    for folder in folders:
        file = folder / _FILE
        if not file.exists():
            notes.append(f"`{told(folder)}`: it has no `{_FILE}`; it is left out")
            continue
        try:
            items.append(_read(file))
            notes += _left(folder)
        except Unfit as error:
            problems += told_at(told(file), error)
    return Reading(name, tuple(items), tuple(problems), tuple(notes), keeps_ids=False)


def _left(folder: Path) -> Iterator[str]:
    others = [path.name for path in folder_in(folder) if path.name not in (_FILE, *_WRITTEN)]
    if others:
        yield f"`{told(folder)}`: {some(others, _SHOWN)} stays there"


def _read(file: Path) -> Foreign:
    text = text_at(file)
    record = object_in(text)
    known = {key: value for key, value in record.items() if value is not None}
    found = taken(known, _Record)
    rest = {
        key: value for key, value in known.items() if key not in (*_KEYS, *_UNSAID) and value not in ("", [])
    }
    rest["state"] = found.state
    title, whole = title_of(found.title)
    item = Item(
        found.id,
        title,
        priority=_PRIORITIES.get(str(rest.get("priority_hint")), 0),
        tags=tags_of([found.section] if found.section else []),
        depends=tuple(dict.fromkeys(found.depends_on)),
        created=found.created_at or "",
        updated=found.updated_at or "",
        description=Description(problem=found.problem_statement or "", impact=found.motivation or ""),
        text=body_of("\n\n".join(_text(found))),
    )
    written = tuple((path.name, bytes_at(path)) for path in folder_in(file.parent) if path.name in _WRITTEN)
    digest = digest_of(text.encode(), *(part for one, raw in written for part in (one.encode(), raw)))
    return Foreign(_with_status(item, found, rest), told(file), digest, {**rest, **whole}, files=written)


def _text(found: _Record) -> Iterator[str]:
    """The overview, and each list that it does not tell itself."""
    overview = (found.overview or "").strip("\n")
    if overview.strip():
        yield overview
    for key, heading in _LISTS.items():
        entries: Sequence[str] = getattr(found, key)
        if not all(entry in overview for entry in entries):
            yield f"## {heading}\n\n" + "\n".join(f"- {' '.join(entry.split())}" for entry in entries)


def _with_status(item: Item, found: _Record, rest: dict[str, Any]) -> Item:
    """The item with its status; one whose work is in a branch waits for a person."""
    if found.state == "done":
        return evolve(item, status="done")
    if found.state not in ("implementing", "critique", "in_pr"):
        return item
    where = [f"{key.partition('_')[0]} {rest[key]}" for key in ("branch", "pr_url") if rest.get(key)]
    told_ = f"; its work is in {' and '.join(where)}" if where else ""
    reason = (
        f"it was `{found.state}` in wreckit{told_}; bring that in and close it, or give it up and unblock it"
    )
    return evolve(item, status="blocked", blocked=Blocked("new", "decision", reason, item.updated))
