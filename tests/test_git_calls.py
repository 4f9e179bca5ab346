"""How many gits a task costs that lands clean, apart from those that a run or a worktree needs once."""

import json
from collections import Counter
from pathlib import Path

import pytest
from conftest import Repo, commit_plan, landed, later, run_plan

NO_REVIEWER = ""
REVIEWER = '[[reviewers]]\nname = "none"\ncommand = "true"\n'
"""It looks at nothing, and gets a worktree with the merge to look at."""
PLAIN = "mkdir -p src; echo 1 > src/file-$PEAL_TASK"
ONCE = 18
"""For a run, with the three that go on and answer."""
FOR_A_WORKTREE = 2
"""`worktree add`, which starts another one."""
WIDTH = 4


def gits(project: Repo, name: str, tasks: int, script: str, settings: str) -> Counter[str]:
    """The gits of peal's that a run of so many tasks starts, those that git starts itself too, by their words."""
    repo = Repo(project.path.parent / name, project.env, project.started)
    project.git("clone", "-q", str(project.path), str(repo.path))
    repo.git("config", "user.name", "A Person")
    repo.git("config", "user.email", "person@example.org")
    repo.write("peal.toml", settings)
    repo.write(".gitignore", "__pycache__/\nbuild/\n")
    repo.git("add", ".")
    commit_plan(repo, *(f"(parallel) {script}" for _ in range(tasks)))
    traces = repo.path.parent / f"{name} traces"
    traces.mkdir()
    repo.env = {**repo.env, "GIT_TRACE2_EVENT": str(traces), "GIT_TRACE2_ENV_VARS": "PEAL_GIT_OF"}
    run_plan(repo)
    repo.env = project.env
    assert len(landed(repo)) == tasks
    return Counter(filter(None, map(_words, sorted(traces.iterdir()))))


def _words(trace: Path) -> str:
    """The words of a git by its own account, without what every call has and without commits; empty for an agent's."""
    events = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    if not any(event.get("param") == "PEAL_GIT_OF" for event in events):
        return ""
    words: list[str] = next(event["argv"] for event in events if event["event"] == "start")[1:]
    while words and words[0] in ("-c", "-C"):
        del words[:2]
    return " ".join(word for word in words[:5] if not _is_an_id(word) and "/" not in word)


def _is_an_id(word: str) -> bool:
    return len(word) >= 40 and word.isalnum()


@pytest.mark.parametrize(
    ("script", "settings", "at_most"),
    [
        (PLAIN, REVIEWER, 7),
        *later((PLAIN, NO_REVIEWER, 6), (f"{PLAIN}; git add -A; git commit -qm x", REVIEWER, 8)),
        pytest.param(
            *(f"{PLAIN}; mkdir -p src/__pycache__; touch src/__pycache__/a.pyc", REVIEWER, 9),
            marks=pytest.mark.torture,
        ),
        (f"{PLAIN}; mkdir -p build; touch build/a", REVIEWER, 9),
    ],
    ids=["plain", "nobody reviews", "the agent commits", "a cache is left", "ignored files are left"],
)
def test_a_task_that_lands_clean_starts_few_gits(
    project: Repo, script: str, settings: str, at_most: int
) -> None:
    few = gits(project, "few", WIDTH, script, settings)

    many = gits(project, "many", 2 * WIDTH, script, settings)

    for_tasks = {words: (many[words] - few[words]) / WIDTH for words in many | few}
    for_a_task = sum(for_tasks.values())
    assert for_a_task <= at_most, {words: number for words, number in for_tasks.items() if number}
    worktrees = WIDTH + bool(settings)
    once = few.total() - WIDTH * for_a_task - FOR_A_WORKTREE * worktrees
    assert once <= ONCE, few
