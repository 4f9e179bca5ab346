"""One session, in which one loop carries out several plans: real git, real programs, and what they share."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from attrs import define, field
from conftest import Repo, eventually, is_running, shell_plan

from peal.executors import Happened
from peal.executors.threads import Threads
from peal.jobs.plan_job import job_of
from peal.model.work import Step
from peal.record import store
from peal.record.events import Event
from peal.record.history import History
from peal.run.loop import PlanRun, carry_out
from peal.run.normalize_prompt import refuse_to_rewrite
from peal.run.session import Session, session_when_needed
from peal.run.start import begun, stop_asked
from peal.system.layout import RepoPaths
from peal.views.screens import Output
from peal.views.screens.lines import Lines
from peal.workspaces import Slots


@define
class Both:
    """Several plans at once in a repository, in this process."""

    project: Repo
    runs: list[PlanRun] = field(factory=list)
    session: Session | None = None

    @contextmanager
    def ready(self, *plans: str, places: int = 2, **more: str) -> Iterator[Threads]:
        """The plans opened, and what carries their attempts out."""
        repo_paths = RepoPaths(Path(os.path.realpath(self.project.path)))
        slots = Slots(repo_paths.repo, repo_paths.worktrees)
        screen = Lines(Output.standard())
        with ExitStack() as stack:
            self.session = stack.enter_context(session_when_needed(repo_paths))(screen.say)
            executor = stack.enter_context(closing(Threads(self.session.inbox, places)))
            for name in plans:
                flags = {"agent": "shell", "max_parallel": places, **more}
                job = job_of(repo_paths, repo_paths.repo / name, flags, refuse_to_rewrite, slots, ())
                reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
                run = stack.enter_context(begun(job, reading, screen, self.session, executor, lambda: None))
                assert isinstance(run, PlanRun)
                self.runs.append(run)
            yield executor

    @property
    def codes(self) -> list[int | None]:
        """How each has ended."""
        return [run.halt.code if run.halt else None for run in self.runs]


class _Telling(Lines):
    """A screen that says in a file that its run has ended."""

    def __init__(self, screen: Lines, over: Path) -> None:
        super().__init__(screen.out)
        self.over = over

    def show(self, events: Sequence[Event], history: History) -> None:
        """A line for each event; the last one is told apart."""
        super().show(events, history)
        if history.closed is not None:
            self.over.touch()


@pytest.fixture
def both(project: Repo, out: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    """A repository with room for two plans, and this process in it as a person would be."""
    monkeypatch.setenv("OUT", str(out))
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.path)
    return Both(project)


def _plans(project: Repo, **tasks: list[str]) -> list[str]:
    for name, commands in tasks.items():
        project.write(f"{name}.md", shell_plan(*commands))
    return [f"{name}.md" for name in tasks]


def test_two_plans_run_at_once_and_both_land(both: Both, out: Path) -> None:
    """Each waits for the other in its first task; attempts of the same name do not get in each other's way."""
    meet = 'touch "$OUT/{0}"; until [ -e "$OUT/{1}" ]; do sleep 0.02; done; echo {0} > {0}.txt'
    plans = _plans(
        both.project,
        a=[meet.format("a", "b"), "echo 2 > a2.txt"],
        b=[meet.format("b", "a"), "echo 2 > b2.txt"],
    )
    with both.ready(*plans) as executor:
        carry_out(both.runs, executor)

    assert both.codes == [0, 0]
    assert sorted(path.name for path in both.project.path.glob("*.txt")) == [
        "a.txt",
        "a2.txt",
        "b.txt",
        "b2.txt",
    ]
    assert both.project.git("status", "--porcelain", "--untracked-files=no") == ""
    assert len({run.job.plan_paths.folder for run in both.runs}) == 2


def test_a_plan_that_fails_leaves_the_other_alone(both: Both) -> None:
    plans = _plans(both.project, a=["exit 3", "echo 2 > a2"], b=["sleep 0.3; echo 1 > b1", "echo 2 > b2"])

    with both.ready(*plans) as executor:
        carry_out(both.runs, executor)

    assert both.codes == [1, 0]
    assert both.project.read("b2") == "2\n"
    assert both.runs[1].memory.history.completed == {"1", "2"}


WAITS = '[ -e "$OUT/go" ] || {{ echo $$ > "$OUT/pid-{0}"; sleep 60; }}; echo 1 > {0}1'


def test_plans_in_branches_of_their_own_are_reviewed_side_by_side(both: Both, out: Path) -> None:
    """Each reviewer waits for the other, and then looks once more whether it still has the change that it began with."""
    script = (
        'me=$(ls ?.txt); touch "$OUT/$me"; for i in $(seq 500); do [ -e "$OUT/a.txt" -a -e "$OUT/b.txt" ] && break; '
        'sleep 0.02; done; [ -e "$OUT/a.txt" -a -e "$OUT/b.txt" ] && sleep 0.2 && [ "$(ls ?.txt)" = "$me" ]'
    )
    (out / "review.sh").write_text(f"#!/bin/sh\n{script}\n")
    (out / "review.sh").chmod(0o755)
    both.project.write("peal.toml", f'[[reviewers]]\nname = "tests"\ncommand = "{out}/review.sh"\n')
    plans = _plans(both.project, a=["echo a > a.txt"], b=["echo b > b.txt"])

    with both.ready(*plans, branch="of-{plan}") as executor:
        carry_out(both.runs, executor)

    assert both.codes == [0, 0]
    for name, other in ("ab", "ba"):
        files = both.project.git("ls-tree", "--name-only", f"of-{name}").split()
        assert f"{name}.txt" in files
        assert f"{other}.txt" not in files
    assert not list(both.project.path.glob("?.txt"))
    assert (both.project.path / ".peal/worktrees/address-2").is_dir()
    both.project.peal("clean")
    assert list((both.project.path / ".peal/worktrees").iterdir()) == []


@contextmanager
def _stopped(both: Both, out: Path, plan: str = "") -> Iterator[None]:
    """When both work, a plan is stopped as by Ctrl-C; both, if none is named."""
    assert both.session is not None
    inbox = both.session.inbox

    def stop() -> None:
        eventually(lambda: all((out / f"pid-{name}").exists() for name in "ab"))
        inbox.put(Happened(stop_asked(signal.SIGINT), plan))

    thread = Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_signal_ends_all_of_them_and_each_can_be_resumed(both: Both, out: Path) -> None:
    plans = _plans(both.project, a=[WAITS.format("a")], b=[WAITS.format("b")])
    with both.ready(*plans) as executor, _stopped(both, out):
        carry_out(both.runs, executor)

    assert both.codes == [130, 130]
    pids = [(out / f"pid-{name}").read_text().strip() for name in "ab"]
    eventually(lambda: not any(map(is_running, pids)))
    (out / "go").touch()
    for plan in plans:
        both.project.peal("resume", plan)
    assert (both.project.read("a1"), both.project.read("b1")) == ("1\n", "1\n")


def test_a_plan_that_is_stopped_leaves_the_other_at_work(both: Both, out: Path) -> None:
    other = 'echo $$ > "$OUT/pid-b"; until [ -e "$OUT/over" ]; do sleep 0.02; done; echo 1 > b1'
    plans = _plans(both.project, a=[WAITS.format("a")], b=[other])
    with both.ready(*plans) as executor, _stopped(both, out, "a.md"):
        screen = both.runs[0].screen
        both.runs[0].screen = _Telling(screen, out / "over")
        carry_out(both.runs, executor)

    assert both.codes == [130, 0]
    assert both.project.read("b1") == "1\n"


def test_what_a_plan_is_told_is_of_that_plan_alone(both: Both) -> None:
    """Both have a task 1, and an `execute` of it; each history knows its own."""
    plans = _plans(both.project, a=["echo a > a"], b=["sleep 0.2; echo b > b"])

    with both.ready(*plans) as executor:
        carry_out(both.runs, executor)

    for run, name in zip(both.runs, "ab", strict=True):
        state = run.memory.history.states["1"]
        assert [str(Step(one.task, one.phase)) for one in state.attempts] == [
            f"task 1 {phase}" for phase in ("plan", "execute", "address", "land")
        ]
        assert both.project.git("show", "--name-only", "--format=", state.change.own).strip() == name


def test_the_session_leaves_nothing_behind(both: Both) -> None:
    plans = _plans(
        both.project, a=["echo $TMPDIR > a; touch $TMPDIR/x"], b=["echo $TMPDIR > b; touch $TMPDIR/x"]
    )

    with both.ready(*plans) as executor:
        carry_out(both.runs, executor)
        assert both.session is not None
        name = both.session.name

    first, second = (Path(both.project.read(plan).strip()) for plan in "ab")
    assert first.parent != second.parent
    assert first.parent.parent == second.parent.parent == Path(f"/tmp/peal-{name}")
    assert not first.parent.parent.exists()
    assert not (both.project.path / ".peal/owner.json").exists()
