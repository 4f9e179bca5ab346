"""What is as it should be after programs have worked in a sandbox: settings that code is run by, and git without its remotes."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Repo, commit_plan, run_plan, shell_plan
from sandboxes import needs_bubblewrap

pytestmark = needs_bubblewrap
SANDBOX = ("--sandbox", "bubblewrap")
ANSWER = json.dumps(
    {"type": "result", "subtype": "success", "is_error": False, "result": "done", "session_id": "1"}
)
APPEARED = "appeared while a program was at work in the sandbox"


@pytest.fixture
def as_claude(project: Repo, tmp_path: Path) -> Callable[..., str]:
    """A run of tasks by a program with the state of `claude`, by a script for `execute`; what it says."""
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    project.env["HOME"] = str(home)

    def run(script: str, tasks: int = 1, sandbox: str = "bubblewrap") -> str:
        (home / "agent.sh").write_text(
            f"cat >/dev/null\n[ $PEAL_PHASE != execute ] || {{ {script}\n}}\necho '{ANSWER}'\n"
        )
        table = f"[agents.mine]\ncommand = ['sh', '{home}/agent.sh']\nreply = 'claude'\n"
        project.write("peal.toml", table)
        project.write(
            "plan.md", "\n".join(f"## Task {number} (parallel): a\n" for number in range(1, tasks + 1))
        )
        project.git("add", ".")
        project.git("commit", "-qm", "plan", "--allow-empty")
        done = project.peal(
            "run", "plan.md", "--agent", "mine", "--max-parallel", "4", "--fresh", "--sandbox", sandbox
        )
        return done.stdout + done.stderr

    return run


def test_settings_that_appeared_are_put_there_by_what_the_note_says(
    project: Repo, tmp_path: Path, as_claude: Callable[..., str]
) -> None:
    said = as_claude(
        'echo planted > ~/.claude/settings.json; mkdir "$HOME/.claude/hooks"; touch ~/.claude/hooks/a'
    )

    notes = [line for line in said.splitlines() if APPEARED in line and "note:" in line]
    (settings,) = (line for line in notes if "settings.json" in line)
    (way,) = re.findall(r"`(mv .*)` puts it there", settings)
    subprocess.run(shlex.split(way), check=True)
    assert (tmp_path / "home/.claude/settings.json").read_text() == "planted\n"

    assert project.memory().joinpath("attempts/001-execute-1").is_dir()


def test_settings_that_hold_nothing_stay(tmp_path: Path, as_claude: Callable[..., str]) -> None:
    """A program makes such files when it is started for the first time."""
    said = as_claude(
        "mkdir -p ~/.claude/commands/more; echo '{ }' > ~/.claude/settings.json; echo x > ~/.claude/log"
    )

    assert APPEARED not in said
    assert sorted(path.name for path in (tmp_path / "home/.claude").iterdir()) == [
        "commands",
        "log",
        "settings.json",
    ]


def test_settings_that_were_there_stay(tmp_path: Path, as_claude: Callable[..., str]) -> None:
    (tmp_path / "home/.claude/settings.json").write_text('{"model": "x"}')

    assert APPEARED not in as_claude("! echo y > ~/.claude/settings.json")
    assert (tmp_path / "home/.claude/settings.json").read_text() == '{"model": "x"}'


def test_settings_that_appear_while_others_are_at_work_are_moved_too(
    project: Repo, tmp_path: Path, as_claude: Callable[..., str]
) -> None:
    """Whichever of them has made them."""
    said = as_claude(
        """touch ~/.claude/begun-$PEAL_TASK; mine=~/.claude/settings.json
        if [ $PEAL_TASK = 1 ]; then until [ -e ~/.claude/begun-2 ]; do sleep 0.02; done; echo first > $mine
        else until ls "$PWD"/../../*/attempts/001-execute-1/appeared-settings.json; do sleep 0.02; done; echo second > $mine; fi""",
        tasks=2,
    )

    assert not (tmp_path / "home/.claude/settings.json").exists()
    moved = sorted(path.read_text() for path in project.memory().glob("attempts/*/appeared-settings.json"))
    assert moved == ["first\n", "second\n"], said


def test_without_a_sandbox_nothing_is_moved(tmp_path: Path, as_claude: Callable[..., str]) -> None:
    assert APPEARED not in as_claude("echo y > ~/.claude/settings.json", sandbox="none")
    assert (tmp_path / "home/.claude/settings.json").exists()


def test_in_a_shared_tree_only_what_is_run_later_is_moved(project: Repo) -> None:
    project.write(
        "peal.toml",
        "commit = false\n[agents.one]\ncommand = ['scripts/run.sh']\n[agents.two]\ncommand = ['more/run.sh']\n",
    )
    project.write("more/there", "1\n")
    project.write(
        "plan.md",
        shell_plan(
            "mkdir scripts; echo 1 > scripts/other; echo 2 > scripts/run.sh; echo 3 > more/run.sh; echo 4 > more/new"
        ),
    )

    said = run_plan(project, *SANDBOX)

    assert sorted(path.name for path in project.path.glob("[ms]*/*")) == ["new", "other", "there"]
    assert said.count(APPEARED) >= 2
    kept = sorted(path.read_text() for path in project.memory().glob("attempts/*/appeared-run.sh*"))
    assert kept == ["2\n", "3\n"]


def test_what_a_reviewer_makes_there_is_moved_too(project: Repo) -> None:
    """It runs what an agent has written."""
    project.env["PEAL_COMMIT"] = "false"
    project.write("tools.sh", "echo planted > peal.toml\n")
    settings = project.write("settings.toml", '[[reviewers]]\nname = "x"\ncommand = "sh tools.sh"\n')
    project.write("plan.md", shell_plan("true"))

    said = run_plan(project, *SANDBOX, "--config", str(settings))

    assert APPEARED in said
    assert not (project.path / "peal.toml").exists()


# git


LISTED = "git config --list | sort > listed; git log -1 --format=%s origin/main >> listed; git status --short >> listed"


@pytest.fixture
def cloned(project: Repo, tmp_path: Path) -> Repo:
    """A repository with a remote, and a password for it."""
    project.git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    project.git("remote", "add", "origin", f"file://{tmp_path}/remote.git")
    project.git("push", "-qu", "origin", "main")
    project.git("config", "url.https://me:pass@example.org/.insteadOf", "https://example.org/")
    project.git("config", "alias.mine", "log")
    return project


@pytest.mark.parametrize("sandbox", ["none", "bubblewrap"])
def test_git_has_its_remotes_only_without_a_sandbox(cloned: Repo, sandbox: str) -> None:
    """What it knows of their branches it keeps."""
    commit_plan(cloned, LISTED)

    run_plan(cloned, "--sandbox", sandbox)

    listed = cloned.read("listed")
    leading = ("remote.origin.url", "branch.main.remote", "pass@")
    assert [word in listed for word in leading] == [sandbox == "none"] * 3
    assert "alias.mine=log" in listed
    assert "\nfirst\n" in listed
    assert "user.name=A Person" in listed


def test_settings_in_variables_are_let_in_without_what_leads_elsewhere(cloned: Repo) -> None:
    """git wants them numbered: one that is missing would have every git fail."""
    pairs = [
        ("http.extraheader", "Authorization: hush"),
        ("alias.also", "status"),
        ("credential.helper", "!echo hush"),
    ]
    for number, (name, value) in enumerate(pairs):
        cloned.env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    cloned.env["GIT_CONFIG_COUNT"] = str(len(pairs))
    commit_plan(cloned, f"{LISTED}; env > environment")

    run_plan(cloned, *SANDBOX)

    assert "alias.also=status" in cloned.read("listed")
    assert "hush" not in cloned.read("listed") + cloned.read("environment")


def test_the_settings_of_a_submodule_lead_nowhere_either(project: Repo, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    shutil.copytree(project.path, inner)
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "parts/sub")
    project.git("commit", "-qm", "a submodule")
    (config,) = project.path.glob(".git/modules/parts/sub/config")
    with config.open("a") as file:
        file.write('[http]\n\textraheader = "Authorization: hush"\n')
    commit_plan(project, f'cat "{config}" > listed; git -C parts/sub config --list >> listed')

    run_plan(project, *SANDBOX)

    assert "hush" not in project.read("listed")

    assert "remote.origin.url" not in project.read("listed")
