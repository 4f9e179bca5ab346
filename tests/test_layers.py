"""Imports point down: the table of rows, and the doors that only some rooms may use."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = Path(__file__).parents[1] / "peal"

# A room is a module or a folder of peal/; it imports only from rows below its own. Inside a folder files are free
# to import each other. A new room gets its place here and a sentence in docs/architecture.md.
ROWS = (
    ("__init__", "classes", "errors"),
    ("text",),
    ("model",),
    ("formats", "phases", "settings", "system"),
    ("agents", "landing", "reviewers", "worktrees"),
    ("record", "sandbox"),
    ("executors", "schedule", "views", "workspaces"),
    ("backlog", "machines", "notify", "reports", "requests"),
    ("doctor", "work"),
    ("jobs",),
    ("run",),
    ("cli",),
    ("__main__",),
)
ROW = {room: number for number, rooms in enumerate(ROWS) for room in rooms}

# What comes from outside and has one door or a few, rooms or modules of them; everything else may be used anywhere.
DOORS = {
    "apprise": ("notify.by_apprise",),
    "asyncio": ("machines.dask_link", "machines.dask_worker", "machines.relay"),
    "cattrs": ("phases.item_results", "record.events", "record.batch_file"),
    "click": ("cli",),
    "concurrent": ("executors.threads", "machines", "work.attempt_context"),
    "distributed": ("machines.dask_access", "machines.dask_link"),
    "filelock": ("record.lock",),
    "jinja2": ("phases.prompts", "reports.page.document"),
    "markdown_it": ("agents.shell", "formats.blocks"),
    "markupsafe": ("reports.page.document",),
    "msgpack": ("machines.dask_link", "machines.relay", "machines.rpc"),
    "multiprocessing": (),
    "pickle": ("machines.dask_link",),
    "pkg_resources": (),
    "pkgutil": (),
    "psutil": ("system.process",),
    "pygments": ("reports.page.document",),
    "rich": ("views.screens",),
    "runpy": (),
    "ruamel": ("backlog.item_file", "formats.front_matter"),
    "sh": ("agents.short_commands",),
    "subprocess": ("system.git", "system.process", "system.version"),
    "threading": (
        "backlog.field_guard",
        "backlog.left_out",
        "executors",
        "machines",
        "notify.sending",
        "record.log",
        "run.report_file",
        "sandbox.appeared",
        "system.git_dialogue",
        "system.process",
        "system.terminal",
        "workspaces.slots",
        "worktrees.worktree",
    ),
    "tomlkit": ("cli.config", "settings.editing", "settings.page"),
    "tomllib": ("settings",),
}
# The run itself does not know what kind of work it carries out.
KNOWN_TO = {"backlog": ("backlog", "doctor", "jobs", "cli")}
# Runs by itself with `-I -S` in an empty environment: the standard library, and little of that.
STARTS_ALONE = "peal.system.reaper"
# May import a module whose name is only known at run time: the tables of commands and of adapters.
DYNAMIC = ("agents.registry", "cli")
_IMPORTERS = ("import_module", "__import__")
_ENTRY = re.compile(r"peal(\.\w+)+:\w+")


@frozen
class Arrow:
    """One import: who, whom, where."""

    importer: str
    imported: str
    """The dotted name; `?` if it is only known at run time."""
    line: int


def arrows(module: str, source: str, modules: frozenset[str], is_package: bool = False) -> Iterator[Arrow]:
    """Every import in a module's source, wherever it stands and however it is written; `peal.a:b` in a text is one too."""
    tree = ast.parse(source)
    package = module if is_package else module.rpartition(".")[0]
    importers = _importers(tree)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for name in node.names:
                    yield Arrow(module, name.name, node.lineno)
            case ast.ImportFrom():
                base = _absolute(package, node.module or "", node.level)
                for name in node.names:
                    inner = f"{base}.{name.name}"
                    yield Arrow(module, inner if inner in modules else base, node.lineno)
            case ast.Call(args=[ast.Constant(value=str() as name), *others]) if _word(node.func) in importers:
                dots = len(name) - len(name.lstrip("."))
                base = others[0].value if others and isinstance(others[0], ast.Constant) else package
                yield Arrow(module, _absolute(str(base), name.lstrip("."), dots), node.lineno)
            case ast.Call() if _word(node.func) in importers:
                yield Arrow(module, "?", node.lineno)
            case ast.Name() | ast.Attribute() if _word(node) in importers and node not in called:
                yield Arrow(module, "?", node.lineno)
            case ast.Constant(value=str() as text) if _ENTRY.fullmatch(text):
                yield Arrow(module, text.partition(":")[0], node.lineno)


def _absolute(package: str, name: str, level: int) -> str:
    if not level:
        return name
    kept = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*kept, *([name] if name else [])])


def _importers(tree: ast.Module) -> set[str]:
    """What the functions that import by name are called in this module."""
    names = [name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names]
    return {*_IMPORTERS, *(name.asname for name in names if name.name in _IMPORTERS and name.asname)}


def _word(node: ast.expr) -> str:
    """`b` for `b` and for `a.b`."""
    return getattr(node, "attr", getattr(node, "id", ""))


def room(dotted: str) -> str:
    """`agents` for `peal.agents.shell`; `__init__` for `peal` itself."""
    return [*dotted.split("."), "__init__"][1]


def wrong(found: Arrow) -> str | None:
    """What is wrong with an arrow; None if it may be."""
    here, where = room(found.importer), f"{found.importer} line {found.line}"
    top = found.imported.split(".")[0]
    if found.imported == "?":
        may = any(_is_in(found.importer, one) for one in DYNAMIC)
        return None if may else f"{where}: imports a module nobody can see by reading"
    if found.importer == STARTS_ALONE and top not in sys.stdlib_module_names:
        return f"{where}: it starts alone and imports the standard library only, not {found.imported}"
    if top != "peal":
        allowed = DOORS.get(top)
        bad = allowed is not None and not any(_is_in(found.importer, door) for door in allowed)
        return f"{where}: {top} is for {', '.join(allowed or ()) or 'nobody'}" if bad else None
    bad_room = _wrong_between(here, room(found.imported), found.imported)
    return f"{where}: {bad_room}" if bad_room else None


def _wrong_between(here: str, there: str, imported: str) -> str | None:
    """What is wrong with an import of one room from another; None if it may be."""
    if there not in ROW:
        return f"{imported} has no place in the table"
    if here not in KNOWN_TO.get(there, ROW):
        return f"{there} is for {', '.join(KNOWN_TO[there])}, not {here}"
    if there == here or ROW[there] < ROW[here]:
        return None
    way = "sideways" if ROW[there] == ROW[here] else "up"
    return f"imports {way}: {here} (row {ROW[here]}) -> {there} (row {ROW[there]})"


def _is_in(module: str, door: str) -> bool:
    return f"{module}.".startswith(f"peal.{door}.")


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = frozenset(SOURCES)


@cache
def _arrows_of(module: str) -> tuple[Arrow, ...]:
    """The imports of one of peal's modules; to read all of them takes a second."""
    path = SOURCES[module]
    return tuple(arrows(module, path.read_text(encoding="utf-8"), MODULES, path.name == "__init__.py"))


@pytest.mark.parametrize("here", sorted({room(module) for module in MODULES}))
def test_a_module_imports_only_from_rows_below_its_own(here: str) -> None:
    """Never sideways or up, and things from outside only through their door."""
    found = [arrow for module in SOURCES if room(module) == here for arrow in _arrows_of(module)]

    assert [said for arrow in found if (said := wrong(arrow))] == []


def test_every_room_has_one_place_in_the_table() -> None:
    """A room that is missing in the table would be checked by nobody; one that is gone would mislead a reader."""
    placed = [room for rooms in ROWS for room in rooms]

    assert sorted(placed) == sorted({room(module) for module in MODULES})


def _said(module: str, source: str, is_package: bool = False) -> list[str]:
    return [
        said for arrow in arrows(module, source, MODULES, is_package) if (said := wrong(arrow)) is not None
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import peal.run",
        "import peal.run as running",
        "import os, peal.run",
        "from peal import run",
        "from peal import errors, run as running",
        "from peal.run import Job",
        "from .. import run",
        "from ..run import Job",
        "from peal.cli.app import peal",
        "def later():\n    import peal.run",
        "class A:\n    def b(self):\n        from peal.run import Job",
        "if TYPE_CHECKING:\n    from peal.run import Job",
        "try:\n    from peal import run\nexcept ImportError:\n    run = None",
        "import importlib\nimportlib.import_module('peal.run')",
        "from importlib import import_module as load\nload('peal.run')",
        "from importlib import import_module\nimport_module('.run', 'peal')",
        "__import__('peal.run')",
        "LATER = {'run': 'peal.cli.run:run'}",
        "def later(name):\n    importlib.import_module(name)",
        "load = importlib.import_module",
        "import peal.nowhere",
        "import click",
        "from rich.live import Live",
        "def later():\n    import subprocess",
        "import asyncio",
    ],
)
def test_every_form_of_a_wrong_import_is_seen(source: str) -> None:
    """Whatever `state` writes to get at something above it, or at a door of somebody else, is reported."""
    assert _said("peal.record.state_file", source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "peal.record.state_file",
            "from peal import __version__, errors\nfrom peal.record.history import History",
        ),
        ("peal.record.state_file", "from . import history\nfrom ..errors import PealError"),
        ("peal.record.state_file", "import json, attrs"),
        (
            "peal.record.state_file",
            '"""Not imported: peal.run."""\nfile = "peal.log"\nhint = "peal.run: the loop"',
        ),
        ("peal.agents.shell", "from peal.agents.protocol import Request\nfrom . import protocol"),
        ("peal.cli.app", "import importlib\nimportlib.import_module(name)\nTABLE = ['peal.cli.run:run']"),
        ("peal.system.git", "import subprocess"),
    ],
)
def test_a_right_import_is_let_through(module: str, source: str) -> None:
    """Down, inside one's own folder, through one's own door; a mention in prose is none."""
    assert _said(module, source) == []


def test_a_message_says_who_imports_whom_and_from_which_row() -> None:
    """The message is enough to mend the arrow."""
    up = _said("peal.record.state_file", "import os\nfrom peal.run import Job")
    sideways = _said("peal.agents", "from ..reviewers import all_of", is_package=True)
    rows = f"(row {ROW['agents']}) -> reviewers (row {ROW['reviewers']})"

    assert up == [
        f"peal.record.state_file line 2: imports up: record (row {ROW['record']}) -> run (row {ROW['run']})",
    ]
    assert sideways == [f"peal.agents line 1: imports sideways: agents {rows}"]


def test_the_loop_does_not_know_what_kind_of_work_it_carries_out() -> None:
    """A plan's task and a phase of an item are the same to it, though it stands above both."""
    assert _said("peal.run.loop", "from peal.backlog.item import Item") == [
        "peal.run.loop line 1: backlog is for backlog, doctor, jobs, cli, not run"
    ]
    assert _said("peal.jobs.backlog_job", "from peal.backlog.item import Item") == []


def test_the_reaper_imports_nothing_of_ours() -> None:
    """It is started by itself: even a row below would be missing."""
    assert _said("peal.system.reaper", "from peal.errors import PealError") != []
    assert _said("peal.system.reaper", "import psutil") != []
    assert _said("peal.system.reaper", "import os") == []


def test_no_two_modules_import_each_other_not_even_by_way_of_others() -> None:
    """What is read first has no need of what is read later, also inside a folder."""
    graph = {
        module: {arrow.imported for arrow in _arrows_of(module) if arrow.imported in MODULES}
        for module in SOURCES
    }

    assert list(TopologicalSorter(graph).static_order())  # CycleError names the circle
