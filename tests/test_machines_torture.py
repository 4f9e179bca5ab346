"""Machines, links and peal itself ended and frozen at random moments: each task lands once, and nothing is begun twice."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from attrs import define
from conftest import Repo, eventually, is_running, landed, later
from forkserver import Process
from links import LINKS, MARK, Ground, Link, ground

from peal.machines.protocol import SILENCE as SILENCE_AT_FIRST

SILENCE = 4.0
"""Seconds; the least that can be set."""
SCRIPT = """\
echo "$PEAL_TASK $PEAL_ATTEMPT $TMPDIR" >>{ledger}
(setsid sleep 786 &)
(env -i sleep 786 &)
sleep {nap} & wait $!
echo $PEAL_TASK >"{name}-$PEAL_TASK"
"""
SETTINGS = """\
agent = "shell"
max_parallel = 6
address = "as-ready"
phase_retry_count = 20
"""
"""Tasks land while others are at work, and what fails for want of room there is tried again."""


@define
class Scene:
    """A plan of tasks with children, carried out on machines."""

    project: Repo
    ground: Ground
    link: Link
    luck: random.Random
    tasks: int
    nap: float
    """Seconds that a task takes."""
    process: Process | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--machines", self.link.names, "--machine-silence-sec", f"{SILENCE:g}")

    def put(self, name: str, count: int) -> None:
        """A committed plan of so many tasks."""
        script = SCRIPT.format(ledger=self.ground.ledger, name=Path(name).stem, nap=self.nap)
        tasks = [
            f"## Task {number}: {name} {number} (parallel)\n\n```sh execute\n{script}```\n"
            for number in range(1, count + 1)
        ]
        self.project.write(name, "# A plan\n\n" + "\n".join(tasks))
        self.project.write("peal.toml", f"{SETTINGS}{self.link.settings}")
        self.project.git("add", ".")
        self.project.git("commit", "-qm", name)

    def start(self) -> Process:
        """Begin to carry it out, or go on."""
        self.process = self.project.start("resume", "plan.md", *self.flags)
        return self.process

    def is_over(self) -> bool:
        """Whether nothing is under way."""
        assert self.process
        return self.process.poll() is not None

    def end(self, seconds: float = 120) -> int:
        """The exit code of what is under way."""
        assert self.process
        said, _ = self.process.communicate(timeout=seconds)
        print(said)
        return self.process.returncode

    def pause(self, least: float, most: float) -> None:
        """Some seconds, or until nothing is under way."""
        until = time.monotonic() + self.luck.uniform(least, most)
        while time.monotonic() < until and not self.is_over():
            time.sleep(0.01)

    def victims(self, find: Callable[[], list[int]]) -> list[int]:
        """Processes of a kind as soon as there are some; none if nothing is under way any more."""
        found: list[int] = []
        while not self.is_over() and not (found := find()):
            time.sleep(0.02)
        return found

    def attempts(self) -> dict[tuple[str, int], str]:
        """How each `execute` has ended, as the journal has it; empty for one whose end nobody saw."""
        found = {}
        for event in self.project.recorded("StepStarted", "StepEnded"):
            if event["phase"] == "execute":
                result = event["outcome"]["result"] if event["event"] == "StepEnded" else ""
                found[str(event["task"]), event["attempt"]] = result
        return found


# --- what is done to them, each once


def _signal(pids: list[int], how: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def one_of(kind: str, how: int) -> Callable[[Scene], None]:
    """Send a signal to one process of a kind."""

    def blow(scene: Scene) -> None:
        if found := scene.victims(getattr(scene.ground, kind)):
            _signal([scene.luck.choice(found)], how)

    return blow


def peal_is_killed(scene: Scene) -> None:
    assert scene.process
    scene.process.kill()


def peal_is_frozen(scene: Scene) -> None:
    """Until nothing runs elsewhere any more; then it wakes up, or not."""
    assert scene.process
    there = scene.ground.machines()
    scene.process.send_signal(signal.SIGSTOP)
    eventually(lambda: not any(map(is_running, there)), SILENCE + 20)
    scene.process.send_signal(scene.luck.choice([signal.SIGCONT, signal.SIGKILL]))


def ctrl_c(scene: Scene) -> None:
    assert scene.process
    scene.process.send_signal(signal.SIGINT)


def ctrl_c_twice(scene: Scene) -> None:
    ctrl_c(scene)
    scene.pause(0, 1)
    ctrl_c(scene)


def the_disk_there_is_full(scene: Scene) -> None:
    """For some seconds."""
    filler = scene.ground.home / "filler"
    room = scene.luck.choice([0, 4096, 100_000])
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while (left := shutil.disk_usage(scene.ground.home).free - room) > 0:
            file.write(b"x" * min(left, 1 << 20))
    scene.pause(1, 4)
    filler.unlink()


BLOWS: dict[str, Callable[[Scene], None]] = {
    "a machine is killed": one_of("machines", signal.SIGKILL),
    "a machine is terminated": one_of("machines", signal.SIGTERM),
    "a machine crashes": one_of("machines", signal.SIGSEGV),
    "a machine is frozen": one_of("machines", signal.SIGSTOP),
    "a near program is killed": one_of("near_programs", signal.SIGKILL),
    "a near program is frozen": one_of("near_programs", signal.SIGSTOP),
    "a server is killed": one_of("servers", signal.SIGKILL),
    "peal is killed": peal_is_killed,
    "peal is frozen": peal_is_frozen,
    "ctrl-c": ctrl_c,
    "ctrl-c twice": ctrl_c_twice,
    "the disk there is full": the_disk_there_is_full,
}
ENDS_TOO = {"peal is killed": [""], "peal is frozen": [""], "the disk there is full": ["failed"]}
"""How attempts may end then, beside passed, lost and interrupted."""
NEAR = ("a near program is killed", "a near program is frozen", "a server is killed")
"""What there is only where another program leads to a machine."""


# --- what holds afterwards


def nothing_is_lost_or_done_twice(scene: Scene, *also: str) -> None:
    """And nobody's work is in the way of anybody's."""
    numbers = sorted(str(number) for number in range(1, scene.tasks + 1))
    assert landed(scene.project) == numbers
    begun = Counter(tuple(line.split()[:2]) for line in scene.ground.ledger.read_text().splitlines())
    attempts = scene.attempts()
    assert {begun_at for begun_at, count in begun.items() if count > 1} == set(), "begun twice"
    assert {(task, int(number)) for task, number in begun} <= set(attempts), "begun without a word of it"
    passed = Counter(task for (task, _), result in attempts.items() if result == "passed")
    assert passed == Counter(numbers), "carried out again though it was done"
    ends = Counter(attempts.values())
    assert set(ends) <= {"passed", "lost", "interrupted", *also}
    assert sum(begun.values()) <= scene.tasks + ends.total() - ends["passed"]


def nothing_is_left(scene: Scene) -> None:
    """No process, no file, no change that nobody asked for; a machine that was never spoken to waits a while."""
    _signal(scene.ground.machines(), signal.SIGCONT)  # who has been frozen may end now
    eventually(lambda: not scene.ground.carriers(), SILENCE_AT_FIRST + 20)
    for line in scene.ground.ledger.read_text().splitlines():
        folder = Path(line.split()[2]).parent
        eventually(lambda folder=folder: not folder.exists())
    assert scene.project.git("status", "--porcelain") == ""
    assert scene.project.git("for-each-ref", "refs/heads/").count("\n") == 1
    assert not list((scene.project.path / ".git").rglob("*.lock"))
    assert json.loads(scene.project.peal("doctor", "--json").stdout) == []


def stores_can_be_used(scene: Scene) -> None:
    """By the next run, which loses nothing."""
    for store in scene.ground.home.glob("*/store.git"):
        words = ["git", "-c", f"safe.directory={store}", "-C", str(store), "fsck", "--no-dangling"]
        subprocess.run(words, check=True, capture_output=True)
    count = scene.tasks // 4
    scene.put("next.md", count)
    said = scene.project.peal("run", "next.md", *scene.flags).stdout
    assert landed(scene.project).count(str(count)) == 2, said
    assert "machine `" not in said


@contextmanager
def small_home(ground: Ground) -> Iterator[None]:
    """Machines keep their stores on a disk of little more than the room they must have."""
    words = ["mount", "-t", "tmpfs", "-o", "size=260m,mode=777", "none", str(ground.home)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(ground.home)], check=True)


def torment(project: Repo, link: str, blow: str, seed: int, tasks: int = 24, nap: float = 1.0) -> None:
    """Carry the plan out, with up to three blows at any moment, and go on until it is done."""
    print(f"seed {seed}")
    with ExitStack() as stack:
        there = stack.enter_context(ground())
        if blow == "the disk there is full":
            stack.enter_context(small_home(there))
        laid = stack.enter_context(LINKS[link](there))
        project.env |= {MARK: there.mark, **laid.env}
        project.before = laid.before
        scene = Scene(project, there, laid, random.Random(seed), tasks, nap)
        scene.put("plan.md", tasks)
        scene.start()
        for _ in range(scene.luck.randint(1, 3)):
            scene.pause(0.3, nap * tasks / 6)
            if not scene.is_over():
                BLOWS[blow](scene)
            if blow.startswith(("peal", "ctrl-c")):
                # -2 before it listens; 1 if it slept while it met the machines, which had given it up
                assert scene.end() in (0, 1, 130, -signal.SIGKILL, -signal.SIGINT)
                scene.start()
        for _ in range(3):
            if scene.end() == 0:
                break
            scene.start()
        nothing_is_lost_or_done_twice(scene, *ENDS_TOO.get(blow, ()))
        nothing_is_left(scene)
        stores_can_be_used(scene)


@pytest.mark.parametrize("blow", ["a machine is killed", *later("peal is frozen")])
def test_a_few_blows(project: Repo, blow: str) -> None:
    torment(project, "pipes", blow, seed=1, tasks=6, nap=0.4)


CASES = [(link, blow) for link in LINKS for blow in BLOWS if link != "pipes" or blow not in NEAR]


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("link", "blow"), CASES)
def test_nothing_is_lost_and_nothing_is_done_twice(project: Repo, link: str, blow: str) -> None:
    torment(project, link, blow, int(os.environ.get("SEED") or random.randrange(10**6)))
