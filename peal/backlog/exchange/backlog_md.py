"""Backlog.md's tasks: markdown files with front matter, one for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, fields

from peal.backlog.exchange.files import Place, Unfit, bytes_at, folder_in, text_at, told
from peal.backlog.exchange.foreign import (
    Foreign,
    Reading,
    digest_of,
    tags_of,
    taken,
    title_of,
    told_at,
)
from peal.backlog.item import FINAL, Blocked, Item, Status
from peal.backlog.item_file import Entry, NoItem, entries, has_front_matter, text_of
from peal.classes import frozen
from peal.formats import statuses as words
from peal.text.display import harmless, some, unix

name = "Backlog.md"

_CONFIGS = ("config.yml", "config.yaml", "backlog.config.yml")
_TASKS, _DRAFTS = "tasks", "drafts"
_OVER = ("completed", "archive/tasks")
_NEEDED = {"id", "title", "status"}
_OF_TASKS = {"dependencies", "created_date", "parent_task_id", "ordinal", "assignee", "labels"}
"""Keys of which an item of peal's has none, and a task there at least one."""
_PRIORITIES = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_SHOWN = 10

_NEW = {"", "to do", "todo", "draft", "open", "new", "backlog", "pending", "planned", "ready", "not started"}
_UNDER_WAY = {
    "in progress",
    "doing",
    "started",
    "active",
    "wip",
    "review",
    "in review",
    "testing",
    "in testing",
}
_WAITS = {"blocked", "on hold", "waiting", "deferred", "paused"}
_CANCELLED = {"cancelled", "canceled", "dropped", "wontfix", "won't do", "won't fix", "archived", "duplicate"}


@frozen
class _Task:
    """The keys that have a field here."""

    id: str
    title: str
    status: str = ""
    labels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    priority: str = ""
    created_date: str = ""
    updated_date: str = ""


_KEYS = tuple(one.name for one in fields(_Task))


def is_at(place: Place) -> bool:
    """A task, or a folder with some; the folder `backlog` with its configuration also if there is none yet."""
    if place.raw is not None:
        return False
    if place.is_folder:
        return any((place.path / one).exists() for one in _CONFIGS) or any(map(_is_task, _files(place.path)))
    return _is_task(place.path)


def _files(folder: Path) -> list[Path]:
    try:
        inner = [path for one in (_TASKS, _DRAFTS) for path in folder_in(folder / one)]
        return [path for path in (*folder_in(folder), *inner) if path.suffix == ".md"]
    except Unfit:
        return []


def _is_task(path: Path) -> bool:
    try:
        raw = bytes_at(path)
        keys = entries(raw).keys() if has_front_matter(raw) else ()
    except (Unfit, NoItem):
        return False
    return set(keys) >= _NEEDED and bool(_OF_TASKS & set(keys))


def read(place: Place) -> Reading:
    """The tasks of a folder, with those that are over, or the one in a file."""
    folder = place.path if place.is_folder else place.path.parent
    root = folder if place.is_folder and _is_root(folder) else folder.parent
    try:
        paths = list(_paths(folder, root)) if place.is_folder else [(place.path, "")]
        statuses = _statuses(root)
    except Unfit as error:
        return Reading(name, problems=tuple(told_at(place.told, error)))
    items: list[Foreign] = []
    problems: list[str] = []
    notes: list[str] = []
    for path, kind in paths:
        try:
            found = _read(path, kind, statuses)
        except (Unfit, NoItem) as error:
            problems += told_at(told(path), error)
            continue
        if found:
            items.append(found)
        else:
            notes.append(f"`{told(path)}`: it is no task, for it has no front matter; it is left out")
    return Reading(name, tuple(items), tuple(problems), tuple(notes))


def _is_root(folder: Path) -> bool:
    return any((folder / one).exists() for one in (*_CONFIGS, _TASKS))


def _paths(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """Every task's file, and the folder that says more of it than its status."""
    named = [(folder, "")] if folder != root else [(root / _TASKS, ""), (root / _DRAFTS, _DRAFTS)]
    for inner, kind in (*named, *((root / one, one) for one in _OVER)):
        yield from ((path, kind) for path in folder_in(inner) if path.suffix == ".md")


def _statuses(root: Path) -> tuple[str, ...]:
    """The statuses that the configuration lists, from the first to the last; none if it does not."""
    for one in _CONFIGS:
        if (root / one).exists():
            try:
                listed = entries(f"---\n{text_at(root / one)}\n---\n".encode()).get("statuses", Entry(0, []))
            except (Unfit, NoItem):
                return ()
            return tuple(map(str, listed.value)) if isinstance(listed.value, list) else ()
    return ()


def _read(path: Path, kind: str, statuses: Sequence[str]) -> Foreign | None:
    raw = bytes_at(path)
    if not has_front_matter(raw):
        return None
    text_at(path)
    found = entries(raw)
    lines = {key: entry.line for key, entry in found.items()}
    values = {key: _worded(entry.value) for key, entry in found.items() if entry.value is not None}
    task = taken(values, _Task)
    where = f"{told(path)} line {lines.get('id', 1)}"
    rest = {
        key: entry.value
        for key, entry in found.items()
        if key not in _KEYS and entry.value not in (None, [], "")
    }
    title, whole = title_of(task.title)
    item = Item(
        task.id,
        title,
        priority=_PRIORITIES.get(task.priority.lower(), 0),
        tags=tags_of(task.labels),
        depends=tuple(dict.fromkeys(_full(one, task.id) for one in task.dependencies)),
        created=_moment(task.created_date),
        updated=_moment(task.updated_date),
        text=unix(text_of(raw)),
    )
    if task.priority:
        rest["priority"] = task.priority
    if task.status:
        rest["status"] = task.status
    item = _with_status(item, task, kind, statuses, lines, rest)
    return Foreign(item, where, digest_of(kind.encode(), raw), {**rest, **whole})


def _worded(value: Any) -> Any:
    """A value with every number as the word that it is written as."""
    if isinstance(value, list):
        return [_worded(one) for one in value if one is not None]
    return value if isinstance(value, str | dict) else str(value)


def _full(dependency: str, task: str) -> str:
    """`task-8` for `8`."""
    number = re.fullmatch(r"\d+(?:\.\d+)*", dependency, re.ASCII)
    return f"{task.partition('-')[0]}-{dependency}" if number else dependency


def _moment(text: str) -> str:
    """`2025-08-05T08:53` for the same with a blank."""
    return re.sub(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d)", r"\1T\2", text)


def _with_status(
    item: Item,
    task: _Task,
    kind: str,
    statuses: Sequence[str],
    lines: Mapping[str, int],
    rest: Mapping[str, Any],
) -> Item:
    """The item with its status; one that somebody is at waits for a person, who knows what has been done."""
    status = _status(task.status, kind, statuses)
    if status is None:
        known = some(statuses, _SHOWN) or "`To Do`, `In Progress` and `Done`"
        line = lines.get("status", 1)
        raise Unfit(
            f"line {line}: the status `{harmless(task.status)}` is none that is known; there is {known}"
        )
    if status == "cancelled":
        return evolve(item, status=status, reason="it was archived in Backlog.md" if kind else task.status)
    if status in FINAL or status == "new":
        return evolve(item, status=status)
    who = rest.get("assignee")
    people = ", ".join(map(str, who)) if isinstance(who, list) else str(who or "")
    by = f", assigned to {people}" if people else ""
    way = "say what is left to do and unblock it, or close it"
    reason = f"it was `{task.status}` in Backlog.md{by}; {way}"
    return evolve(
        item, status="blocked", blocked=Blocked("new", "decision", reason, item.updated or item.created)
    )


def _status(word: str, kind: str, statuses: Sequence[str]) -> Status | None:
    """What a word says; where the configuration lists it, by its place there. `blocked` where somebody is at it."""
    plain = " ".join(word.lower().replace("_", " ").replace("-", " ").split())
    if words.read(plain).done or kind == "completed":
        return "done"
    if kind.startswith("archive") or plain in _CANCELLED:
        return "cancelled"
    if kind == _DRAFTS or plain in _NEW:
        return "new"
    if plain in _UNDER_WAY or plain in _WAITS:
        return "blocked"
    places = {one.lower(): place for place, one in enumerate(statuses)}
    if (place := places.get(word.lower())) is None:
        return None
    return "new" if place == 0 else "done" if place == len(statuses) - 1 else "blocked"
