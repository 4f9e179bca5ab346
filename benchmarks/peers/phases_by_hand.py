"""
A backlog without a tool: `phases_by_hand.py PLACES COMMIT SCRIPT PHASE...` takes each item of `backlog/` through these phases.

The script is run for each phase, in a worktree if COMMIT is not empty; then the item's fields and the worklog are written, and
with COMMIT committed and merged.
"""

import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_LANDING = threading.Lock()
"""One merge at a time; concurrent `git worktree add` fails now and then, too."""


def main() -> None:
    """Take the items through, some at once."""
    places, commit, script, *phases = sys.argv[1:]
    Path("backlog/archive").mkdir(exist_ok=True)
    Path("_worklog").mkdir()
    files = sorted(Path("backlog").glob("*.md"))
    with ThreadPoolExecutor(int(places)) as pool:
        list(pool.map(lambda file: _item(file, script, phases, bool(commit)), files))


def _item(file: Path, script: str, phases: list[str], commits: bool) -> None:
    item = "-".join(file.name.split("-")[:2])
    for phase in phases:
        where = _branch(item, phase) if commits else Path()
        with tempfile.NamedTemporaryFile() as result:
            env = {**os.environ, "PEAL_ITEM": item, "PEAL_PHASE": phase, "PEAL_RESULT": result.name}
            subprocess.run(["sh", script], cwd=where, env=env, stdin=subprocess.DEVNULL, check=True)
            summary = result.read().decode()
        with _LANDING:
            if commits:
                _git("merge", "--quiet", "--no-commit", "--no-ff", f"{item}-{phase}")
            _write(file, item, phase, summary, is_last=phase == phases[-1])
            if commits:
                _git("add", "--all")
                _git("commit", "--quiet", "-m", f"[{item}][{phase}] done")
                _git("worktree", "remove", str(where))
                _git("branch", "--quiet", "-D", f"{item}-{phase}")


def _branch(item: str, phase: str) -> Path:
    where = Path(f"../worktree-{item}-{phase}")
    with _LANDING:
        _git("worktree", "add", "--quiet", "-b", f"{item}-{phase}", str(where))
    return where


def _write(file: Path, item: str, phase: str, summary: str, *, is_last: bool) -> None:
    lines = file.read_text(encoding="utf-8").replace("status: ready", f"status: in_progress\nphase: {phase}")
    file.write_text(lines, encoding="utf-8")
    if is_last:
        file.rename(file.parent / "archive" / file.name)
    with Path("_worklog/log.md").open("a", encoding="utf-8") as log:
        log.write(f"## {item}\n\n{phase}: {summary}\n\n")


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)


if __name__ == "__main__":
    main()
