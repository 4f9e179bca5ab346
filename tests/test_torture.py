"""peal killed at random moments while agents with children of their own run."""

import json
import random
import signal
from collections import Counter

import pytest
from conftest import Repo, carriers, eventually

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
    torment(repo, kills=4, seed=1)


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", range(4))
def test_many_kills(repo: Repo, seed: int) -> None:
    torment(repo, kills=30, seed=seed)
