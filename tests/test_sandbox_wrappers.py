"""A person's own wrapper around what runs in attempts: what docs/sandbox.md shows can be written, with stand-ins for engines of containers."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from conftest import Clis, Repo, landed
from sandboxes import needs_bubblewrap
from test_machines import plan

PAGE = (Path(__file__).parents[1] / "docs" / "sandbox.md").read_text(encoding="utf-8")
WORK = "echo $PEAL_TASK >f$PEAL_TASK"
RUN = ("run", "plan.md", "--agent", "shell")
ENGINE = """\
#!/bin/sh
# Runs what it is given here, with no more of the environment than a container would have, and where it is told to.
printf '%s\\n' "$@" >>{calls}
env="PATH=$PATH"
set -- "$@"
while [ "$1" != my-image ]; do
  case "$1" in
    --workdir=*) cd "${{1#--workdir=}}" ;;
    --env=*) name="${{1#--env=}}"; eval "value=\\$$name"; env="$env
$name=$value" ;;
  esac
  shift
done
shift
IFS='
'
exec env -i $env "$@"
"""


def block(section: str, language: str = "toml") -> str:
    """The first block below a heading of the page."""
    text = PAGE.partition(f"\n### {section}\n")[2] if section else PAGE.partition("\n## Other wrappers\n")[2]
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def in_engine(engine: str) -> str:
    """The block that begins with this engine."""
    (found,) = [
        one
        for one in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        if f'"{engine}", "run"' in one
    ]
    return found


@pytest.fixture
def engine(project: Repo, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A stand-in for an engine of containers; each of its words is a line there."""
    bin_, calls = tmp_path / "engines", tmp_path / "calls"
    bin_.mkdir()
    calls.touch()
    (bin_ / request.param).write_text(ENGINE.format(calls=shlex.quote(str(calls))))
    (bin_ / request.param).chmod(0o755)
    project.env["PATH"] = f"{bin_}:{project.env['PATH']}"
    project.write("peal.toml", in_engine(request.param))
    return calls


def test_a_wrapper_stands_in_front_of_what_runs(project: Repo) -> None:
    """And takes from it what it likes."""
    project.env["SEEN"] = "yes"
    plan(project, f'{WORK}; echo "${{SEEN:-no}} ${{HOME:-none}} $ONLY" >seen')

    project.peal(*RUN, "--sandbox", "env -i PATH=/usr/bin:/bin ONLY={phase} PEAL_TASK=1")

    assert landed(project) == ["1"]
    assert project.read("seen") == "no none execute\n"
    assert project.recorded("RunOpened")[0]["sandbox"][:2] == ["env", "-i"]


def test_a_wrapper_is_told_the_places_that_the_page_names(project: Repo) -> None:
    """By the first example."""
    project.write("peal.toml", block(""))
    project.env["SEEN"] = "yes"
    plan(project, f'PEAL_TASK=1; {WORK}; echo "${{SEEN:-no}}" >seen; echo x >"$TMPDIR/x"; test "$HOME" = ~')

    project.peal(*RUN)

    assert landed(project) == ["1"]
    assert project.read("seen") == "no\n"


def test_a_wrapper_has_the_environment_of_every_sandbox(project: Repo, tmp_path: Path) -> None:
    """Keys of others and ways out do not even reach it, but for those that the person lets in."""
    seen = tmp_path / "seen"
    project.env |= {"OTHER_TOKEN": "secret", "DOCKER_HOST": "tcp://here", "MY_TOKEN": "mine"}
    plan(project, WORK)
    script = f'env >>{shlex.quote(str(seen))}; exec "$@"'

    said = project.peal(*RUN, "--sandbox", shlex.join(["sh", "-c", script, "sh"]), "--sandbox-env", "MY_*")

    variables = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    assert {"MY_TOKEN", "PEAL_TASK", "TMPDIR"} <= variables.keys()
    assert not {"OTHER_TOKEN", "DOCKER_HOST"} & variables.keys()
    assert "OTHER_TOKEN" in said.stdout + said.stderr


@needs_bubblewrap
def test_a_bubblewrap_of_ones_own(project: Repo) -> None:
    """As the page shows it: git works, and the tree of the person cannot be written."""
    project.write("peal.toml", block("A bubblewrap of your own"))
    out = shlex.quote(str(project.path / "README.md"))
    plan(
        project,
        f"git add -A && git commit -qm mine --allow-empty; echo x >>{out} && echo 0 >got || echo 1 >got; {WORK}",
    )

    project.peal(*RUN)

    assert landed(project) == ["1"]
    assert project.read("got") != "0\n"
    assert project.read("README.md") == "A project.\n"


@pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True)
def test_engines_of_containers_are_told_where_all_is(project: Repo, engine: Path) -> None:
    """By the words that the page shows."""
    project.env["ANTHROPIC_API_KEY"] = "k"
    plan(project, f"pwd >where; git add where; {WORK}")

    project.peal(*RUN)

    assert landed(project) == ["1"]
    where = project.read("where").strip()
    said = engine.read_text().splitlines()
    assert where == str(project.path / ".peal" / "worktrees" / "1")
    assert {f"--volume={where}:{where}", f"--volume={where}.git:{where}.git"} <= set(said)
    assert f"--volume={project.path}/.git:{project.path}/.git:ro" in said
    assert not [word for word in said if "{" in word]


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_state_folders_are_told_for_a_cli_alone(
    project: Repo, engine: Path, clis: Clis, tmp_path: Path
) -> None:
    """Once for each, and not at all for programs that have none."""
    project.env["HOME"] = str(tmp_path)
    path = project.env["PATH"]
    clis("opencode")
    project.env["PATH"] = f"{path.partition(os.pathsep)[0]}:{project.env['PATH']}"
    settings = project.read("peal.toml").replace('"my-image"', '"--env=PATH", "--env=FAKE_CLIS", "my-image"')
    project.write("peal.toml", settings + '\n[[reviewers]]\nname = "look"\ncommand = "true"\n')
    project.write("plan.md", "# A plan\n\n## Task 1: one\n\nexecute: WRITE one.txt: One\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plan")

    project.peal("run", "plan.md", "--agent", "opencode")

    calls = engine.read_text().split("run\n--rm\n")[1:]
    told = {tuple(re.findall(r"--volume=.*/(\.\w+/.*opencode):", call)) for call in calls}
    assert project.read("one.txt") == "One\n"
    folders = (".local/share", ".local/state", ".cache", ".config")
    assert told == {(), tuple(f"{folder}/opencode" for folder in folders)}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("nowhere-at-all {workspace}", "`nowhere-at-all` is not on PATH; install it, or mend `sandbox`"),
        ("false {workspace}", "exit status 1"),
        ("sh -c 'cd {scratch} && exec \"$@\" 2>/dev/null || true' sh", "did not arrive in the folder"),
        ("env {nowhere}", "has no field `{nowhere}`"),
    ],
)
def test_a_wrapper_that_does_not_do_its_work_is_refused(project: Repo, words: str, why: str) -> None:
    """Before anything starts."""
    plan(project, WORK)

    said = project.peal(*RUN, "--sandbox", words, code=1).stderr

    assert why in said
    assert project.recorded("StepStarted") == []


@pytest.mark.skipif(
    not all(map(shutil.which, ("srt", "socat", "rg", "bwrap"))), reason="srt, or what it needs, is not here"
)
def test_srt(project: Repo, tmp_path: Path) -> None:
    """With no host that may be reached."""
    if tmp_path.is_relative_to("/dev"):
        pytest.skip("srt has a /dev of its own, and this test is there: set TMPDIR")
    project.env["HOME"] = str(tmp_path)
    settings = json.loads(block("srt", "json"))
    settings["network"]["allowedDomains"] = []
    (tmp_path / ".srt-peal.json").write_text(json.dumps(settings))
    project.write("peal.toml", block("srt"))
    out = Path("/var/tmp") / f"peal-{os.getpid()}"
    plan(project, f"{WORK}; echo x >{out} && echo 0 >got || echo 1 >got")

    project.peal(*RUN)

    assert landed(project) == ["1"]
    assert project.read("got") != "0\n"
    assert not out.exists()
