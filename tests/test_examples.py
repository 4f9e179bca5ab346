"""Every example runs as its page says, and every plan of this repository can be read."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from forkserver import on_path
from junitparser import JUnitXml
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    """The peal of this Python comes first on PATH; nothing of an outer peal, make, Python or git gets in."""
    outer = ("PEAL_", "MAKE", "MFLAGS", "GIT_", "GITHUB_", "COLUMNS", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    no_git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**kept, **no_git, "PATH": os.pathsep.join((on_path(), str(BIN), os.environ["PATH"]))}


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
    """A copy of the example named by the test's parameter, as a git repository with one commit."""
    folder = tmp_path / "a repository"
    shutil.copytree(EXAMPLES / request.param, folder)
    done(run("git", "init", "--quiet", cwd=folder))
    done(run("git", "config", "user.name", "A Person", cwd=folder))
    done(run("git", "config", "user.email", "person@example.org", cwd=folder))
    commit_all(folder)
    return folder


def commit_all(repository: Path) -> None:
    """Commit whatever differs."""
    done(run("git", "add", "--all", cwd=repository))
    done(run("git", "commit", "--quiet", "--message", "By a person", cwd=repository))


def subjects(repository: Path) -> list[str]:
    """The commits that HEAD holds, the newest first."""
    return done(run("git", "log", "--topo-order", "--format=%s", cwd=repository)).splitlines()


def landed(repository: Path, *tasks: int) -> bool:
    """Whether the commits of these tasks, and no others of peal's, are in HEAD, each once, and the tree is clean."""
    found = [line for line in subjects(repository) if line != "By a person"]
    numbers = sorted(int(line.split()[1].rstrip(":")) for line in found if line.startswith("Task "))
    merges = sorted(int(line.split()[2].rstrip(":")) for line in found if line.startswith("Merge task "))
    is_clean = done(run("git", "status", "--porcelain", cwd=repository)) == ""
    return numbers == merges == sorted(tasks) and len(found) == 2 * len(tasks) and is_clean


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
    assert landed(repository, 1, 2, 3, 4, 5)
    assert text(repository / "site/index.html").count("<li>") == 3
    assert said.index("task 4 execute started") < said.index("task 2 execute passed")


@pytest.mark.parametrize("repository", ["runbook"], indirect=True)
def test_the_runbook_moves_every_note(repository: Path) -> None:
    """Everything is in the archive, nothing is left over, and a second run has nothing to do."""
    notes = sorted(path.name for path in (repository / "notes").iterdir())

    done(run("peal", "run", "plan.md", cwd=repository))

    assert sorted(path.name for path in (repository / "archive").glob("*/*")) == notes
    assert not (repository / "notes").exists()
    assert landed(repository, 2, 3, 5)
    assert "5 of 5 tasks complete" in done(run("peal", "resume", cwd=repository))


@pytest.mark.parametrize("repository", ["runbook"], indirect=True)
def test_the_runbook_stops_before_it_deletes_and_goes_on_after_the_cause_is_mended(repository: Path) -> None:
    """A step that fails ends the run with 1; `peal resume` begins with that step."""
    broken = repository / "notes/undated.txt"
    broken.write_text("A note nobody copies.\n")
    commit_all(repository)

    stopped = run("peal", "run", "plan.md", cwd=repository)
    broken.unlink()
    commit_all(repository)
    resumed = done(run("peal", "resume", cwd=repository))

    assert stopped.returncode == 1
    assert "task 4 failed" in stopped.stdout
    assert "task 2 execute started" not in resumed
    assert not (repository / "notes").exists()
    assert landed(repository, 2, 3, 5)


@pytest.mark.parametrize("repository", ["runbook"], indirect=True)
def test_the_runbook_leaves_alone_what_git_does_not_know(repository: Path) -> None:
    """As its page says."""
    own = repository / "notes/undated.txt"
    own.write_text("A note of mine.\n")

    done(run("peal", "run", "plan.md", cwd=repository))

    assert [path.name for path in (repository / "notes").iterdir()] == ["undated.txt"]
    assert text(own) == "A note of mine.\n"


@pytest.mark.parametrize("repository", ["any-command"], indirect=True)
def test_a_program_of_ones_own_is_an_agent(repository: Path) -> None:
    """It edits the file the task names; the line without a full stop is found and mended."""
    said = done(run("peal", "run", "plan.md", cwd=repository))

    assert "task 2 address mended" in said
    assert text(repository / "visitors.txt") == (
        "Open on Sundays from nine to eleven.\n"
        "Please use the small door beside the tower and go up the stairs.\n"
    )
    assert landed(repository, 1, 2, 3)


@pytest.mark.parametrize("repository", ["any-command"], indirect=True)
def test_an_agent_that_changes_nothing_has_failed(repository: Path) -> None:
    """`require_change` of the example holds: done means that something was done."""
    (repository / "visitors.txt").write_text("Closed.\n")
    (repository / "idle.md").write_text("## Task 1\n\nReplace `nothing` by `little` in `visitors.txt`.\n")
    commit_all(repository)

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
    assert landed(repository, 2, 3, 4, 5)


@pytest.mark.parametrize("repository", ["make"], indirect=True)
def test_the_targets_run_show_and_resume_a_plan(repository: Path) -> None:
    """`make plan`, `make status` and `make resume` do what their names say."""
    done(run("make", "plan", "PLAN=plans/first.md", cwd=repository))

    assert text(repository / "greetings.txt") == "Good evening, ringers.\nGood evening, listeners.\n"
    assert landed(repository, 1, 2, 3)
    assert "3 done" in done(run("make", "status", cwd=repository))
    assert "3 of 3 tasks complete" in done(run("make", "resume", cwd=repository))


def address(repository: Path, task: int, attempt: int) -> dict[str, Any]:
    """How this round of `address` ended, as `peal logs --json` tells it."""
    asked = ("peal", "logs", str(task), "address", "--attempt", str(attempt), "--json")
    outcome: dict[str, Any] = json.loads(done(run(*asked, cwd=repository)))["outcome"]
    return outcome


def passes_its_tests(repository: Path, commit: str, folder: Path) -> bool:
    """Whether the example's own tests pass in the files of this commit."""
    done(run("git", "worktree", "add", "--quiet", "--detach", str(folder), commit, cwd=repository))
    return run("sh", "test.sh", cwd=folder).returncode == 0


@pytest.mark.parametrize("repository", ["parallel-merge"], indirect=True)
def test_a_conflict_and_a_merge_that_breaks_a_test_are_mended_before_they_land(
    repository: Path, tmp_path: Path
) -> None:
    """Alone, each task passes the tests; merged, one conflicts and one breaks a test, and neither lands like that."""
    start = done(run("git", "rev-parse", "HEAD", cwd=repository)).strip()

    said = done(run("peal", "run", "plan.md", cwd=repository))
    log = done(run("git", "log", "--topo-order", "--format=%H %s", f"{start}..HEAD", cwd=repository))
    commits = [line.partition(" ") for line in log.splitlines()]

    assert "4 of 4 tasks complete" in said
    assert landed(repository, 1, 2, 3, 4)
    for commit, _, subject in commits:
        assert passes_its_tests(repository, commit, tmp_path / commit), subject
    assert re.findall(r"task (\d) address mended in \S+: (.*)", said) == [
        ("2", "worked on 1 finding (git merge)"),
        ("3", "worked on 1 finding (tests)"),
    ]
    assert text(repository / "facts.txt").splitlines()[:2] == ["bells: 6", "rows: 720, in 24 minutes"]
    mended_merges_are_told(repository)


def mended_merges_are_told(repository: Path) -> None:
    """`status --json` names the commits that landed; `logs` shows what was found, `diff` what came of it."""
    status = json.loads(done(run("peal", "status", "--json", cwd=repository)))
    conflict, broken = address(repository, 2, 1), address(repository, 3, 1)
    shown = done(run("peal", "logs", "3", "address", "--attempt", "1", cwd=repository))

    assert status["exit_code"] == 0
    for task in status["tasks"]:
        assert task["state"] == "done"
        done(run("git", "merge-base", "--is-ancestor", task["commit"], "HEAD", cwd=repository))
    assert [
        (one["result"], [found["reviewer"] for found in one["findings"]]) for one in (conflict, broken)
    ] == [
        ("mended", ["git merge"]),
        ("mended", ["tests"]),
    ]
    assert [address(repository, task, 2)["result"] for task in (2, 3)] == ["passed", "passed"]
    assert "<<<<<<< " in conflict["findings"][0]["message"]
    assert "failed: tests/many.sh" in shown
    assert re.search("rows: (command )?not found", shown)
    assert '+echo "rows: $(extent' in done(run("peal", "diff", "2", cwd=repository))
    assert '+if [ "$(extent' in done(run("peal", "diff", "3", cwd=repository))
    assert "removed worktree" in done(run("peal", "clean", "--branches", cwd=repository))
    assert done(run("git", "branch", "--list", "peal/*", cwd=repository)) == ""


@pytest.mark.parametrize("repository", ["parallel-merge"], indirect=True)
def test_a_persons_own_changes_stay_while_parallel_tasks_land(repository: Path) -> None:
    """A modified, a staged and an untracked file are byte for byte what they were, and in no commit."""
    (repository / "test.sh").write_text("# Mine.\n" + text(repository / "test.sh"))
    (repository / "tests/rows.sh").write_text("# Mine, staged.\n" + text(repository / "tests/rows.sh"))
    (repository / "notes.txt").write_text("Mine, unknown to git.\n")
    done(run("git", "add", "tests/rows.sh", cwd=repository))
    names = ("test.sh", "tests/rows.sh", "notes.txt")
    before = {name: (repository / name).read_bytes() for name in names}
    changed = done(run("git", "status", "--porcelain", cwd=repository))

    said = done(run("peal", "run", "plan.md", cwd=repository))

    assert "agents do not see what is not committed" in said
    assert {name: (repository / name).read_bytes() for name in names} == before
    assert done(run("git", "status", "--porcelain", cwd=repository)) == changed
    assert "Mine" not in done(run("git", "log", "--patch", cwd=repository))


@pytest.mark.parametrize("repository", ["parallel-merge"], indirect=True)
def test_a_task_in_whose_way_something_is_waits_for_resume(repository: Path) -> None:
    """As the README says: held, code 4, the file named and untouched; `peal resume` lands it."""
    script = repository / "bells.sh"
    before = text(script)
    script.write_text(before + "# mine\n")

    held = run("peal", "run", "plan.md", cwd=repository)
    kept = text(script)
    script.write_text(before)
    resumed = done(run("peal", "resume", cwd=repository))

    assert held.returncode == 4
    assert "your own `bells.sh` would be overwritten" in held.stdout
    assert kept == before + "# mine\n"
    assert "4 of 4 tasks complete" in resumed
    assert landed(repository, 1, 2, 3, 4)


def typed(page: str, repository: Path) -> list[str]:
    """Type every command of a page in order; what each block of them printed."""
    printed = []
    for block in re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        said = [done(run("bash", "-euc", command, cwd=repository)) for command in block.splitlines()]
        printed.append("".join(said))
    return printed


@pytest.mark.parametrize("repository", ["backlog"], indirect=True)
def test_the_backlog_goes_from_add_to_done_as_its_page_says(repository: Path) -> None:
    """Each block of commands prints what the page shows behind it; wishes are asked about, answered, done and dropped.

    Every phase is in the branch once.
    """
    page = text(repository / "README.md")

    said = typed(page, repository)

    shown = re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(shown) == 3
    assert all(table in printed for table, printed in zip(shown, said, strict=False))
    assert text(repository / "site/pages.txt") == "rounds\nvisitors\nthanks\n"
    assert text(repository / "site/visitors.txt") == (
        "We practise on Mondays at eight.\nThe way up is through the small door.\n"
    )
    assert text(repository / "site/thanks.txt") == "Thank you for the new ropes.\n"
    assert done(run("git", "status", "--porcelain", cwd=repository)) == ""
    assert json.loads(done(run("peal", "doctor", "--json", cwd=repository))) == []
    phases_are_there_once(repository)


def phases_are_there_once(repository: Path) -> None:
    """What its page says each goes through: what is small skips the scoping, what is asked about does not."""
    log = done(run("git", "log", "--first-parent", "--reverse", "--format=%s", cwd=repository))
    phases = {f"BEL-00{number}": re.findall(rf"\[BEL-00{number}\]\[(\w+)\]", log) for number in (1, 2, 3)}
    assert phases == {
        "BEL-001": ["triage", "spec", "build", "check"],
        "BEL-002": ["triage", "spec", "build", "check"],
        "BEL-003": ["triage", "scope", "scope", "spec", "build", "check"],
    }
    assert log.count("[BEL-003][scope] blocked: ") == 1
    worklog = "".join(text(path) for path in (repository / "_worklog").iterdir())
    assert worklog.count("- **Phase:** ") == 14


@pytest.mark.parametrize("repository", ["backlog"], indirect=True)
def test_the_check_of_the_backlog_blocks_what_does_not_pass_it(repository: Path) -> None:
    """Its last phase is a command: its exit status decides."""
    (repository / "site/forgotten.txt").write_text("Not listed.\n")
    commit_all(repository)

    ended = run("peal", "backlog", "run", cwd=repository)

    assert ended.returncode == 1
    assert "BEL-001: blocked (failure)" in ended.stdout
    assert "site/forgotten.txt is not listed" in done(run("peal", "backlog", "status", cwd=repository))


INSTALLS = 'python3 -m pip install "$PEAL"'
"""What a workflow types that the network is needed for."""


def github_steps(workflow: dict[str, Any], repository: Path) -> list[subprocess.CompletedProcess[str]]:
    """Type what the steps of a workflow say, as a runner does: each in a shell that stops at the first failure."""
    variables = {
        **workflow["env"],
        "PLAN": "plans/greet.md",
        "BRANCH": "results/7-1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": "../step.md",
        "GITHUB_OUTPUT": "../output",
    }
    typed = [
        step["run"] for step in workflow["jobs"]["plan"]["steps"] if "run" in step and step["run"] != INSTALLS
    ]
    return [
        run("env", *words(variables), "bash", "-eo", "pipefail", "-c", one, cwd=repository) for one in typed
    ]


def words(variables: dict[str, str]) -> list[str]:
    """As `env` takes them."""
    return [f"{name}={value}" for name, value in variables.items()]


@pytest.mark.parametrize("repository", ["ci"], indirect=True)
def test_the_workflow_for_github_shows_what_came_of_the_plan(repository: Path, tmp_path: Path) -> None:
    """All that it types but the installation: findings fail the run's step, and the reports are written and pushed."""
    workflow = YAML(typ="safe").load(text(repository / ".github/workflows/plan.yml"))
    done(run("git", "init", "--quiet", "--bare", str(tmp_path / "hub"), cwd=tmp_path))
    done(run("git", "remote", "add", "origin", str(tmp_path / "hub"), cwd=repository))

    _, ran, *reported = github_steps(workflow, repository)

    assert (ran.returncode, [one.returncode for one in reported]) == (2, [0, 0])
    assert (
        "::warning file=greetings/fr.txt,line=1,title=greetings stop (task 2)::no full stop\n" in ran.stdout
    )
    assert "2 of 2 tasks complete" in text(tmp_path / "step.md")
    (kept,) = [
        step["with"]["path"]
        for step in workflow["jobs"]["plan"]["steps"]
        if step.get("name") == "Keep the reports"
    ]
    (shown,) = [
        step["with"]["sarif_file"]
        for step in workflow["jobs"]["plan"]["steps"]
        if "sarif" in step.get("uses", "")
    ]
    assert json.loads(text(repository / shown))["runs"][0]["results"]
    assert sorted(path.name for path in (repository / kept).iterdir()) == ["peal.sarif", "peal.xml"]
    assert "fr.txt" in done(run("git", "ls-tree", "--name-only", "-r", "results/7-1", cwd=tmp_path / "hub"))
    head = done(run("git", "rev-parse", "results/7-1", cwd=repository))
    assert text(tmp_path / "output") == f"ref=refs/heads/results/7-1\nsha={head}"
    assert "github.run_id" in workflow["env"]["BRANCH"], "a second run could not push"
    assert not (repository / "greetings").exists()


@pytest.mark.parametrize("repository", ["ci"], indirect=True)
def test_the_job_for_gitlab_leaves_the_reports_that_it_names(repository: Path) -> None:
    """All that it types but the installation, the reports in a shell of their own as a runner does it."""
    job = YAML(typ="safe").load(text(repository / ".gitlab-ci.yml"))["plan"]
    before = [line for line in job["before_script"] if line != INSTALLS]
    env = words(job["variables"])

    ran = run(
        "env", *env, "bash", "-eo", "pipefail", "-c", "\n".join([*before, *job["script"]]), cwd=repository
    )
    done(run("env", *env, "bash", "-eo", "pipefail", "-c", "\n".join(job["after_script"]), cwd=repository))

    assert ran.returncode == 2
    assert "::warning" not in ran.stdout
    (suite,) = JUnitXml.fromfile(str(repository / job["artifacts"]["reports"]["junit"]))
    assert [case.name for case in suite] == ["task 1: Greet in English", "task 2: Greet in French"]
    assert "**task 2: Greet in French**: 1 finding" in text(repository / "reports/peal.md")


def test_every_example_is_tested_and_listed() -> None:
    """A new folder gets a test here and a line in the overview."""
    tested = set(re.findall(r'parametrize\("repository", \["([\w-]+)"\]', text(Path(__file__))))
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}

    assert folders - {"formats"} == tested  # tests/test_formats_examples.py has those
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
    assert "Merge task 5: Join the pages" in shown
    assert str(scratch).replace(" ", r"\ ") in commands
    assert "5 done" in typed
    assert "task 4 execute passed" in typed


def test_the_demo_of_parallel_merges_shows_what_was_mended(tmp_path: Path) -> None:
    """The same script with the other example; what it names at the end can be typed as well."""
    script = (
        f"TMPDIR={shlex.quote(str(tmp_path))} bash {shlex.quote(str(EXAMPLES / 'demo.sh'))} parallel-merge"
    )

    said = done(run("bash", "-c", script, cwd=tmp_path))
    shown, _, commands = said.partition("Look around there:\n")
    typed = done(run("bash", "-euo", "pipefail", "-c", commands, cwd=tmp_path))

    assert "failed: tests/many.sh" in shown
    assert "Merge task 4: List the facts" in shown
    assert "4 done" in typed


PLANS = [
    *(path for path in sorted(ROOT.glob("plans/**/*.md"))),
    *(
        path
        for path in sorted(EXAMPLES.rglob("*.md"))
        if path.name != "README.md" and not {"formats", "backlog"} & {*path.parts}
    ),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_plan_of_this_repository_passes_the_check(plan: Path, tmp_path: Path) -> None:
    """No problems, no notes."""
    said = done(run("peal", "check", str(plan), cwd=tmp_path))

    assert "note, line" not in said
