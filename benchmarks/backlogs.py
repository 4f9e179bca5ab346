"""Backlogs that are worked on: their items, their settings, and what has to be in the branch afterwards."""

from collections.abc import Iterable, Mapping
from itertools import islice

from benchmarks.ground import Broken, Ground, Repository

PREFIX = "WRK"
ANSWER = (
    """printf '{"item_id": "%s", "phase": "%s", "result": "phase_complete", "summary": "done"}' """
    '"$PEAL_ITEM" "$PEAL_PHASE" >"$PEAL_RESULT"'
)
"""The end of an agent's script: the phase is complete."""
AGENT = "agent.sh"


def item_id(number: int) -> str:
    """That of the item with this number."""
    return f"{PREFIX}-{number:03}"


def items(count: int, **fields: str) -> dict[str, str]:
    """The files of so many items, each with these fields."""
    written = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return {
        f"backlog/{item_id(number)}-wish-{number}.md": (
            f"---\nid: {item_id(number)}\ntitle: Wish {number}\n{written}---\n\nWhat else is to be said of {number}.\n"
        )
        for number in range(1, count + 1)
    }


def settings(phases: Iterable[str], exclusive: Iterable[str] = (), **execution: str | int) -> str:
    """One pipeline of these phases, by an agent that is a script; some are destructive. `execution` is the table of that name."""
    lines = [
        'agent = "script"',
        "[backlog]",
        f'prefix = "{PREFIX}"',
        "[agents.script]",
        f'command = ["sh", "{AGENT}"]',
        "[execution]",
        *(f"{key} = {value!r}".replace("'", '"') for key, value in execution.items()),
    ]
    for name in phases:
        lines += ["[[pipelines.feature.phases]]", f'name = "{name}"']
        lines += ["is_destructive = true"] if name in exclusive else []
    return "\n".join(lines) + "\n"


def backlog(ground: Ground, files: Mapping[str, str], toml: str, script: str = ANSWER) -> Repository:
    """A repository with this backlog in its first commit."""
    return ground.project("", toml, {AGENT: f"{script}\n", **files})


def expect_done(repository: Repository, items: int, phases: Iterable[str], *, commits: bool = True) -> None:
    """Every item is done, each of its phases is a commit of the branch once, and nothing is left behind: by git's word."""
    archived = sorted(path.name for path in (repository.path / "backlog/archive").glob("*.md"))
    if len(archived) != items or any((repository.path / "backlog").glob("*.md")):
        raise Broken(f"of {items} items {len(archived)} are done")
    if not commits:
        return
    log = repository.git("log", "--first-parent", "--format=%s", "main").split("\n")
    wanted = sorted(f"[{item_id(number)}][{phase}]" for number in range(1, items + 1) for phase in phases)
    if (found := sorted(line.partition(" ")[0] for line in log if line.startswith("["))) != wanted:
        odd = ", ".join(islice((one for one in {*found, *wanted} if found.count(one) != 1), 3))
        raise Broken(f"not in the branch exactly once: {odd}")
    if left := repository.git("status", "--porcelain") + repository.git("for-each-ref", "refs/heads/peal"):
        raise Broken(f"left behind: {left}")
