"""For each phase the verdict on an attempt; the prompts are templates beside it."""

from collections.abc import Callable, Iterable

from peal.errors import PealError
from peal.model.work import Outcome
from peal.phases import address, execute, item, item_command, plan
from peal.phases.verdict import Evidence, notes

__all__ = ["Evidence", "check", "has_prompt", "notes", "verdict"]

_VERDICTS: dict[str, Callable[[Evidence], Outcome]] = {
    "plan": plan.verdict,
    "execute": execute.verdict,
    "address": address.verdict,
    "item": item.verdict,
    "triage": item.verdict,
    "command": item_command.verdict,
}


def has_prompt(contract: str) -> bool:
    """Whether whoever works in a phase with this contract is told something."""
    return contract not in _WITHOUT_PROMPT


_WITHOUT_PROMPT = ("command",)


def check(names: Iterable[str]) -> None:
    """PealError for a phase, by the name of its contract, in which nobody could tell what an attempt amounts to."""
    if unknown := [name for name in names if name not in _VERDICTS]:
        raise PealError(
            f"phase `{unknown[0]}` has no verdict; add its line to `_VERDICTS` in peal/phases/__init__.py"
        )


def verdict(contract: str, evidence: Evidence) -> Outcome:
    """What an attempt at a phase with this contract amounts to."""
    return _VERDICTS[contract](evidence)
