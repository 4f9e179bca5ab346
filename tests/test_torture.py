"""peal killed at random moments and at each of its git calls, while agents with children of their own run."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from conftest import Repo, carriers, eventually, sample
from forkserver import Process

TASKS = 8


def stubborn_plan() -> str:
    """Tasks with children, some in sessions of their own, that write down when they start and end."""
    script = "echo start-{0} >> log; sleep 0.05 & setsid sleep 20 & sleep 0.1; echo end-{0} >> log"
    marks = {2, 3, 4, 6, 7}
    return "\n".join(
        f"## Task {number}{' (parallel)' if number in marks else ''}\n\n```sh\n{script.format(number)}\n```\n"
        for number in range(1, TASKS + 1)
    )


def runs_of(repo: Repo) -> list[str]:
    """The markers of every run so far."""
    journals = list((repo.path / ".peal").glob("*/journal.jsonl"))
    lines = [line for path in journals for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return [event["run"] for line in lines if (event := json.loads(line))["event"] == "RunOpened"]


def done_tasks(repo: Repo) -> set[int]:
    """What the memory says is complete."""
    if not list((repo.path / ".peal").glob("*/journal.jsonl")):
        return set()
    told = json.loads(repo.peal("status", "plan.md", "--json").stdout)
    return {task["index"] for task in told["tasks"] if task["state"] == "done"}


def starts(repo: Repo) -> Counter[str]:
    """How often each task has started and ended."""
    log = repo.path / "log"
    return Counter(log.read_text(encoding="utf-8").split() if log.exists() else [])


def torment(repo: Repo, kills: int, seed: int) -> None:
    """Kill a run over and over; nothing it started survives it and nothing complete is done again."""
    luck = random.Random(seed)
    repo.write("plan.md", stubborn_plan())
    killed = 0
    while killed < kills:
        complete, before = done_tasks(repo), starts(repo)
        if len(complete) == TASKS:
            repo.peal("redo", f"1-{TASKS}", "--plan", "plan.md")
            complete = set()
        process = repo.start("run", "plan.md", "--agent", "shell", "--max-parallel", "3")
        try:
            process.wait(luck.uniform(0.05, 1.2))
        except Exception:
            process.send_signal(luck.choice([signal.SIGKILL] * 4 + [signal.SIGTERM]))
            process.wait(20)
            killed += 1
        eventually(lambda: not any(carriers("PEAL_RUN_ID", run) for run in runs_of(repo)), seconds=2)
        after = starts(repo)
        for task in complete:
            assert after[f"start-{task}"] == before[f"start-{task}"], (
                f"task {task} was complete and ran again"
            )
        assert complete <= done_tasks(repo)

    repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "3")

    assert done_tasks(repo) == set(range(1, TASKS + 1))
    ends = starts(repo)
    assert all(ends[f"end-{task}"] >= 1 for task in range(1, TASKS + 1))


def test_a_few_kills(repo: Repo) -> None:
    torment(repo, kills=3, seed=1)


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", range(4))
def test_many_kills(repo: Repo, seed: int) -> None:
    torment(repo, kills=30, seed=seed)


GIT = r"""#!/bin/sh
# git as peal meets it, killed at the call numbered KILL_AT, of those whose words hold ONLY.
test -n "$PEAL_GIT_OF" && test -n "$CALLS" || exec "$GIT" "$@"
IFS='	'
case "	$*	" in *"	update-ref	"*"	--stdin	"*)
    # It goes on: each change of its is a call, carried out by a git of its own.
    turn=0
    while test -z "$ME" && read -r start && read -r change && read -r commit; do
        turn=$((turn + 1))
        printf '%s\n' "$start" "$change" "$commit" | ME="$$.$turn" "$0" "$@" || exit
    done
    test -n "$ME" || exit 0
esac
me=${ME:-$$}
unset ME
printf '%s\n' "$me	$*	" >> "$CALLS"
number=$(awk -v only="$ONLY" -v me="$me" '$0 ~ only { n++ } $1 == me { if ($0 ~ only) print n; exit }' "$CALLS")
test -n "$KILL_AT" && test "$number" = "$KILL_AT" || exec "$GIT" "$@"
if test "$WHEN" = before; then
    kill -9 "$PEAL_GIT_OF"
    sleep 0.1
    exec "$GIT" "$@"
fi
"$GIT" "$@"
code=$?
kill -9 "$PEAL_GIT_OF"
exit "$code"
"""
MOMENTS = ("before", "after")
NOTEWORTHY = (
    ("worktree\tadd", "before"),
    ("write-tree", "after"),
    ("update-ref\t-m", "before"),
    ("update-ref\t-m", "after"),
    ("merge-tree", "after"),
    ("merge\t--quiet", "after"),
    ("merge\t--ff-only", "before"),
    ("merge\t--ff-only", "after"),
)
"""git's sub-commands around which most can go wrong."""
PARTS = 4


def task_that_lands(number: int, last: int, nap: float) -> str:
    """Tasks 1 and 2 clash, task 3 displeases the reviewer, the odd ones commit, the last one needs all others."""
    lines = [f'echo {number} >> "$TALLY"', f"sleep {nap}"]
    lines.append("cat file-* > all" if number == last else f"echo {number} > file-{number}")
    lines += [f"echo {number} > shared"] * (number <= 2)
    lines += ["echo bad >> file-3"] * (number == 3)
    lines += ["git add --all", "git commit -qm 'the agent itself'"] * (number % 2)
    mends = {2: "printf '1\\n2\\n' > shared", 3: "echo 3 > file-3"}
    mend = f"\n```sh address\n{mends[number]}\n```\n" if number in mends else ""
    mark = "" if number == last else " (parallel)"
    return f"## Task {number}{mark}: number {number}\n\n```sh\n" + "\n".join(lines) + f"\n```\n{mend}"


@define
class Scene:
    """A repository in the midst of a person's work, with a plan whose tasks land, and peal that gets killed there."""

    repo: Repo
    tasks: int
    before: str = ""
    kills: int = 0
    branch: str = "main"
    """Where tasks land."""
    tree: Path | None = None
    """The tree that this is checked out in, if it is in one."""
    recorded: dict[int, int] = field(factory=dict)
    """How often each task's `execute` had begun when its commit was seen in the journal first."""

    @classmethod
    def of(cls, project: Repo, name: str, tasks: int, nap: float) -> "Scene":
        """A repository of its own beside the given one."""
        folder = project.path.parent / name
        repo = Repo(
            folder / "mein Übungs repo",
            {**project.env, "TALLY": str(folder / "tally")},
            project.started,
            project.cold,
        )
        shutil.copytree(project.path, repo.path)
        repo.write("plan.md", "\n".join(task_that_lands(one, tasks, nap) for one in range(1, tasks + 1)))
        reviewer = """[[reviewers]]\nname = "tests"\ncommand = "sh -c '! grep -q bad file-*'"\n"""
        repo.write("peal.toml", f'agent = "shell"\nmax_parallel = 4\n\n{reviewer}')
        repo.write("shared", "0\n")
        repo.write("mine", "theirs\n")
        repo.git("add", ".")
        repo.git("commit", "-qm", "second")
        repo.write("mine", "edited\n")
        repo.write("staged", "new\n")
        repo.git("add", "staged")
        repo.write("own", "untracked\n")
        return cls(repo, tasks, repo.git("status", "--porcelain"), tree=repo.path)

    @classmethod
    def in_branch(cls, project: Repo, name: str, where: str) -> "Scene":
        """The same with a branch of its own, checked out nowhere or in another worktree."""
        scene = cls.of(project, name, tasks=4, nap=0)
        scene.branch, scene.tree = "größe", None
        with (scene.repo.path / "peal.toml").open("r+", encoding="utf-8") as file:
            text = file.read()
            file.seek(0)
            file.write(f'branch = "{scene.branch}"\n{text}')
        scene.repo.git("commit", "-qm", "third", "peal.toml")
        scene.repo.git("branch", scene.branch, "HEAD^")
        if where == "elsewhere":
            scene.tree = scene.repo.path.parent / "anderer bäum"
            scene.repo.git("worktree", "add", "-q", str(scene.tree), scene.branch)
        return scene

    def with_git(self, at: str = "", when: str = "", only: str = "") -> dict[str, str]:
        """What puts the git that kills first on PATH."""
        wrapper = self.repo.path.parent / "bin" / "git"
        if not wrapper.exists():
            wrapper.parent.mkdir()
            wrapper.write_text(GIT, encoding="utf-8")
            wrapper.chmod(0o755)
        self.calls().unlink(missing_ok=True)
        return {
            "GIT": str(shutil.which("git", path=self.repo.env["PATH"])),
            "PATH": f"{wrapper.parent}{os.pathsep}{self.repo.env['PATH']}",
            "CALLS": str(self.calls()),
            "KILL_AT": at,
            "WHEN": when,
            "ONLY": only and f"\t{only}\t",
        }

    def calls(self) -> Path:
        """The git calls that peal has made, a line each."""
        return self.repo.path.parent / "calls"

    def is_killed(self, process: Process) -> bool:
        """Whether a peal was killed, now that it has ended; else it has reached its end."""
        said, _ = process.communicate(timeout=60)
        self.look()
        assert process.returncode in (0, -signal.SIGKILL), said
        self.kills += process.returncode != 0
        return process.returncode != 0

    def is_killed_after(self, seconds: float) -> bool:
        """Go on, and kill peal so long after it has begun to; whether that was before its end."""
        process = self.repo.start("resume", "plan.md")
        self.wait_for(seconds, process)
        process.kill()
        return self.is_killed(process)

    def wait_for(self, seconds: float, *processes: Process) -> None:
        """So many seconds from when one of these has taken the lock, or until all have ended."""
        until = None
        while (until is None or time.monotonic() < until) and any(one.poll() is None for one in processes):
            if until is None and self.at_work() in [one.pid for one in processes]:
                until = time.monotonic() + seconds
            time.sleep(0.002)

    def at_work(self) -> int:
        """The peal that the lock's file names."""
        with suppress(OSError):
            return int(json.loads(self.repo.read(".peal/owner.json"))["pid"])
        return 0

    def tally(self) -> Counter[int]:
        """How often each task's `execute` has begun."""
        path = Path(self.repo.env["TALLY"])
        return Counter(map(int, path.read_text(encoding="utf-8").split()) if path.exists() else ())

    def look(self) -> None:
        """Note which tasks have their commit in the journal by now."""
        for path in (self.repo.path / ".peal").glob("*/journal.jsonl"):
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                event = json.loads(line)
                if (
                    event["event"] == "StepEnded"
                    and event["phase"] == "execute"
                    and event["outcome"]["commit"]
                ):
                    self.recorded.setdefault(event["task"], self.tally()[event["task"]])

    def is_as_if_never_killed(self) -> None:
        """All tasks have landed once, the person's work is as it was, and nothing is left over."""
        repo, numbers = self.repo, range(1, self.tasks + 1)
        trailers = repo.git(
            "log", "--format=%(trailers:key=Peal-Task,valueonly,separator=)", self.branch
        ).split()
        assert sorted(trailers) == sorted(map(str, numbers)), "a task has landed not once"
        assert int(repo.git("rev-list", "--count", self.branch)) == 2 + 2 * self.tasks, "a merge too many"
        files = {f"file-{number}": f"{number}\n" for number in numbers[:-1]}
        files |= {"all": "".join(files.values()), "shared": "1\n2\n"}
        assert {name: repo.git("show", f"{self.branch}:{name}") for name in files} == files
        if self.tree:
            assert {name: (self.tree / name).read_text() for name in files} == files
        if self.tree and self.tree != repo.path:
            assert repo.git("-C", str(self.tree), "status", "--porcelain") == ""
        own = {"mine": "edited\n", "staged": "new\n", "own": "untracked\n"}
        assert {name: repo.read(name) for name in own} == own
        assert repo.git("show", ":staged") == "new\n"
        assert repo.git("status", "--porcelain") == self.before
        heads = repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads/").split()
        assert set(heads) == {"main", self.branch}
        assert not list((repo.path / ".git").rglob("*.lock"))
        eventually(lambda: not any(carriers("PEAL_RUN_ID", run) for run in runs_of(repo)), seconds=2)
        begun = self.tally()
        assert {task: begun[task] for task in self.recorded} == self.recorded, "done again"


def killed_at(project: Repo, name: str, *calls: tuple[int, str, str]) -> int:
    """Kill a run, and each that goes on with it, at a git call of its own; then resume and look; how often it died."""
    scene = Scene.of(project, name, tasks=4, nap=0)
    for at, when, only in calls:
        scene.is_killed(scene.repo.start("resume", "plan.md", **scene.with_git(str(at), when, only)))
    scene.repo.peal("resume", "plan.md")
    scene.is_as_if_never_killed()
    shutil.rmtree(scene.repo.path.parent)
    return scene.kills


@pytest.mark.parametrize(
    ("words", "when"),
    sample(
        {" ".join(each): each for each in NOTEWORTHY},
        "update-ref\t-m before",
        "merge\t--ff-only after",
    ),
)
def test_killed_at_a_git_call_that_changes_something(project: Repo, words: str, when: str) -> None:
    assert killed_at(project, "scene", (1, when, words)) == 1


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("when", MOMENTS)
def test_killed_at_every_git_call(project: Repo, when: str, part: int) -> None:
    undisturbed = Scene.of(project, "undisturbed", tasks=4, nap=0)
    undisturbed.repo.peal("run", "plan.md", **undisturbed.with_git())
    undisturbed.is_as_if_never_killed()
    count = len(undisturbed.calls().read_text(encoding="utf-8").splitlines())
    calls = range(part + 1, count + 1, PARTS)

    kills = sum(killed_at(project, f"call {number}", (number, when, "")) for number in calls)

    assert kills >= len(calls) - 2, "two runs may differ by a call or two"


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("where", ["nowhere", "elsewhere"])
@pytest.mark.parametrize("when", MOMENTS)
def test_killed_at_every_git_call_with_a_branch_of_its_own(project: Repo, when: str, where: str) -> None:
    undisturbed = Scene.in_branch(project, "undisturbed", where)
    undisturbed.repo.peal("run", "plan.md", **undisturbed.with_git())
    undisturbed.is_as_if_never_killed()
    count = len(undisturbed.calls().read_text(encoding="utf-8").splitlines())
    for at in range(1, count + 1):
        scene = Scene.in_branch(project, f"scene-{at}", where)
        scene.is_killed(scene.repo.start("resume", "plan.md", **scene.with_git(str(at), when)))
        scene.repo.peal("resume", "plan.md")
        scene.is_as_if_never_killed()
        shutil.rmtree(scene.repo.path.parent)


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("part", range(2))
def test_killed_once_more_at_a_git_call_that_puts_things_right(project: Repo, part: int) -> None:
    first = (1, "after", "update-ref\t-m")  # a commit that is not recorded, and two tasks at work

    for number in range(9 + part, 36, 2):
        again = (number, MOMENTS[number // 2 % 2], "")
        assert killed_at(project, f"call {number}", first, again) == 2


def once(scene: Scene, luck: random.Random) -> bool:
    """Kill a run at some moment; whether it was not at its end yet."""
    return scene.is_killed_after(luck.uniform(0, 1.2))


def twice_in_quick_succession(scene: Scene, luck: random.Random) -> bool:
    """Kill a run, and the next one while it is still putting things right."""
    return once(scene, luck) and scene.is_killed_after(luck.uniform(0, 0.2))


def one_of_two(scene: Scene, luck: random.Random) -> bool:
    """Kill one of two that are started at once: one finds the lock taken, or takes over what the other leaves."""
    two = [scene.repo.start("resume", "plan.md") for _ in range(2)]
    scene.wait_for(luck.uniform(0, 1.2), *two)
    luck.choice([one for one in two if one.poll() is None] or two).kill()
    ends = [(one.communicate(timeout=60)[0], one.returncode) for one in two]
    scene.look()
    codes = [code for _, code in ends]
    assert set(codes) <= {0, 5, -signal.SIGKILL}, ends
    assert codes != [5, 5], ends
    scene.kills += -signal.SIGKILL in codes
    return 0 not in codes


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kill", [once, twice_in_quick_succession, one_of_two])
def test_tasks_land_once_whenever_peal_is_killed(
    project: Repo, kill: Callable[[Scene, random.Random], bool], seed: int
) -> None:
    luck, kills = random.Random(seed), 0
    while kills < 23:
        scene = Scene.of(project, f"after {kills} kills", tasks=8, nap=0.1)
        while kill(scene, luck):
            pass
        scene.repo.peal("resume", "plan.md")
        scene.is_as_if_never_killed()
        shutil.rmtree(scene.repo.path.parent)
        kills += scene.kills


BATCH = 5
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def put_batch(repo: Repo, generation: int) -> str:
    """A folder of plans whose tasks, side by side and one after another, each write a line into a file of their own."""
    folder = f"plans-{generation}"
    for plan in range(1, BATCH + 1):
        script = f"sleep 0.0{plan}; mkdir -p out; echo line >> out/{generation}-{plan}-$PEAL_TASK"
        marks = " (parallel)", " (parallel)", ""
        tasks = (f"## Task {at}{mark}: t\n\n```sh\n{script}\n```\n" for at, mark in enumerate(marks, 1))
        repo.write(f"{folder}/plan-{plan}.md", "\n".join(tasks))
    repo.git("add", folder)
    repo.git("commit", "-qm", folder)
    return folder


def check_landed_once(repo: Repo, generation: int, flags: tuple[str, ...]) -> None:
    """Every task of the plans is in its branch, once."""
    for plan in range(1, BATCH + 1):
        branch = f"own/plan-{plan}" if "--branch" in flags else "main"
        for task in (1, 2, 3):
            assert repo.git("show", f"{branch}:out/{generation}-{plan}-{task}") == "line\n", (plan, task)


def is_at_work(repo: Repo, process: Process) -> bool:
    """Whether it has the repository in hand; before, Python may not even hear a signal as such."""
    with suppress(OSError, ValueError):
        return bool(json.loads(repo.read(".peal/owner.json"))["pid"] == process.pid)
    return False


def till_at_work(repo: Repo, process: Process) -> None:
    """Until it has the repository in hand, or has ended."""
    eventually(lambda: process.poll() is not None or is_at_work(repo, process), seconds=20)


def torment_batch(repo: Repo, kills: int, seed: int, flags: tuple[str, ...]) -> None:
    """End batches over and over, by whatever signal; each task lands once, and each plan is counted once."""
    luck, killed, generation = random.Random(seed), 0, 0
    while killed < kills:
        generation += 1
        folder, code = put_batch(repo, generation), None
        while code != 0:
            again = luck.choice(
                (("resume",), ("run", folder, "--agent", "shell", "--max-parallel", "3", *flags))
            )
            is_new = not (repo.path / ".peal/batch-progress.json").exists()
            words = (
                again if not is_new else ("run", folder, "--agent", "shell", "--max-parallel", "3", *flags)
            )
            process = repo.start(*words)
            with suppress(Exception):
                process.wait(luck.uniform(0.05, 1.5) if killed < kills else 60)
            if process.poll() is None:
                process.send_signal(luck.choice(SIGNALS) if is_at_work(repo, process) else signal.SIGKILL)
                process.wait(30)
                killed += 1
            assert process.stdout is not None
            said = process.stdout.read()
            code = process.returncode
            assert code in (0, 129, 130, 143, -9), said
            if code == 0:
                last = said[said.rindex("\nbatch: ") :]
                assert last.startswith(f"\nbatch: {BATCH} of {BATCH} plans done"), said
                assert all(last.count(f"{folder}/plan-{plan}.md") == 1 for plan in range(1, BATCH + 1))
        check_landed_once(repo, generation, flags)
        assert not (repo.path / ".peal/batch-progress.json").exists()
        assert repo.peal("doctor", "--json", PEAL_AGENT="shell").stdout == "[]\n"


IN_ONE, IN_EACH = (), ("--branch", "own/{plan}")


@pytest.mark.parametrize(
    ("jobs", "branch"),
    sample({"1": ("1", IN_ONE), "2": ("2", IN_ONE), "2-a branch each": ("2", IN_EACH)}, "2"),
)
def test_a_batch_and_a_few_kills(project: Repo, jobs: str, branch: tuple[str, ...]) -> None:
    torment_batch(project, kills=3, seed=2, flags=("--jobs", jobs, *branch))


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("branch", [IN_ONE, IN_EACH], ids=["one branch", "a branch each"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_batch_and_many_kills(project: Repo, jobs: str, branch: tuple[str, ...]) -> None:
    torment_batch(project, kills=50, seed=int(jobs), flags=("--jobs", jobs, *branch))


WISHES = 6
STEPS = ("research", "prd", "build", "review")
WORKER = """
sleep "0.0$(($$ % 10))"
mkdir -p out
echo line >>"out/$PEAL_ITEM-$PEAL_PHASE"
printf '{"item_id": "%s", "phase": "%s", "result": "phase_complete", "summary": "done", "updated_assessments": {"size": "medium"}}' \\
  "$PEAL_ITEM" "$PEAL_PHASE" >"$PEAL_RESULT"
"""
PHASES_OF_WISHES = """agent = "worker"
[agents.worker]
command = ["sh", "worker.sh"]
[execution]
max_wip = 3
max_concurrent = 3
[[pipelines.feature.pre_phases]]
name = "research"
[[pipelines.feature.phases]]
name = "prd"
[[pipelines.feature.phases]]
name = "build"
is_destructive = true
[[pipelines.feature.phases]]
name = "review"
"""
RUN_BACKLOG = ("backlog", "run")


def put_wishes(repo: Repo, settings: str = "") -> None:
    """A backlog of new items in the last commit, whose phases each write a line into a file of their own."""
    repo.write("peal.toml", f"{settings}{PHASES_OF_WISHES}")
    repo.write("worker.sh", WORKER)
    for number in range(1, WISHES + 1):
        front = f"---\nid: WRK-00{number}\ntitle: Wish {number}\nstatus: new\n---\n"
        repo.write(f"backlog/WRK-00{number}-wish-{number}.md", front)
    repo.git("add", "--all")
    repo.git("commit", "-qm", "wishes")


def items_of(repo: Repo) -> dict[str, dict[str, Any]]:
    """All items by their ids, as the commands tell them."""
    told = json.loads(repo.peal("backlog", "list", "--all", "--json").stdout)
    assert len({one["id"] for one in told}) == len(told), "an id is there twice"
    return {one["id"]: one for one in told}


def till_done(repo: Repo) -> None:
    """Answer whatever waits for a person, and run until all is done."""
    for _ in range(5):
        waiting = [id_ for id_, one in items_of(repo).items() if one["status"] == "blocked"]
        for id_ in waiting:
            repo.peal("backlog", "unblock", id_, "--notes", "go on")
        repo.peal(*RUN_BACKLOG, code=None)
        if all(one["status"] == "done" for one in items_of(repo).values()):
            return
    said = repo.peal(*RUN_BACKLOG, code=None)
    raise AssertionError(f"{said.stdout}{said.stderr}{repo.peal('backlog', 'status').stdout}")


def check_wishes_came_true_once(repo: Repo, *, commits: bool, besides: tuple[str, ...] = ()) -> None:
    """
    Every item is done; each of its phases was carried out, is noted and is in the branch once; nothing is left over.

    The doctor has nothing to say, `besides` such findings.
    """
    items = items_of(repo)
    assert {f"WRK-00{number}" for number in range(1, WISHES + 1)} <= {*items}
    assert all(one["status"] == "done" and one["archived"] for one in items.values())
    wanted = sorted(f"{id_}/{phase}" for id_ in items for phase in ("triage", *STEPS))
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(repo.path.glob("_worklog/*.md")))
    entries = re.findall(
        r"^## \S+ — (\S+) .*\n\n- \*\*Phase:\*\* (\S+)\n- \*\*Outcome:\*\* Complete\n", pages, re.MULTILINE
    )
    assert sorted("/".join(entry) for entry in entries) == wanted, "the worklog differs"
    if commits:
        log = repo.git("log", "--first-parent", "--format=%s", "main")
        landed = re.findall(r"^\[(\S+)\]\[(\w+)\] done$", log, re.MULTILINE)
        assert sorted("/".join(one) for one in landed) == wanted, "the branch differs"
        assert {repo.read(f"out/{one.replace('/', '-')}") for one in wanted} == {"line\n"}
        assert repo.git("status", "--porcelain") == ""
        refs = repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads/").split()
        # Where its verdict could not be written either, a commit is set aside, and its phase done anew.
        may_be_aside = "UNLANDED_BRANCH" in besides
        assert [ref for ref in refs if not (may_be_aside and ".before-" in ref)] == ["main"]
        files = repo.git("ls-tree", "-r", "--name-only", "main", "backlog/").splitlines()
        assert len(files) == len(items)
        assert all(name.startswith("backlog/archive/") for name in files)
    assert not list((repo.path / ".git").rglob("*.lock"))
    eventually(lambda: not any(carriers("PEAL_RUN_ID", run) for run in runs_of(repo)), seconds=2)
    found = json.loads(repo.peal("doctor", "--json").stdout)
    assert [one for one in found if one["code"] not in besides] == []


def disturb(repo: Repo, luck: random.Random, made: int) -> Process:
    """A person's command on the backlog while a run is under way."""
    open_ = luck.choice([f"WRK-00{number}" for number in range(1, WISHES + 1)])
    words = luck.choice(
        [
            ("add", f"Another wish {made}"),
            ("block", open_, "--reason", "Let me think."),
            ("unblock", open_, "--notes", "Well."),
        ]
    )
    return repo.start("backlog", *words)


def torment_backlog(repo: Repo, kills: int, seed: int, *, commits: bool) -> int:
    """End runs of a backlog, and commands beside them, over and over by whatever signal; how many items there were."""
    put_wishes(repo, "" if commits else "commit = false\n")
    luck, killed, made = random.Random(seed), 0, 0
    while killed < kills:
        process, beside = repo.start(*RUN_BACKLOG), None
        if luck.random() < 0.5 and made < kills / 4:
            time.sleep(luck.uniform(0, 0.5))
            made, beside = made + 1, disturb(repo, luck, made)
        if luck.random() < 0.8:  # else it is killed while it starts
            till_at_work(repo, process)
        with suppress(Exception):
            process.wait(luck.uniform(0, 1))
        if beside and beside.poll() is None and luck.random() < 0.5:
            time.sleep(luck.uniform(0, 0.3))
            killed += beside.poll() is None
            beside.kill()
        if process.poll() is None:
            process.send_signal(luck.choice(SIGNALS) if is_at_work(repo, process) else signal.SIGKILL)
            process.wait(30)
            killed += 1
        said = process.communicate(timeout=30)[0]
        assert process.returncode in (0, 1, 4, 129, 130, 143, -9), said
        if beside:
            complained = beside.communicate(timeout=30)[0]
            assert beside.returncode in (0, 1, -9), complained
        if all(one["status"] in ("done", "blocked") for one in items_of(repo).values()):
            break
    till_done(repo)
    check_wishes_came_true_once(repo, commits=commits)
    return killed


@pytest.mark.parametrize("commits", [True, pytest.param(False, marks=pytest.mark.torture)])
def test_a_backlog_and_a_few_kills(project: Repo, commits: bool) -> None:
    assert torment_backlog(project, kills=3, seed=5, commits=commits) > 0


def other(project: Repo, name: str) -> Repo:
    """A repository of its own beside the given one."""
    copied = evolve(project, path=project.path.parent / name / "mein Übungs repo")
    shutil.copytree(project.path, copied.path)
    return copied


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_backlog_and_many_kills(project: Repo, seed: int, commits: bool) -> None:
    killed, generation = 0, 0
    while killed < 35:
        generation += 1
        repo = other(project, str(generation))
        killed += torment_backlog(repo, kills=20, seed=100 * seed + generation, commits=commits)
        shutil.rmtree(repo.path.parent)


SCRIPTED = """
case "$PEAL_ITEM/$PEAL_PHASE" in
  WRK-002/spec) result=blocked ;;
  *) result=phase_complete ;;
esac
if [ "$PEAL_PHASE" = spec ]; then
  folder=$(sed -n 's/.*belongs in the folder `\\(.*\\)\\/`.*/\\1/p' | head -n 1)
  mkdir -p "$folder"
  for number in 1 2; do
    printf '## Task %s\\n\\n```sh\\necho line >>%s-%s\\n```\\n\\n' "$number" "$PEAL_ITEM" "$number"
  done >"$folder/plan.md"
fi
printf '{"item_id": "%s", "phase": "%s", "result": "%s", "summary": "done"}' \\
  "$PEAL_ITEM" "$PEAL_PHASE" "$result" >"$PEAL_RESULT"
"""
WITH_A_PLAN = """agent = "worker"
[agents.worker]
command = ["sh", "worker.sh"]
[execution]
max_wip = 2
max_concurrent = 2
[[pipelines.feature.phases]]
name = "spec"
[[pipelines.feature.phases]]
name = "build"
kind = "plan"
plan = "plan.md"
agent = "shell"
[[pipelines.feature.phases]]
name = "check"
kind = "command"
command = "git diff --quiet HEAD"
"""
ONCE = sorted(
    [f"[WRK-00{number}][triage]" for number in (1, 2, 3)]
    + [f"[WRK-00{number}][{phase}]" for number in (1, 3) for phase in ("spec", "build", "check")]
    + ["[WRK-002][spec]"]
)
"""What is in the branch of such a backlog when nothing can go on: one of its items waits for an answer."""


def scripted(project: Repo, name: str) -> Scene:
    """A backlog of three items: two carry out plans of two tasks, one is blocked by its agent. A new one is not committed yet."""
    repo = other(project, name)
    repo.write("peal.toml", WITH_A_PLAN)
    repo.write("worker.sh", SCRIPTED)
    for number in (1, 2):
        repo.write(
            f"backlog/WRK-00{number}-a.md", f"---\nid: WRK-00{number}\ntitle: Wish\nstatus: new\n---\n"
        )
    repo.git("add", "--all")
    repo.git("commit", "-qm", "wishes")
    repo.write("backlog/WRK-003-a.md", "---\nid: WRK-003\ntitle: Wish\nstatus: new\n---\n")
    return Scene(repo, tasks=0)


def check_scripted(repo: Repo) -> None:
    """All that could be done of it was, once, and the rest is as its agent has left it."""
    log = repo.git("log", "--first-parent", "--format=%s", "main")
    assert sorted(re.findall(r"^(\[WRK-\d+\]\[\w+\]) ", log, re.MULTILINE)) == ONCE, log
    assert {id_: one["status"] for id_, one in items_of(repo).items()} == {
        "WRK-001": "done",
        "WRK-002": "blocked",
        "WRK-003": "done",
    }
    assert {repo.read(f"WRK-00{item}-{task}") for item in (1, 3) for task in (1, 2)} == {"line\n"}
    page = "".join(page.read_text(encoding="utf-8") for page in repo.path.glob("_worklog/*.md"))
    noted = re.findall(r"^## \S+ — (\S+) .*\n\n- \*\*Phase:\*\* (\S+)$", page, re.MULTILINE)
    assert sorted(f"[{item}][{phase}]" for item, phase in noted) == ONCE
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads/") == "main\n"
    assert json.loads(repo.peal("doctor", "--json").stdout) == []


def backlog_killed_at(project: Repo, name: str, at: int, when: str, only: str = "") -> int:
    """Kill a run of such a backlog at a git call; run it again and look; how often it died."""
    scene = scripted(project, name)
    killed = scene.repo.peal(*RUN_BACKLOG, code=None, **scene.with_git(str(at), when, only))
    assert killed.returncode in (0, -signal.SIGKILL), f"{killed.stdout}{killed.stderr}"
    went_on = scene.repo.peal(*RUN_BACKLOG, code=None, cold=True)  # a git that was let go has ended by then
    assert went_on.returncode in (0, 1), f"{went_on.stdout}{went_on.stderr}"  # 1: nothing was left to do
    check_scripted(scene.repo)
    shutil.rmtree(scene.repo.path.parent)
    return int(killed.returncode != 0)


@pytest.mark.parametrize(
    ("words", "at", "when"),
    sample(
        {
            "3rd merge": ("merge\t--ff-only", 3, "after"),
            "5th merge": ("merge\t--ff-only", 5, "before"),
            "6th merge": ("merge\t--ff-only", 6, "before"),
            "12th merge": ("merge\t--ff-only", 12, "after"),
            "3rd add": ("add\t--all", 3, "before"),
        },
        "3rd merge",
    ),
)
def test_a_backlog_killed_at_a_git_call_that_changes_something(
    project: Repo, words: str, at: int, when: str
) -> None:
    """What has landed and could not be recorded is no matter of an item any more, and leaves no branch behind."""
    assert backlog_killed_at(project, "scene", at, when, words) == 1


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("when", MOMENTS)
def test_a_backlog_killed_at_every_git_call(project: Repo, when: str, part: int) -> None:
    undisturbed = scripted(project, "undisturbed")
    undisturbed.repo.peal(*RUN_BACKLOG, **undisturbed.with_git())
    check_scripted(undisturbed.repo)
    count = len(undisturbed.calls().read_text(encoding="utf-8").splitlines())
    calls = range(part + 1, count + 1, PARTS)

    kills = sum(backlog_killed_at(project, f"call {number}", number, when) for number in calls)

    assert kills >= len(calls) - 2, "two runs may differ by a call or two"


@pytest.fixture
def small_disk(project: Repo, tmp_path: Path) -> Iterator[Repo]:
    """The project on a disk of 16 MB; needs the right to mount."""
    disk = tmp_path / "small"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        shutil.copytree(project.path, disk / "repo")
        yield evolve(project, path=disk / "repo")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def torment_by_full_disks(repo: Repo, rounds: int, seed: int, *, commits: bool) -> None:
    """Run a backlog where a disk gets full, over and over, each time at another moment; then there is room again."""
    put_wishes(repo, "" if commits else "commit = false\n")
    luck, filler = random.Random(seed), repo.path.parent / "filler"
    for _ in range(rounds):
        room = luck.randrange(4, 900) * 1000
        filler.write_bytes(b"x" * max(shutil.disk_usage(repo.path).free - room, 0))
        ended = repo.peal(*RUN_BACKLOG, code=None)
        filler.unlink()
        assert ended.returncode in (0, 1, 3, 4), f"{ended.stdout}{ended.stderr}"
        for id_, one in items_of(repo).items():
            if one["status"] == "blocked":
                repo.peal("backlog", "unblock", id_)
    till_done(repo)
    # What no patch had room for is kept where it was made, and told.
    besides = ("DISK_LOW", "ORPHAN_WORKTREE", "UNLANDED_BRANCH")
    check_wishes_came_true_once(repo, commits=commits, besides=besides)


@pytest.mark.torture
@pytest.mark.parametrize("commits", [True, False])
def test_a_backlog_and_a_disk_that_gets_full(small_disk: Repo, commits: bool) -> None:
    torment_by_full_disks(small_disk, rounds=4, seed=2, commits=commits)


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_backlog_and_a_disk_that_gets_full_often(small_disk: Repo, seed: int, commits: bool) -> None:
    torment_by_full_disks(small_disk, rounds=20, seed=seed, commits=commits)
