"""
The real coding CLIs, sealed off and against a scripted model: `make agents`.

The rig that installs and runs them is no part of this repository; without it these tests are skipped. It knows words in
a prompt: `SHELL: command` and `WRITE path: text` become tool calls, `FAIL 429 x2` errors, `SLOW 9` a wait.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field
from conftest import SANDBOX, end_all, eventually

from peal.agents.registry import adapters

RIG = Path(os.environ.get("PEAL_RIG") or Path(__file__).parents[2] / "shared" / "rig" / "rig")
INSTALLED = Path(os.environ.get("RIG_HOME") or Path.home() / ".cache" / "agent-rig") / "npm/node_modules/.bin"
ADAPTERS = adapters()
CLIS = [name for name, cli in ADAPTERS.items() if (INSTALLED / cli.programs[0]).exists()]
MODELS = {
    "opencode": "fake/fake-model",
    "qwen": "fake-model",
    "gemini": "gemini-2.5-pro",
    "copilot": "gpt-5.4",
}
SILENT_AT_A_LIMIT = ("qwen",)
"""Tries again in silence for longer than anybody would wait: only its idle clock ends it."""

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not RIG.exists(), reason="the rig with the real CLIs is not here"),
    pytest.mark.skipif(not CLIS, reason="the rig has no CLI installed"),
    pytest.mark.skipif(not shutil.which("unshare"), reason="there is no `unshare` to seal the CLIs off with"),
    pytest.mark.xdist_group("rig"),
]
everybody = pytest.mark.parametrize("cli", CLIS)


@define
class Sealed:
    """A repository in which peal drives one real CLI that can reach nothing but the scripted model."""

    path: Path
    cli: str
    started: list[subprocess.Popen[str]] = field(factory=list)

    def write(self, name: str, text: str) -> None:
        """Put a file there."""
        (self.path / name).write_text(text, encoding="utf-8")

    def git(self, *words: str) -> str:
        """What git prints."""
        return subprocess.run(
            ["git", *words], cwd=self.path, capture_output=True, text=True, check=True
        ).stdout

    def plan(self, *tasks: str, parallel: int = 0) -> None:
        """Commit a plan of these tasks, the first ones side by side."""
        marks = [" (parallel)" if number < parallel else "" for number in range(len(tasks))]
        texts = [
            f"## Task {number}{mark}: one\n\n{task}\n"
            for number, (mark, task) in enumerate(zip(marks, tasks, strict=True), 1)
        ]
        self.write("plan.md", "# A plan\n\n" + "\n".join(texts))
        self.git("add", ".")
        self.git("commit", "-qm", "first")

    def words(self, *words: str) -> list[str]:
        """`peal run plan.md` with this CLI."""
        model = ["--model", MODELS[self.cli]] if self.cli in MODELS else []
        sandbox = ["--sandbox", SANDBOX, "--sandbox-env", "FAKE_API_KEY"] if SANDBOX else []
        return ["peal", "run", "plan.md", "--agent", self.cli, *model, *sandbox, *words]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in the sealed place and go on; what it prints is in `out.txt`."""
        env = {**os.environ, "RIG_PATH": str(Path(sys.executable).parent)}
        with (self.path.parent / "out.txt").open("w") as out:
            process = subprocess.Popen(
                [str(RIG), "run", *words], cwd=self.path, env=env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command in the sealed place to its end; what it prints."""
        process = self.start(*words)
        process.wait(timeout=400)
        said = (self.path.parent / "out.txt").read_text(encoding="utf-8")
        assert process.returncode == code, said
        return said

    def events(self, kind: str) -> list[dict[str, object]]:
        """What the journal holds of this kind."""
        (journal,) = (self.path / ".peal").glob("*/journal.jsonl")
        records = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        flat = [record.get("record", record) for record in records]
        return [record for record in flat if record.get("event") == kind]


@pytest.fixture
def sealed(request: pytest.FixtureRequest, cli: str) -> Iterator[Sealed]:
    """An empty repository, not below /tmp: a sandbox of the CLIs lets them write there."""
    base = Path.home() / ".cache" / "peal-agents-test"
    shutil.rmtree(base / cli, ignore_errors=True)
    path = base / cli / "ein Übungs repo"
    path.mkdir(parents=True)
    made = Sealed(path, cli)
    made.git("init", "-qb", "main", ".")
    made.git("config", "user.name", "A Person")
    made.git("config", "user.email", "person@example.org")
    yield made
    end_all(made.started)


@everybody
def test_two_side_by_side_and_one_after_them_through_all_phases(sealed: Sealed) -> None:
    """Each task writes a line; the reviewer wants two, so the agent is asked to mend, and does the same once more."""
    sealed.write(
        "peal.toml",
        '[[reviewers]]\nname = "two lines"\n'
        "command = \"sh -c 'for f in *.txt; do test $(wc -l < $f) -ge 2 || { echo $f is too short; exit 1; }; done'\"\n",
    )
    sealed.plan(
        "SHELL: echo alpha >> a.txt", "SHELL: echo beta >> b.txt", "SHELL: echo gamma >> c.txt", parallel=2
    )

    sealed.run(*sealed.words("--parallel", "--max-parallel", "2"))

    assert [sealed.git("show", f"HEAD:{name}.txt").split() for name in "abc"] == [
        ["alpha", "alpha"],
        ["beta", "beta"],
        ["gamma", "gamma"],
    ]
    assert sealed.git("status", "--porcelain") == ""
    ends = sealed.events("StepEnded")
    assert [end["outcome"]["result"] for end in ends if end["phase"] == "address"] == ["mended", "passed"] * 3
    if ADAPTERS[sealed.cli].reports_usage:
        used = [end["outcome"]["usage"] for end in ends if end["phase"] == "execute"]
        assert all(one[0]["output"] > 0 and one[0]["cached"] > 0 for one in used)


@everybody
def test_a_plan_cannot_write(sealed: Sealed) -> None:
    """What the model tries in `plan` is refused by the CLI, or told by the look at the tree."""
    sealed.plan("SHELL: echo x >> a.txt")

    sealed.run(*sealed.words())

    assert sealed.git("show", "HEAD:a.txt") == "x\n"


@everybody
def test_a_429_that_passes_is_nobodys_failure(sealed: Sealed) -> None:
    sealed.plan("FAIL 429 x2 and then SHELL: echo x >> a.txt")

    sealed.run(*sealed.words())

    assert sealed.git("show", "HEAD:a.txt") == "x\n"
    assert not [end for end in sealed.events("StepEnded") if end["outcome"]["result"] == "failed"]


@everybody
def test_a_limit_pauses_the_run_and_a_resume_goes_on(sealed: Sealed) -> None:
    if sealed.cli in SILENT_AT_A_LIMIT:
        pytest.skip(f"{sealed.cli} waits in silence")
    sealed.plan("FAIL LIMIT and then SHELL: echo x >> a.txt")

    said = sealed.run(*sealed.words("--no-wait"), code=4)
    again = sealed.run("peal", "resume", code=4)
    sealed.write("plan.md", sealed.git("show", "HEAD:plan.md").replace("FAIL LIMIT and then ", ""))
    sealed.git("commit", "-qam", "The limit is no more")
    sealed.run("peal", "resume", "--try-now")

    assert "usage limit" in said
    assert "started" not in again
    assert sealed.git("show", "HEAD:a.txt") == "x\n"
    assert not [end for end in sealed.events("StepEnded") if end["outcome"]["result"] == "failed"]


@everybody
def test_who_is_not_logged_in_ends_the_run_at_once(sealed: Sealed) -> None:
    sealed.plan("FAIL 401", "SHELL: echo x >> a.txt")

    said = sealed.run(*sealed.words("--continue-with-remaining-tasks"), code=1)

    assert f"agent `{sealed.cli}` cannot work" in said
    assert ADAPTERS[sealed.cli].login in said


@everybody
def test_killed_in_the_middle_and_resumed_nothing_is_done_twice(sealed: Sealed) -> None:
    goes_on = sealed.path.parent / "goes-on"
    sealed.plan(f"SHELL: echo x >> a.txt; test -e {goes_on} || tail -f /dev/null", "SHELL: echo y >> b.txt")
    process = sealed.start(*sealed.words())
    places = [sealed.path / ".peal/worktrees/1/a.txt", sealed.path / "a.txt"]
    eventually(lambda: any(place.exists() for place in places), 120)
    owner = json.loads((sealed.path / ".peal/owner.json").read_text(encoding="utf-8"))

    os.kill(owner["pid"], signal.SIGKILL)
    process.wait(timeout=60)
    eventually(lambda: not _marked(owner["run"]), 30)
    goes_on.touch()
    sealed.run("peal", "resume")

    assert sealed.git("show", "HEAD:a.txt") == "x\n"
    assert sealed.git("show", "HEAD:b.txt") == "y\n"
    assert sealed.git("status", "--porcelain") == ""


def _marked(run: str) -> list[str]:
    """The processes that carry the run's marker."""
    marker = f"PEAL_RUN_ID={run}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
