"""What every test from outside needs: a real repository, and the `peal` of this environment."""

import contextlib
import gc
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from forkserver import Process, popen
from forkserver import stop as stop_forking
from hypothesis import HealthCheck, settings
from not_elsewhere import why_not
from not_sandboxed import why_not as why_not_sandboxed
from sandboxes import why_no_bubblewrap

# How long examples take says something of the machine, and nothing of peal. `make torture` makes three times as many.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("peal", UNTIMED, max_examples=33)
settings.register_profile("torture", UNTIMED, max_examples=100)
settings.load_profile("peal")

PEAL = (sys.executable, "-m", "peal")
ELSEWHERE = os.environ.get("MACHINES", "")
"""Machines, as --machines has them, on which every run of a `project` works; see tests/not_elsewhere.py."""
SANDBOX = os.environ.get("SANDBOX", "")
"""The sandbox, as --sandbox has it, in which every run of a `project` works; see tests/not_sandboxed.py."""


def examples(number: int) -> int:
    """So many in `make torture`, and a third of them otherwise."""
    return number if is_thorough() else number // 3


def is_thorough() -> bool:
    """Whether these are the tests of `make torture`."""
    return settings.get_current_profile_name() == "torture"


@define
class Repo:
    """A git repository with a plan in it, and commands run there as a person would."""

    path: Path
    env: dict[str, str] = field(factory=dict)
    started: list[Process] = field(factory=list)
    cold: bool = False
    """Whether each command is a Python that has just started, and not a fork; see tests/forkserver.py."""
    before: tuple[str, ...] = ()
    """Words in front of each command of peal's."""

    def write(self, name: str, text: str) -> Path:
        """Put a file there."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """What a file holds."""
        return (self.path / name).read_text(encoding="utf-8")

    def peal(
        self, *words: str, code: int | None = 0, cold: bool = False, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `code` is the exit code it must have, None for any."""
        process = self._started(words, more, cold, stderr=subprocess.PIPE)
        said, complained = process.communicate(timeout=120)
        assert code in (None, process.returncode), f"exit {process.returncode}\n{said}\n{complained}"
        return subprocess.CompletedProcess(words, process.returncode, said, complained)

    def start(self, *words: str, cold: bool = False, **more: str) -> Process:
        """Start a command and go on."""
        return self._started(words, more, cold, stderr=subprocess.STDOUT)

    def _started(self, words: tuple[str, ...], more: dict[str, str], cold: bool, stderr: int) -> Process:
        env = {**self.env, **more}
        is_cold = cold or self.cold
        process = popen(("peal", *words), self.path, env, stderr=stderr, before=self.before, cold=is_cold)
        self.started.append(process)
        return process

    def git(self, *words: str) -> str:
        """What git prints; it does not look after each commit whether there is something to tidy up."""
        return subprocess.run(
            ["git", "-c", "maintenance.auto=false", *words],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def recorded(self, *kinds: str) -> list[dict[str, Any]]:
        """The events of these kinds in the journal of the one plan that was run; none if there is no journal yet."""
        texts = [path.read_text(encoding="utf-8") for path in self.path.glob(".peal/*/journal.jsonl")]
        events = [json.loads(line) for text in texts for line in text.split("\n")[:-1]]
        return [event for event in events if event["event"] in kinds]

    def memory(self) -> Path:
        """The folder of the one plan that was run."""
        (folder,) = (path.parent for path in (self.path / ".peal").glob("*/journal.jsonl"))
        return folder


def pytest_configure() -> None:
    """
    Let programs hear the signals that `nohup`, or a shell's `&`, would have them pass over; they would inherit that.

    And put the folders of tests into memory, where that has room: what they mostly do is make and delete small files.
    """
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if "TMPDIR" not in os.environ and _has_room(Path("/dev/shm")):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")


def pytest_xdist_auto_num_workers() -> int:
    """Five for two cores: more than half of the time a test waits for processes, gates and clocks."""
    return 5 * (os.cpu_count() or 1) // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where every run is on machines, or in a sandbox, leave out what cannot be so there."""
    for item in items:
        if ELSEWHERE and (why := why_not(item.name)):
            item.add_marker(pytest.mark.skip(reason=why))
        if SANDBOX and (why := why_no_bubblewrap() or why_not_sandboxed(item.name)):
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_collection_finish() -> None:
    """Let collections of garbage be few, and leave alone what stands as long as tests run: all tests, and their imports."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def _has_room(folder: Path) -> bool:
    """Whether programs may be started there, and a gigabyte is free."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    is_forbidden = found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    return not is_forbidden and os.access(folder, os.W_OK) and found.f_bavail * found.f_frsize >= 2**30


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> Iterator[None]:
    yield
    stop_forking()


@pytest.fixture
def environment() -> dict[str, str]:
    """The caller's environment without anything that steers peal, Python, git or the terminal, or tells of CI."""
    return untouched()


def untouched() -> dict[str, str]:
    """The same for what is made once for all tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PEAL_", "PYTHON", "GIT_", "GITHUB_")) and name not in ("CI", "NO_COLOR")
    }
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def project(repo: Repo, templates: dict[str, Path], tmp_path: Path) -> Repo:
    """The repository with a first commit and peal as it is without settings: tasks in worktrees, commits that land."""
    del repo.env["PEAL_COMMIT"]
    shutil.copytree(
        templates["committed"], repo.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("hooks")
    )
    repo.git("update-index", "--refresh")  # it knows the files that were copied from
    if ELSEWHERE:
        repo.env["PEAL_RUN_ON"] = ELSEWHERE
    if SANDBOX:
        repo.env["PEAL_SANDBOX"] = SANDBOX
        # Where tests see what agents did, and where the agents are that they made.
        repo.env["PEAL_SANDBOX_WRITABLE"] = shlex.join([str(tmp_path), str(Path(__file__).parent)])
    return repo


@pytest.fixture
def repo(
    tmp_path: Path, environment: dict[str, str], request: pytest.FixtureRequest, templates: dict[str, Path]
) -> Iterator[Repo]:
    """
    An empty repository whose path has blanks and umlauts in it; all tasks work in its one tree.

    No run asks the machine to stay awake, which is a process more for each.
    """
    is_torture = request.node.get_closest_marker("torture") is not None
    path = tmp_path / "mein Übungs repo"
    shutil.copytree(templates["empty"], path)
    made = Repo(path, {**environment, "PEAL_COMMIT": "false", "PEAL_KEEP_AWAKE": "false"}, cold=is_torture)
    yield made
    end_all(made.started)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Repositories as git makes them, to be copied: that costs a fifth of the gits that make one."""
    folder = tmp_path_factory.mktemp("templates")
    empty, committed = Repo(folder / "empty", untouched()), Repo(folder / "committed", untouched())
    empty.path.mkdir()
    empty.git("init", "-q", "-b", "main")
    empty.git("config", "user.name", "A Person")
    empty.git("config", "user.email", "person@example.org")
    shutil.copytree(empty.path, committed.path)
    committed.write("README.md", "A project.\n")
    committed.git("add", ".")
    committed.git("commit", "-qm", "first")
    return {"empty": empty.path, "committed": committed.path}


def copy_of_peal(folder: Path) -> Path:
    """
    The package in this folder, for tests that add something to it.

    With what Python has compiled of it, which it takes for whatever has not changed since: to compile all takes a second.
    """
    made = folder / "peal"
    half_written = shutil.ignore_patterns("*.pyc.*")
    shutil.copytree(Path(__file__).parents[1] / "peal", made, ignore=half_written)
    return made


def end_all(started: list[Process]) -> None:
    """No process of a test outlives it."""
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@define
class Clis:
    """Stand-ins for coding CLIs, and what they were asked; tests/fakes/cli.py tells what they obey."""

    state: Path

    def calls(self, *names: str, phase: str = "") -> list[dict[str, Any]]:
        """Each call so far, in order: `name`, `argv`, `cwd`, `env`, `prompt`, `at`; of these programs, in this phase."""
        found = [json.loads(path.read_text()) for path in sorted(self.state.glob("call-*.json"))]
        return [
            call
            for call in found
            if (not names or call["name"] in names) and phase in ("", call["env"].get("PEAL_PHASE"))
        ]

    def has_begun(self, gate: str) -> bool:
        """Whether an agent waits at this gate."""
        return (self.state / f"begun-{gate}").exists()

    def open(self, gate: str) -> None:
        """Let who waits there go on."""
        (self.state / f"go-{gate}").touch()


@pytest.fixture
def clis(repo: Repo, tmp_path: Path) -> Callable[..., Clis]:
    """Puts stand-ins for these programs on PATH, and takes everything of that kind from it."""
    programs = ("claude", "codex", "cursor-agent", "agent", "opencode", "gemini", "qwen", "copilot", "aider")
    fakes = str(Path(__file__).parent / "fakes")  # imported, they are compiled once and not at each call
    start = f"import sys; sys.path.append({fakes!r}); import cli; sys.exit(cli.main(*sys.argv[1:2], sys.argv[2:]))"

    def put(*names: str) -> Clis:
        bin_, state = tmp_path / "bin", tmp_path / "clis"
        for folder in (bin_, state):
            folder.mkdir(exist_ok=True)
        for name in names:
            words = shlex.join([sys.executable, "-I", "-S", "-c", start, name])
            (bin_ / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            (bin_ / name).chmod(0o755)
        kept = [_without(programs, Path(place), tmp_path) for place in os.environ["PATH"].split(os.pathsep)]
        repo.env |= {"PATH": os.pathsep.join([str(bin_), *kept]), "FAKE_CLIS": str(state)}
        return Clis(state)

    return put


def _without(programs: tuple[str, ...], place: Path, tmp_path: Path) -> str:
    """A folder of PATH, or a copy in links if one of these programs is in it."""
    if not any((place / name).exists() for name in programs):
        return str(place)
    copy = tmp_path / f"path-{abs(hash(place))}"
    copy.mkdir(exist_ok=True)
    for entry in place.iterdir():
        if entry.name not in programs and not (copy / entry.name).exists():
            (copy / entry.name).symlink_to(entry)
    return str(copy)


def eventually(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds; fail if it does not in time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


def is_running(pid: int | str) -> bool:
    """Whether a process is alive; one that is dead and not yet collected is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def carriers(name: str, value: str) -> list[int]:
    """The living processes with this variable in their environment."""
    marker = f"{name}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker in (entry / "environ").read_bytes().split(b"\0") and is_running(entry.name):
                    found.append(int(entry.name))
    return found


def shell_plan(*tasks: str) -> str:
    """A plan for the built-in agent: each task is its script; `(parallel)` in front marks one."""
    parts = ["# A plan\n"]
    for number, script in enumerate(tasks, 1):
        mark = " (parallel)" if script.startswith("(parallel)") else ""
        parts.append(
            f"## Task {number}{mark}: number {number}\n\n```sh\n{script.removeprefix('(parallel)').strip()}\n```\n"
        )
    return "\n".join(parts)


UNTIL_GO = "until [ -e ../go ]; do sleep 0.02; done"
"""In a task's script that works in the repository itself: it waits until the test writes `../go`."""
WAIT = 'touch "$OUT/begun-$PEAL_TASK"; for i in $(seq 1000); do [ -e "$OUT/go" ] && break; sleep 0.02; done'
"""In a task's script: it says that it has begun, and waits until the test lets it go on."""


@pytest.fixture
def out(project: Repo) -> Path:
    """A folder outside of the repository, `$OUT` in scripts; `$REPO` is the repository."""
    folder = project.path.parent / "out"
    folder.mkdir()
    project.env |= {"OUT": str(folder), "REPO": str(project.path)}
    return folder


def commit_plan(project: Repo, *tasks: str) -> None:
    """A plan for the built-in agent, committed."""
    project.write("plan.md", shell_plan(*tasks))
    project.git("add", "plan.md")
    project.git("commit", "-qm", "the plan")


def run_plan(project: Repo, *flags: str, code: int | None = 0) -> str:
    """What a run of the plan says."""
    done = project.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "4", *flags, code=code)
    return done.stdout + done.stderr


def start_plan(project: Repo, *flags: str) -> Process:
    """A run of the plan that goes on beside the test."""
    return project.start("run", "plan.md", "--agent", "shell", "--max-parallel", "4", *flags)


def ended(process: Process, code: int) -> str:
    """What a run that was started has said."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    return said


def mended(execute: str, address: str) -> str:
    """A task with a script for `address` too."""
    return f"{execute}\n```\n\n```sh address\n{address}"


def landed(project: Repo) -> list[str]:
    """The numbers of the tasks whose commits are in HEAD, one for each commit."""
    return sorted(project.git("log", "--format=%(trailers:key=Peal-Task,valueonly,separator=)").split())


def branches(project: Repo) -> list[str]:
    """peal's own branches."""
    return project.git("for-each-ref", "--format=%(refname:short)", "refs/heads/peal/").split()


def sample(cases: Mapping[str, object] | Iterable[str], *now: str) -> list[Any]:
    """
    Each case as parameters, by its name; those that are not named after them wait for `make torture`.

    It is for cases of which some take every way that there is through the code, and others look at the same once more.
    """
    named = cases if isinstance(cases, Mapping) else {name: name for name in cases}
    assert set(now) <= set(named), set(now) - set(named)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=() if name in now else pytest.mark.torture,
        )
        for name, case in named.items()
    ]


def later(*cases: object) -> list[Any]:
    """
    Cases that wait for `make torture`, since those beside them take the same way.

    A tuple has the parameters of one: where the only parameter is a tuple, it stands in another.
    """
    marks = pytest.mark.torture
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks) for case in cases]


@pytest.fixture
def unprivileged() -> tuple[str, ...]:
    """Words in front of a command that then may do no more than anybody: root reads and writes everything."""
    if os.geteuid() != 0:
        return ()
    without = "-dac_override,-dac_read_search"
    words = ("setpriv", f"--bounding-set={without}", f"--inh-caps={without}")
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root cannot be without its override here")
    return words


PLANNER = """\
#!/bin/sh
# Answers with what lies in $OUT/answer-N for the N-th call that asks for a plan; as any other, does what it is told.
if [ "$PEAL_TASK" = 0 ]; then
  n=$(($(ls "$OUT" | grep -c prompt-) + 1))
  cat >"$OUT/prompt-$n"
  echo "$PEAL_PHASE $PWD" >"$OUT/place"
  echo $$ >"$OUT/pid"
  [ -e "$OUT/slow" ] && sleep 790
  [ -e "$OUT/rival" ] && mkdir plans && echo mine >"$(cat "$OUT/rival")"
  [ -e "$OUT/broken" ] && { echo "no credit" >&2; exit 7; }
  cat "$OUT/answer-$n"
else
  cat >/dev/null
  [ "$PEAL_PHASE" = execute ] && touch "done-$PEAL_TASK"
  echo "did it"
fi
"""


@pytest.fixture
def asked(project: Repo, out: Path) -> Repo:
    """A repository with an agent that answers with what the test says."""
    (out / "agent.sh").write_text(PLANNER)
    (out / "agent.sh").chmod(0o755)
    command = str(out / "agent.sh")
    project.write("peal.toml", f"agent = 'mine'\n[agents.mine]\ncommand = [{command!r}]\n")
    project.git("add", ".")
    project.git("commit", "-qm", "settings")
    return project


def answer_with(out: Path, *texts: str) -> None:
    """What that agent answers, one call after another."""
    for number, text in enumerate(texts, 1):
        (out / f"answer-{number}").write_text(text)
