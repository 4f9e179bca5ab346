"""Every example runs as its page says, and every plan of this repository can be read."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    """The peal of this Python comes first on PATH; nothing of an outer peal or make gets in."""
    outer = ("PEAL_", "MAKE", "MFLAGS", "GIT_", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would; what it printed to both streams is in `stdout`."""
    return subprocess.run(
        words,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the example named by the test's parameter, as a git repository."""
    folder = tmp_path / "a repository"
    shutil.copytree(EXAMPLES / request.param, folder)
    assert run("git", "init", "--quiet", cwd=folder).returncode == 0
    return folder


def text(path: Path) -> str:
    """A file's text."""
    return path.read_text(encoding="utf-8")


def done(finished: subprocess.CompletedProcess[str]) -> str:
    """What a command that ended well printed."""
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


@pytest.mark.parametrize("repository", ["quickstart"], indirect=True)
def test_quickstart_is_parallel_reviewed_and_mended(repository: Path) -> None:
    """The reviewer finds the line left undone, the block marked `address` mends it, and it looks again."""
    said = done(run("peal", "run", "plan.md", "--explain", cwd=repository))

    assert "TODO" not in text(repository / "site/rounds.html")
    assert "task 2 address mended" in said
    assert "5 of 5 tasks complete" in said
    assert text(repository / "site/index.html").count("<li>") == 3
    assert said.index("task 4 execute started") < said.index("task 2 execute passed")


@pytest.mark.parametrize("repository", ["runbook"], indirect=True)
def test_the_runbook_moves_every_note(repository: Path) -> None:
    """Everything is in the archive, nothing is left over, and a second run has nothing to do."""
    notes = sorted(path.name for path in (repository / "notes").iterdir())

    done(run("peal", "run", "plan.md", cwd=repository))

    assert sorted(path.name for path in (repository / "archive").glob("*/*")) == notes
    assert not (repository / "notes").exists()
    assert "5 of 5 tasks complete" in done(run("peal", "resume", cwd=repository))


@pytest.mark.parametrize("repository", ["runbook"], indirect=True)
def test_the_runbook_stops_before_it_deletes_and_goes_on_after_the_cause_is_mended(repository: Path) -> None:
    """A step that fails ends the run with 1; `peal resume` begins with that step."""
    broken = repository / "notes/undated.txt"
    broken.write_text("A note nobody copies.\n")

    stopped = run("peal", "run", "plan.md", cwd=repository)
    broken.unlink()
    resumed = done(run("peal", "resume", cwd=repository))

    assert stopped.returncode == 1
    assert "task 4 failed" in stopped.stdout
    assert "task 2 execute started" not in resumed
    assert not (repository / "notes").exists()


@pytest.mark.parametrize("repository", ["any-command"], indirect=True)
def test_a_program_of_ones_own_is_an_agent(repository: Path) -> None:
    """It edits the file the task names; the line without a full stop is found and mended."""
    said = done(run("peal", "run", "plan.md", cwd=repository))

    assert "task 2 address mended" in said
    assert text(repository / "visitors.txt") == (
        "Open on Sundays from nine to eleven.\n"
        "Please use the small door beside the tower and go up the stairs.\n"
    )


@pytest.mark.parametrize("repository", ["any-command"], indirect=True)
def test_an_agent_that_changes_nothing_has_failed(repository: Path) -> None:
    """`require_change` of the example holds: done means that something was done."""
    (repository / "visitors.txt").write_text("Closed.\n")
    (repository / "idle.md").write_text("## Task 1\n\nReplace `nothing` by `little` in `visitors.txt`.\n")

    failed = run("peal", "run", "idle.md", cwd=repository)

    assert failed.returncode == 1
    assert "no change" in failed.stdout


@pytest.mark.parametrize("repository", ["checklist"], indirect=True)
def test_a_task_list_runs_and_leaves_out_what_is_ticked(repository: Path) -> None:
    """The ticked item is not run; the others are, in order, with what is nested in them."""
    said = done(run("peal", "run", "plan.md", "--agent", "shell", "--parallel", cwd=repository))

    assert "task 1 " not in said
    assert sorted(path.name for path in (repository / "release").iterdir()) == [
        "CHECKSUMS",
        "NOTES.md",
        "VERSION",
        "tower.txt",
    ]


@pytest.mark.parametrize("repository", ["make"], indirect=True)
def test_the_targets_run_show_and_resume_a_plan(repository: Path) -> None:
    """`make plan`, `make status` and `make resume` do what their names say."""
    done(run("make", "plan", "PLAN=plans/first.md", cwd=repository))

    assert text(repository / "greetings.txt") == "Good evening, ringers.\nGood evening, listeners.\n"
    assert "3 done" in done(run("make", "status", cwd=repository))
    assert "3 of 3 tasks complete" in done(run("make", "resume", cwd=repository))


def test_every_example_is_tested_and_listed() -> None:
    """A new folder gets a test here and a line in the overview."""
    tested = set(re.findall(r'parametrize\("repository", \["([\w-]+)"\]', text(Path(__file__))))
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}

    assert folders == tested
    assert all(f"[{name}]({name}/" in text(EXAMPLES / "README.md") for name in folders)


def test_the_demo_shows_what_was_done_and_what_it_names_can_be_typed(tmp_path: Path) -> None:
    """The commands at its end work as they stand, also where the temporary folder has a blank in its name."""
    scratch = tmp_path / "a folder"
    scratch.mkdir()
    script = f"TMPDIR={shlex.quote(str(scratch))} bash {shlex.quote(str(EXAMPLES / 'demo.sh'))}"

    said = done(run("bash", "-c", script, cwd=tmp_path))
    shown, _, commands = said.partition("Look around there:\n")
    typed = done(run("bash", "-euo", "pipefail", "-c", commands, cwd=tmp_path))

    assert "TODO: say what rounds are" in shown
    assert "site/index.html" in shown
    assert str(scratch).replace(" ", r"\ ") in commands
    assert "5 done" in typed
    assert "task 3 execute passed" in typed


PLANS = [
    *(path for path in sorted(ROOT.glob("plans/**/*.md"))),
    *(path for path in sorted(EXAMPLES.rglob("*.md")) if path.name != "README.md"),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_plan_of_this_repository_passes_the_check(plan: Path, tmp_path: Path) -> None:
    """No problems, no notes."""
    said = done(run("peal", "check", str(plan), cwd=tmp_path))

    assert "note, line" not in said
