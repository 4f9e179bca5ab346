"""Items in their files: read as they were written, changed so that all else stays, found by their ids, moved by a table."""

import os
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import evolve, fields
from conftest import examples
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from peal.backlog import dependencies, item_file, lifecycle, store
from peal.backlog.advancing import advanced
from peal.backlog.item import FINAL, Blocked, BlockType, Description, Item, Level, Size, Status, rank
from peal.backlog.items_of_branch import ItemsOfFolder
from peal.backlog.parsed_items import ParsedItems
from peal.backlog.store import Backlog
from peal.backlog.table import in_order, lines
from peal.errors import PealError
from peal.settings import ItemPhaseSettings, PipelineSettings
from peal.text.columns import cut, table, width, wrapped
from peal.text.display import harmless

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
LINES = st.lists(
    st.sampled_from(["word", " two words ", "# no: comment", "- [x]", "'", '"', "é", "---", "…", "\t", ""])
).map("\n".join)
ANY = TEXT | LINES
LINE = ANY.map(lambda text: text.replace("\n", " ").strip()).filter(lambda text: harmless(text).strip())
WORD = st.sampled_from(["ui", "true", "1.0", "null", "~", "a b", "x,y", "[", "{", "ö", "#1", "- x"])
BLOCKED = st.builds(
    Blocked,
    st.sampled_from(["new", "scoping", "ready", "in_progress"]),
    st.sampled_from(get_args(BlockType)),
    ANY,
    TEXT,
    TEXT,
)


def _items(
    status: st.SearchStrategy[Status], blocked: st.SearchStrategy[Blocked | None]
) -> st.SearchStrategy[Item]:
    return st.builds(
        Item,
        id=st.sampled_from(["WRK-001", "a-b-c", "X1-2.3", "ÄB-ö", "1-1"]),
        title=LINE,
        status=status,
        phase=TEXT,
        pool=st.sampled_from([None, "pre", "main"]),
        pipeline=TEXT,
        priority=st.integers(-1000, 2**31 - 1),
        size=st.sampled_from([None, *get_args(Size)]),
        complexity=st.sampled_from([None, *get_args(Level)]),
        risk=st.sampled_from([None, *get_args(Level)]),
        impact=st.sampled_from([None, *get_args(Level)]),
        requires_human_review=st.booleans(),
        guardrails_overridden=st.booleans(),
        tags=st.lists(WORD).map(tuple),
        depends=st.lists(WORD).map(tuple),
        origin=TEXT,
        created=TEXT,
        updated=TEXT,
        blocked=blocked,
        notes=ANY,
        reason=ANY,
        last_phase_commit=TEXT,
        description=st.builds(Description, ANY, ANY, ANY, ANY, ANY),
        text=ANY,
    )


ITEMS = _items(st.sampled_from([one for one in get_args(Status) if one != "blocked"]), st.none()) | _items(
    st.just("blocked"), BLOCKED
)
QUICK = settings(
    max_examples=examples(40),
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@QUICK
@given(ITEMS)
def test_an_item_is_read_as_it_was_written(item: Item) -> None:
    assert item_file.read(item_file.written(item)) == item


@QUICK
@given(ITEMS, ITEMS)
def test_a_file_says_what_has_become_of_its_item(before: Item, after: Item) -> None:
    """Whatever it was before; and what is changed back leaves no trace in what it says."""
    raw = item_file.written(before)

    changed = item_file.changed(raw, after)

    assert item_file.read(changed) == after
    assert item_file.read(item_file.changed(changed, before)) == before
    assert item_file.changed(raw, before) == raw


WRITTEN = b"""---
# who reads this?
id: WRK-007   # lucky
"title": 'Old'  # to be better
status: new

mine: {deep: [1, 2]}   # not peal's
tags:
  - ui   # the first
  # and:
  - "db"
# below the tags
priority:   3
size:
depends: [WRK-1,
  WRK-2]
notes: |
  several
  lines

last: "with: colon"
---
text
  below"""
CHANGES: dict[str, Any] = {
    "title": "New: one",
    "status": "scoping",
    "tags": ("ui",),
    "priority": 0,
    "size": "small",
    "depends": (),
    "notes": "one line",
    "risk": "low",
    "text": "other\n",
}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("key", CHANGES)
def test_only_the_changed_key_has_other_bytes(key: str, mark: bytes, line_end: bytes) -> None:
    """Comments, order, quotes, blank lines, keys that peal does not know, line ends, a mark and a last line without an end."""
    raw = mark + WRITTEN.replace(b"\n", line_end)
    lines_before = raw.split(line_end)

    changed = item_file.changed(raw, evolve(item_file.read(raw), **{key: CHANGES[key]}))

    gone = [line for line in lines_before if line not in changed.split(line_end)]
    new = [line for line in changed.split(line_end) if line not in lines_before]
    assert changed.startswith(mark + b"---" + line_end)
    assert all(line in _LINES_OF[key] for line in gone), gone
    assert [line.rstrip(b"\n") for line in new] in ([], [_NEW[key]])
    assert b"\n" not in changed.replace(b"\r\n", b"") or line_end == b"\n" or key == "text"


_LINES_OF = {
    "title": [b"\"title\": 'Old'  # to be better"],
    "status": [b"status: new"],
    "tags": [b"tags:", b"  - ui   # the first", b"  # and:", b'  - "db"'],
    "priority": [b"priority:   3"],
    "size": [b"size:"],
    "depends": [b"depends: [WRK-1,", b"  WRK-2]"],
    "notes": [b"notes: |", b"  several", b"  lines"],
    "risk": [],
    "text": [b"text", b"  below"],
}
_NEW = {
    "title": b"title: 'New: one'  # to be better",
    "status": b"status: scoping",
    "tags": b"tags: [ui]",
    "priority": b"",
    "size": b"size: small",
    "depends": b"",
    "notes": b"notes: one line",
    "risk": b"risk: low",
    "text": b"other",
}


SPELLINGS = {
    "title": ["title: x", "title:   'x' # why", '"title" : "x"', "title: >-\n  x", "title:\n  x", "title: !!str x", "title: |-\n  x\n", "? title\n: x"],
    "tags": ["tags: [a, b]", "tags: [a,\n  b]  # why", "tags:\n- a\n- b", "tags:\n  - a\n\n  # in\n  - 'b'  # why", "tags: a, b", "tags:\n  [a, b]"],
    "notes": ["notes: x", "notes: x\n  y", "notes: |\n  x\n\n  y", "notes: |+\n  x\n", "notes: >\n  x\n    y", 'notes: "x\\\n  y"', "notes: ''", "notes:"],
    "description": ["description: {context: x}", "description:\n  context: x\n  # in\n  problem: |\n    y\n", "description: {}", "description:"],
    "size": ["size: small", "size:", "size: ~", "size: 'small'", "size: # none"],
}  # fmt: skip
BETWEEN = [
    "",
    "# a: comment",
    " # farther in",
    "mine: 1",
    "mine: {a: [1]}",
    "mine: |\n  a\n\n  b",
    "mine:\n- a\n# in\n- b",
    "mine:",
    "mine: |\n  a\n\n",
]
"""What may stand between two keys; `mine` is called otherwise each time."""
OTHERWISE = {
    "title": "other",
    "tags": ("c",),
    "notes": "z\nz",
    "description": Description(problem="z"),
    "size": "large",
}


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_whatever_a_file_looks_like_all_other_keys_stay_as_they_are(data: st.DataObject) -> None:
    """However a person has written them, and whatever stands around them."""
    parts = ["id: A-1"]
    between = st.lists(st.sampled_from(BETWEEN), max_size=2)
    spelt = {}
    for key in data.draw(st.permutations(list(SPELLINGS))):
        parts += data.draw(between)
        spelt[key] = len(parts)
        parts.append(data.draw(st.sampled_from(SPELLINGS[key])))
    parts = [part.replace("mine", f"mine{at}") for at, part in enumerate([*parts, *data.draw(between)])]
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    raw = "".join(f"{part}\n" for part in ("---", *parts, "---", "text"))
    key = data.draw(st.sampled_from(list(SPELLINGS)))
    item = item_file.read(raw.replace("\n", line_end).encode())

    changed = item_file.changed(raw.replace("\n", line_end).encode(), evolve(item, **{key: OTHERWISE[key]}))

    before, after = parts[: spelt[key]], parts[spelt[key] + 1 :]
    begin = "".join(f"{part}\n" for part in ("---", *before)).replace("\n", line_end)
    end = "".join(f"{part}\n" for part in (*after, "---", "text")).replace("\n", line_end)
    assert changed.decode().startswith(begin)
    assert changed.decode().endswith(end)
    assert item_file.read(changed) == evolve(item, **{key: OTHERWISE[key]})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "it has no front matter; begin it with a line `---`"),
        (b"---\nid: a-1\n", "its front matter does not end; write a line `---` behind it"),
        (b"---\n---\n", "`id` is missing; set it\n`title` is missing; set it"),
        (b"---\nid: WRK\ntitle: x\n---\n", "`id` is `WRK`; write PREFIX-SUFFIX, such as WRK-001"),
        (b"---\nid: a-1\ntitle: ''\n---\n", "`title` has to be one line of text; write it"),
        (b"---\nid: a-1\ntitle: a\ntitle: b\n---\n", "`title` is there twice; keep one of them"),
        (b"---\nid: a-1\ntitle: \xff\n---\n", "it is no UTF-8 at byte 19; save it as UTF-8"),
        (b"---\n{id: a-1, title: x}\n---\n", "the front matter has no keys, each on a line of its own; "),
        (b"---\nid: a-1\ntitle: a: b\n---\n", "the front matter is no YAML: line 3: mapping values are not allowed here; "),
        (b"---\nid: a-1\ntitle: &x [*x]\n---\n", "a value is made of names for other values"),
        (b"---\nid: a-1\ntitle: a\nstatus: todo\nsize: xl\n---\n", "`status` is `\"todo\"`; it must be `new` or `scoping`"),
        (b"---\nid: a-1\ntitle: a\nstatus: blocked\n---\n", "`status` is blocked, and `blocked` does not say why; "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_the_way_out(text: bytes, told: str) -> None:
    with pytest.raises(item_file.NoItem) as error:
        item_file.read(text)

    assert str(error.value).startswith(told)
    assert str(error.value).count("\n") == told.count("\n") + ("xl" in text.decode(errors="replace"))


def test_lists_may_stand_in_one_line_with_commas() -> None:
    item = item_file.read(b"---\nid: a-1\ntitle: x\ntags: ui, db\ndepends: WRK-1 WRK-2\n---\n")

    assert (item.tags, item.depends) == (("ui", "db"), ("WRK-1", "WRK-2"))


def test_front_matter_that_cannot_be_changed_key_by_key_stays() -> None:
    """Told, and not spoilt."""
    raw = b"---\nid: a-1\ntitle: &mine x\nother: *mine\n---\n"

    with pytest.raises(item_file.NoItem, match="cannot be written so that it is read again"):
        item_file.changed(raw, evolve(item_file.read(raw), title="y"))


# --- the lifecycle


def _in(status: Status) -> Item:
    held = Blocked("ready", "decision", "why", "then", "prd")
    return Item("a-1", "x", status, "prd", "main", blocked=held if status == "blocked" else None)


_MAY = {
    ("new", "scoping"), ("new", "cancelled"), ("scoping", "ready"), ("scoping", "cancelled"), ("ready", "in_progress"),
    ("ready", "cancelled"), ("in_progress", "done"), ("in_progress", "cancelled"), ("blocked", "ready"), ("blocked", "cancelled"),
}  # fmt: skip
"""A blocked item was ready before."""


@pytest.mark.parametrize("before", get_args(Status))
@pytest.mark.parametrize("to", get_args(Status))
def test_every_move_is_in_the_table_or_refused_with_what_is_possible(before: Status, to: Status) -> None:
    item = _in(before)
    if (before, to) in _MAY:
        moved = lifecycle.moved(item, to, "now")
        assert (moved.status, moved.updated, moved.blocked) == (to, "now", None)
        assert (moved.phase, moved.pool) == (("", None) if to in FINAL else ("prd", "main"))
    else:
        with pytest.raises(PealError, match=f"item a-1 is {before} and cannot become {to}; it can become "):
            lifecycle.moved(item, to, "now")


@pytest.mark.parametrize("status", get_args(Status))
def test_what_is_neither_over_nor_blocked_can_be_blocked_and_is_then_what_it_was(status: Status) -> None:
    item = _in(status)
    if status in (*FINAL, "blocked"):
        with pytest.raises(PealError, match="cannot be blocked; it can become"):
            lifecycle.blocked(item, "decision", "why", "then")
        return

    held = lifecycle.blocked(item, "conflict", "why", "then")

    assert held.status == "blocked"
    assert held.blocked == Blocked(status, "conflict", "why", "then", "prd")
    assert lifecycle.unblocked(held, "", "").status == status


def test_unblocking_tells_the_next_phase_and_is_the_review() -> None:
    """What its phase rested on is taken anew; guardrails once overridden stay so."""
    item = evolve(_in("blocked"), requires_human_review=True, last_phase_commit="abc")

    overridden = lifecycle.unblocked(item, "do it", "now", overrides_guardrails=True)
    again = lifecycle.unblocked(lifecycle.blocked(overridden, "failure", "x", "y"), "and that", "now")

    assert (overridden.notes, overridden.requires_human_review, overridden.last_phase_commit) == (
        "do it",
        False,
        "",
    )
    assert overridden.guardrails_overridden
    assert again.guardrails_overridden
    assert again.notes == "do it\n\nand that"
    with pytest.raises(PealError, match="is ready and cannot be unblocked"):
        lifecycle.unblocked(again, "", "now")


def test_every_status_has_a_row_and_leads_to_such_that_there_are() -> None:
    assert set(lifecycle.TRANSITIONS) == set(get_args(Status))
    assert {to for row in lifecycle.TRANSITIONS.values() for to in row} <= set(get_args(Status))


# --- phases, by a person's hand

PIPELINE = PipelineSettings(
    (ItemPhaseSettings(name="research"), ItemPhaseSettings(name="size")),
    (ItemPhaseSettings(name="prd"), ItemPhaseSettings(name="build")),
)


@pytest.mark.parametrize(
    ("status", "phase", "to", "found"),
    [
        ("in_progress", "prd", None, "build"),
        ("in_progress", "", None, "prd"),
        ("in_progress", "build", "prd", "prd"),
        ("in_progress", "gone", "prd", "prd"),
        ("scoping", "", None, "research"),
        ("scoping", "research", None, "size"),
    ],
)
def test_an_item_is_advanced_in_its_list(status: Status, phase: str, to: str | None, found: str) -> None:
    item = advanced(Item("a-1", "x", status, phase), PIPELINE, to, "now")

    assert (item.phase, item.pool, item.status, item.updated) == (
        found,
        "pre" if status == "scoping" else "main",
        status,
        "now",
    )


@pytest.mark.parametrize(
    ("status", "phase", "to", "told"),
    [
        ("in_progress", "build", None, "cannot advance a-1: there is no phase after `build`; `peal backlog advance a-1 --to PHASE`"),
        ("in_progress", "gone", None, "cannot advance a-1: its phase `gone` is none of `prd`, `build`; name one with --to"),
        ("in_progress", "prd", "research", "`research` is no phase in which a-1 can be: it is in_progress; choose one of `prd`, `build`"),
        ("ready", "", None, "cannot advance a-1: it is ready, not scoping or in_progress; a run begins it"),
        ("new", "", "prd", "cannot advance a-1: it is new, not scoping or in_progress; a run triages it"),
        ("done", "", None, "cannot advance a-1: it is done, not scoping or in_progress; nothing comes after that"),
    ],
)  # fmt: skip
def test_what_cannot_be_advanced_is_told_with_what_can(
    status: Status, phase: str, to: str | None, told: str
) -> None:
    with pytest.raises(PealError) as error:
        advanced(Item("a-1", "x", status, phase), PIPELINE, to, "now")

    assert str(error.value).startswith(told)


# --- the folder


def _put(folder: Path, name: str, *items: Item) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    for item in items:
        (folder / name).write_bytes(item_file.written(item))


@pytest.mark.parametrize(
    ("text", "found"),
    [("WRK-001", "WRK-001"), ("wrk-1", None), ("1", "WRK-001"), ("01", "WRK-001"), ("002", "WRK-002"), ("x", "OLD-x7"), ("ol", "OLD-x7")],
)  # fmt: skip
def test_an_item_is_found_by_as_much_of_its_id_as_tells_it_apart(
    tmp_path: Path, text: str, found: str | None
) -> None:
    for id_ in ("WRK-001", "WRK-002", "OLD-x7"):
        _put(tmp_path, f"whatever-{id_}.md", Item(id_, "x"))
    backlog = Backlog.of(tmp_path)

    if found is None or text == "x":
        with pytest.raises(
            PealError, match=r"there is no item `.*`; `peal backlog list --all`|there is no item"
        ):
            backlog.find(text)
    else:
        assert backlog.find(text).item.id == found


def test_what_could_be_several_items_is_refused(tmp_path: Path) -> None:
    _put(tmp_path, "1.md", Item("A-1", "x"))
    _put(tmp_path, "2.md", Item("B-1", "x"))

    with pytest.raises(PealError, match="`1` could be `A-1`, `B-1`; write more of it"):
        Backlog.of(tmp_path).find("1")


def test_two_files_of_one_id_are_told_and_neither_is_taken(tmp_path: Path) -> None:
    _put(tmp_path, "1.md", Item("A-1", "x"))
    _put(tmp_path, "archive/2.md", Item("a-1", "y"))

    backlog = Backlog.of(tmp_path)

    assert len(backlog.problems) == 1
    assert (
        "are both A-1; give one of them another id" in backlog.problems[0]
        or "are both a-1" in backlog.problems[0]
    )
    with pytest.raises(PealError, match="give one of them another id"):
        backlog.find("A-1")


def test_ids_count_on_past_the_archive_and_past_what_cannot_be_read(tmp_path: Path) -> None:
    _put(tmp_path, "a.md", Item("WRK-002", "x"))
    _put(tmp_path, "archive/b.md", Item("WRK-007", "x", "done"))
    _put(tmp_path, "c.md", Item("OTHER-99", "x"))
    assert Backlog.of(tmp_path).next_id("WRK") == "WRK-008"

    _put(tmp_path, "d.md", Item(f"BIG-{10**15 - 1}", "x"))
    assert Backlog.of(tmp_path).next_id("BIG") == f"BIG-{10**15}"

    (tmp_path / "WRK-010-broken.md").write_bytes(b"---\n")

    assert Backlog.of(tmp_path).next_id("WRK") == "WRK-011"
    assert Backlog.of(tmp_path).next_id("NEW") == "NEW-001"


def test_what_is_no_readable_item_is_told_and_the_others_are_there(tmp_path: Path) -> None:
    """A folder, links, a fifo, an empty file, something else; a text about the items is none and no problem."""
    _put(tmp_path, "a.md", Item("WRK-002", "x"))
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "link.md").symlink_to("a.md")
    (tmp_path / "lost.md").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo.md")
    (tmp_path / "empty.md").touch()
    (tmp_path / "WRK-3.md").write_text("no front matter")
    (tmp_path / "README.md").write_text("About these.")
    (tmp_path / ".hidden.md").write_text("---\n")

    backlog = Backlog.of(tmp_path)

    assert [one.id for one in backlog.items] == ["WRK-002"]
    told = {
        problem.split("`")[1].rpartition("/")[2]: problem.partition("`: ")[2] for problem in backlog.problems
    }
    assert told == {
        "folder.md": "it is a folder; put a file there, or take it away",
        "link.md": "it is a link; put a file there, or take it away",
        "lost.md": "it is a link; put a file there, or take it away",
        "fifo.md": "it is a fifo; put a file there, or take it away",
        "empty.md": "it is empty; write an item into it, or take it away",
        "WRK-3.md": "it has no front matter; begin it with a line `---`, or take it away",
    }


@QUICK
@given(
    st.lists(TEXT.filter(lambda one: item_file.is_id(f"P-{one}")), unique_by=str.casefold, max_size=6), LINE
)
@example(["a" * 300, "a" * 299 + "b", "ö" * 200], "ß" * 500)
@example(["1"], "???")
def test_no_two_ids_share_a_file_and_each_name_fits(suffixes: list[str], title: str) -> None:
    names = [store.file_name(Item(f"P-{one}", title)) for one in suffixes]

    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 200 and "/" not in name and name[0] not in ".-" for name in names)


def test_a_file_is_called_by_its_id_and_title() -> None:
    assert store.file_name(Item("WRK-001", "Build user login!")) == "WRK-001-build-user-login.md"


def test_the_second_of_two_writers_finds_out(tmp_path: Path) -> None:
    _put(tmp_path, "a.md", Item("A-1", "x"))
    first, second = Backlog.of(tmp_path).kept[0], Backlog.of(tmp_path).kept[0]
    store.put(first, item_file.changed(first.raw, evolve(first.item, title="y")), first.path)

    with pytest.raises(PealError, match="was changed meanwhile"):
        store.put(second, item_file.changed(second.raw, evolve(second.item, title="z")), second.path)
    assert Backlog.of(tmp_path).items[0].title == "y"


# --- what was parsed


def _older(path: Path) -> None:
    """As if it had been written a while ago."""
    os.utime(path, (1e9, 1e9))


def _parsed_anew(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files that are parsed from now on; their time of change counts as long ago."""
    seen: list[bytes] = []
    read = item_file.read
    monkeypatch.setattr(item_file, "read", lambda raw: seen.append(raw) or read(raw))
    monkeypatch.setattr("peal.backlog.parsed_items._GRAIN", -1)
    return seen


def test_a_file_is_parsed_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = tmp_path / "items", tmp_path / "cache"
    held = Blocked("new", "decision", "why", "then")
    whole = Item(
        "A-2", "x", "blocked", blocked=held, tags=("a",), description=Description("c"), text="text\n"
    )
    _put(folder, "a.md", Item("A-1", "x"))
    _put(folder, "b.md", whole)
    seen = _parsed_anew(monkeypatch)
    first = ParsedItems.of(cache)
    before = Backlog.of(folder, first)
    first.keep(cache)
    assert len(seen) == 2

    again = Backlog.of(folder, ParsedItems.of(cache))
    assert again == before
    assert len(seen) == 2

    _put(folder, "a.md", Item("A-1", "y"))
    seen.clear()
    assert [one.title for one in Backlog.of(folder, ParsedItems.of(cache)).items] == ["y", "x"]
    assert len(seen) == 1


def test_a_file_that_may_still_change_within_one_tick_is_not_kept(tmp_path: Path) -> None:
    _put(tmp_path, "items/a.md", Item("A-1", "x"))
    parsed = ParsedItems()
    Backlog.of(tmp_path / "items", parsed)

    parsed.keep(tmp_path / "cache")

    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "broken", [b"", b"\xff", b"[]", b"{}", b'{"shape": 1}', b'{"shape": SHAPE, "items": []}', b'{"shape": SHAPE, "items": {"PATH": [MARK, "x", {"a": 1}]}}']
)  # fmt: skip
def test_a_cache_that_says_nothing_useful_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bytes
) -> None:
    import json

    folder, cache = tmp_path / "items", tmp_path / "cache"
    _put(folder, "a.md", Item("A-1", "x"))
    _parsed_anew(monkeypatch)
    parsed = ParsedItems.of(cache)
    before = Backlog.of(folder, parsed)
    parsed.keep(cache)
    good = json.loads(cache.read_bytes())
    ((path, entry),) = good["items"].items()
    for word, value in (("SHAPE", good["shape"]), ("MARK", entry[0])):
        broken = broken.replace(word.encode(), json.dumps(value).encode())
    cache.write_bytes(broken.replace(b"PATH", path.encode()))

    assert Backlog.of(folder, ParsedItems.of(cache)) == before


def test_a_new_file_is_made_by_one_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making one takes longer than what it writes."""
    from ruamel.yaml import YAML

    dump, made = YAML.dump, list[Any]()
    monkeypatch.setattr(YAML, "dump", lambda self, *words: made.append(words) or dump(self, *words))
    at, tags = "2026-01-01T00:00:00Z", ("a", "b")

    raw = item_file.written(
        Item("A-1", "x", tags=tags, depends=tags, created=at, updated=at), {"mine": ["a"]}
    )

    assert len(made) == 1
    assert raw.decode() == (
        "---\nid: A-1\ntitle: x\nstatus: new\ntags: [a, b]\ndepends: [a, b]\n"
        "created: '2026-01-01T00:00:00Z'\nupdated: '2026-01-01T00:00:00Z'\nmine: [a]\n---\n"
    )


# --- dependencies, order, columns


def test_a_dependency_that_can_never_be_met_is_refused() -> None:
    items = {
        "a": Item("a", "x", depends=("b",)),
        "b": Item("b", "x", depends=("c",)),
        "c": Item("c", "x"),
        "d": Item("d", "x", "cancelled"),
    }

    for depends, told in (
        ("c", "c cannot wait for itself"),
        ("x", "c cannot wait for `x`, which there is not"),
        ("d", "c would wait for d for ever"),
        ("a", "items would wait for each other: c -> a -> b -> c"),
    ):
        with pytest.raises(PealError, match=told):
            dependencies.check(Item("c", "x", depends=(depends,)), items)
    dependencies.check(items["a"], items)
    assert dependencies.unmet(
        Item("e", "x", depends=("a", "gone", "f")), {**items, "f": Item("f", "x", "done")}
    ) == (
        ("a", "new"),
        ("gone", "missing"),
    )


def test_items_are_listed_by_how_far_they_are_then_by_urgency_then_by_number() -> None:
    items = [
        Item("A-10", "x"), Item("A-9", "x"), Item("A-1", "x", "done"), Item("A-2", "x", priority=5), Item("A-3", "x", "in_progress"),
        _in("blocked"),
    ]  # fmt: skip

    assert [one.id for one in in_order(items)] == ["A-3", "a-1", "A-2", "A-9", "A-10", "A-1"]


def test_a_table_fits_the_terminal_and_never_cuts_a_letter() -> None:
    item = Item("A-1", "Ein Häuschen für 日本語 und mehr", "new", depends=("A-9",))

    shown = lines([item], {}, 40)

    assert all(width(line) <= wide for wide in (10, 40) for line in lines([item], {}, wide))
    assert shown[1].endswith("…")
    assert shown[2] == "  waits for A-9 (missing)"
    assert lines([item], {}, None)[1].endswith("日本語 und mehr")
    assert (width("日本"), width("e\u0301"), cut("日本語", 5), cut("abc", 3)) == (4, 1, "日本…", "abc")
    assert wrapped("ab  cdefgh 日本語 x", 5) == ["ab", "cdefg", "h", "日本", "語 x"]
    assert table([["日", "x"], ["a", "y"]], None) == ["日  x", "a   y"]


def test_sizes_and_levels_are_ranked() -> None:
    assert [rank(one) for one in (None, "small", "medium", "large", "low", "high")] == [0, 1, 2, 3, 1, 3]
    assert {one.name for one in fields(Item)} >= {"guardrails_overridden", "reason"}


def test_a_run_looks_again_only_at_files_that_show_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is committed; also at one that is broken, until it is mended."""
    folder = tmp_path / "backlog"
    for number in (1, 2):
        _put(folder, f"{number}.md", Item(f"A-{number}", "x"))
    (folder / "3.md").write_text("---\nid: 3\n---\n")
    monkeypatch.setattr("peal.backlog.parsed_items._GRAIN", -1)
    read, seen = ParsedItems.read, list[str]()
    monkeypatch.setattr(ParsedItems, "read", lambda self, path: seen.append(path.name) or read(self, path))
    items = ItemsOfFolder(tmp_path, folder)

    first = items.read()
    assert (items.read(), seen) == (first, ["1.md", "2.md", "3.md"])

    seen.clear()
    _put(folder, "2.md", Item("A-2", "changed"))
    _put(folder, "3.md", Item("A-3", "mended"))
    assert [one.item.title for one in items.read().kept] == ["x", "changed", "mended"]
    assert seen == ["2.md", "3.md"]


def test_a_run_sees_the_same_backlog_until_a_file_of_a_folder_changes(tmp_path: Path) -> None:
    """Where nothing is committed; a run looks again as long as what it sees is another one."""
    folder = tmp_path / "backlog"
    (folder / "archive").mkdir(parents=True)
    file = folder / "WRK-001-one.md"
    file.write_bytes(item_file.written(Item("WRK-001", "One")))
    items = ItemsOfFolder(tmp_path, folder)

    first = items.read()
    again = items.read()
    file.write_bytes(item_file.written(Item("WRK-001", "Won")))
    changed = items.read()
    file.rename(folder / "archive" / file.name)

    assert again is first
    assert [one.item.title for one in changed.kept] == ["Won"]
    assert [one.is_archived for one in items.read().kept] == [True]
