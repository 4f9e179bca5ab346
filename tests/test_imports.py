"""Importing peal does nothing and loads little: what is heavy is loaded where it is used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Repo, shell_plan

from peal.settings import CLIS

PACKAGE = Path(__file__).parents[1] / "peal"
HEAVY = {
    "asyncio",
    "cattrs",
    "click",
    "filelock",
    "jinja2",
    "markdown_it",
    "psutil",
    "rich",
    "sh",
}

_TELL = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def _modules() -> list[str]:
    names = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    dotted = {".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names}
    return sorted(dotted - {"peal.__main__"})


def _python(source: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a source in a Python of its own; what a coverage or debug hook would load is kept out with `-I`."""
    return subprocess.run(
        [sys.executable, "-I", "-B", "-c", source], cwd=cwd, capture_output=True, text=True, check=True
    )


def _loaded(source: str, cwd: Path) -> set[str]:
    """The packages that are in memory after a source has run."""
    return set(json.loads(_python(f"{source}\n{_TELL}", cwd).stdout.splitlines()[-1]))


def _newly_loaded(source: str, cwd: Path) -> set[str]:
    return _loaded(source, cwd) - _loaded("", cwd)


def test_version_loads_no_library_at_all(tmp_path: Path) -> None:
    """`peal --version` is answered before anything heavy is imported."""
    source = "import sys; sys.argv = ['peal', '--version']\nfrom peal.cli import main; main()"

    loaded = _newly_loaded(source, tmp_path)

    assert loaded & (HEAVY | {"attr", "attrs"}) == set()


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("peal.cli.app", {"click"}),
        ("peal.run.loop", set()),
        ("peal.views.status", set()),
        ("peal.record.history", set()),
        ("peal.agents", set()),
        ("peal.settings", set()),
    ],
)
def test_a_module_loads_no_more_than_it_needs(module: str, allowed: set[str], tmp_path: Path) -> None:
    """The command line needs click to begin with; the rooms need attrs alone until they do something."""
    loaded = _newly_loaded(f"import {module}", tmp_path)

    assert loaded & HEAVY - allowed == set()


def test_importing_every_module_does_nothing(tmp_path: Path) -> None:
    """No output, no files, no change to the environment, the signals, the threads or the working folder."""
    source = f"""
import os, signal, sys, threading
before = (dict(os.environ), os.getcwd(), [signal.getsignal(n) for n in (1, 2, 15)], os.umask(18), sys.path[:])
os.umask(before[3])
import importlib
for name in {_modules()!r}:
    importlib.import_module(name)
after = (dict(os.environ), os.getcwd(), [signal.getsignal(n) for n in (1, 2, 15)], os.umask(18), sys.path[:])
os.umask(after[3])
assert before == after
assert threading.active_count() == 1
"""
    done = _python(source, tmp_path)

    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


_WITHOUT_VARIABLES = """
import collections.abc, gettext, importlib, os, sys

class Unreadable(collections.abc.MutableMapping):
    def _refuse(self, *_):
        raise AssertionError("a variable is read")
    __getitem__ = __setitem__ = __delitem__ = __iter__ = __len__ = __contains__ = _refuse
    get = keys = items = values = copy = __or__ = __ror__ = _refuse

def load():
    for name in names:
        importlib.import_module(name)

load()  # what comes from elsewhere stays in memory, and may have read what it likes
for name in [name for name in sys.modules if name.split(".")[0] in {name.split(".")[0] for name in names}]:
    del sys.modules[name]
gettext.find = lambda *_, **__: []  # asked for the language by click whenever a command is described
os.environ = os.environb = Unreadable()
load()
print("read none")
"""


def _imported_without_variables(modules: list[str], cwd: Path) -> str:
    """What importing modules says in a Python where reading any variable is an error."""
    source = f"import sys\nsys.path.insert(0, {str(cwd)!r})\nnames = {modules!r}\n{_WITHOUT_VARIABLES}"
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", source], cwd=cwd, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_importing_reads_no_variable(tmp_path: Path) -> None:
    """A module is the same in every environment: nothing is read before it is asked for."""
    assert _imported_without_variables(_modules(), tmp_path) == "read none"


@pytest.mark.parametrize(
    "reads",
    [
        "import os; os.environ['HOME']",
        "import os; os.environ.get('PEAL_AGENT')",
        "import os; os.getenv('PEAL_AGENT')",
        "import os; os.getenvb(b'PEAL_AGENT')",
        "from os import environ; 'PEAL_AGENT' in environ",
        "import os; dict(os.environ)",
        "import os; {**os.environ}",
        "import shutil; shutil.which('git')",
    ],
)
def test_a_module_that_reads_a_variable_would_be_noticed(reads: str, tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(reads, encoding="utf-8")

    assert "a variable is read" in _imported_without_variables(["reader"], tmp_path)


_WORKS = (
    "peal.agents.registry",
    "peal.landing",
    "peal.phases",
    "peal.reviewers",
    "peal.work",
    "peal.workspaces",
    "peal.worktrees",
)


NEEDS: dict[tuple[str, ...], set[str]] = {
    ("status",): {"cattrs"},
    ("status", "--json"): {"cattrs"},
    ("runs",): set(),
    ("runs", "--json"): set(),
    ("config",): {"tomlkit"},
    ("init",): {"tomlkit"},
    ("check", "plan.md"): {"cattrs", "markdown_it"},
    ("prompt",): set(),
}


def test_a_command_loads_what_it_uses(repo: Repo) -> None:
    """Who looks at a plan needs nobody who works on one, nor markdown to be read; this is told by what is in memory afterwards."""
    repo.write("plan.md", shell_plan("true"))
    repo.peal("run", "plan.md", "--agent", "shell")

    loaded = {words: _loaded_by(words, repo) for words in NEEDS}

    heavy = {"cattrs", "jinja2", "markdown_it", "sh", "tomlkit"}
    works = {words: {name for name in names if name.startswith(_WORKS)} for words, names in loaded.items()}
    assert {words: names for words, names in works.items() if names} == {}
    assert {words: more for words, needs in NEEDS.items() if (more := loaded[words] & heavy - needs)} == {}


def test_a_healthy_repository_is_looked_at_with_little(repo: Repo) -> None:
    """`peal doctor` asks no program and reads no plan where there is nothing to be asked or read."""
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    repo.write("peal.toml", "agent = 'shell'\n")

    loaded = _loaded_by(("doctor",), repo)

    assert "peal.doctor.checks" in loaded
    assert loaded & {"filelock", "jinja2", "markdown_it", "psutil", "sh", "tomlkit"} == set()


def _loaded_by(words: tuple[str, ...], repo: Repo) -> set[str]:
    """The modules that are in memory after a command."""
    source = (
        f"import sys; sys.argv = {['peal', *words]!r}\nfrom peal.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "import sys, json; print(json.dumps(sorted(sys.modules)))"
    )
    return set(json.loads(_python(source, repo.path).stdout.splitlines()[-1]))


_SELDOM = (
    "email",
    "peal.doctor",
    "peal.executors.rehearsal",
    "peal.agents.faults",
    *(f"peal.agents.{name}" for name in CLIS),
    "peal.notify",
    "peal.record.alignment",
    "peal.requests",
    *(f"peal.reviewers.stet.{name}" for name in ("answers", "commands", "hunks", "session", "tree")),
    *(
        f"peal.run.{name}"
        for name in ("draft", "normalize", "post_run", "pull_request", "refusals", "rehearse", "written_plan")
    ),
    "rich",
    "sh",
    "tomlkit",
    "zoneinfo",
)
"""What a run of a small plan by `shell`, without reviewers and a terminal, has no use for; a tenth of a second in all."""


def test_a_run_loads_nothing_that_only_other_runs_need(repo: Repo) -> None:
    """Start and end of a short run are mostly imports: whoever does not work in it is not loaded."""
    repo.write("plan.md", shell_plan("true"))

    loaded = _loaded_by(("run", "plan.md", "--agent", "shell", "--no-commit"), repo)

    assert repo.recorded("RunClosed")
    assert "peal.work.worker" in loaded
    assert {name for name in loaded for seldom in _SELDOM if f"{name}.".startswith(f"{seldom}.")} == set()
