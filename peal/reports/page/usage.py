"""What was used, by task, phase and model, the most first; pure."""

from collections.abc import Iterable, Iterator

from peal.classes import frozen
from peal.model.agent import Usage
from peal.record.spending import plus
from peal.reports.run_report import RunReport

_SHOWN = 20
"""Rows of one kind; the rest is added up."""


@frozen
class Share:
    """One row."""

    name: str
    used: Usage
    width: float
    """Its part of the largest, from 0 to 1: of the cost where all rows have one, else of the tokens."""


@frozen
class Shares:
    """What was used, told apart in one way."""

    by: str
    """`task`, `phase` or `model`."""
    rows: tuple[Share, ...]


def shares_of(run: RunReport) -> tuple[Shares, ...]:
    """By task, by phase and by model; nothing where nobody has told what was used."""
    tasks, phases, models = dict[str, Usage](), dict[str, Usage](), dict[str, Usage]()
    for task in run.tasks:
        for one in task.attempts:
            for used in one.outcome.usage if one.outcome else ():
                for sums, name in ((tasks, task.id), (phases, one.phase), (models, used.model)):
                    sums[name] = plus(sums.get(name, Usage(name)), used)
    kinds = (("task", tasks), ("phase", phases), ("model", models))
    return tuple(
        Shares(by, tuple(_rows(sums))) for by, sums in kinds if any(one.tokens for one in sums.values())
    )


def _rows(sums: dict[str, Usage]) -> Iterator[Share]:
    costs = all(used.cost is not None for used in sums.values())

    def weight(used: Usage) -> float:
        return used.cost or 0.0 if costs else float(used.tokens)

    ordered = sorted(sums.items(), key=lambda one: -weight(one[1]))
    shown, rest = ordered[:_SHOWN], ordered[_SHOWN:]
    if rest:
        shown.append((f"{len(rest)} more", _sum(used for _, used in rest)))
    most = max((weight(used) for _, used in shown), default=0.0) or 1.0
    for name, used in shown:
        yield Share(name or "a model without a name", used, weight(used) / most)


def _sum(several: Iterable[Usage]) -> Usage:
    total = Usage()
    for used in several:
        total = plus(total, used)
    return total
