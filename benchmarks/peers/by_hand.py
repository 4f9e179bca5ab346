"""Worktrees without a tool: `by_hand.py PLACES TASKS SCRIPT` adds one for each task, commits there, merges, removes."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_ADDING = threading.Lock()
"""Concurrent `git worktree add` fails now and then."""


def main() -> None:
    """Run the script once for each task, `{task}` in it being the task's number; merge in order."""
    places, tasks, script = sys.argv[1:]
    numbers = range(1, int(tasks) + 1)
    with ThreadPoolExecutor(int(places)) as pool:
        list(pool.map(lambda number: _do(script, number), numbers))
    for number in numbers:
        _git("merge", "--quiet", "--no-ff", "-m", f"Merge task {number}", f"task-{number}")
        _git("worktree", "remove", _folder(number))
        _git("branch", "--quiet", "-d", f"task-{number}")


def _do(script: str, number: int) -> None:
    folder = _folder(number)
    with _ADDING:
        _git("worktree", "add", "--quiet", "-b", f"task-{number}", folder)
    subprocess.run(["bash", "-c", script.replace("{task}", str(number))], cwd=folder, check=True)
    _git("-C", folder, "add", "--all")
    _git("-C", folder, "commit", "--quiet", "-m", f"Task {number}", "-m", f"Peal-Task: {number}")


def _folder(number: int) -> str:
    return f"../worktree-{number}"


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)


if __name__ == "__main__":
    main()
