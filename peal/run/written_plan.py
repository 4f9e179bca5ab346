"""A plan that an agent writes: asked for, found in its answer, and asked for again with its problems."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from peal import formats
from peal.classes import frozen
from peal.errors import Interrupted, PealError
from peal.model.agent import Reply
from peal.model.decision import Budget
from peal.model.pipeline import PLAN_PHASES
from peal.model.plan import Plan, Problem, Task, TaskId
from peal.model.work import Order, Outcome
from peal.record.providers import Providers
from peal.record.spending import Spending, amount
from peal.run.session import Session
from peal.system import signals
from peal.system.files import put
from peal.text.display import clock, fenced
from peal.work import Roster
from peal.work.attempt_context import AttemptContext, attempt_context
from peal.work.door import DoorHere
from peal.work.programs import Programs
from peal.workspaces import SharedTree

if TYPE_CHECKING:
    from peal.sandbox.confinement import Confinement

_READS = PLAN_PHASES[0]
"""The phase whose agent, model and time limit count: one that reads."""
_FENCE = re.compile(r"(?ms)^(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<inner>.*)\n(?P=fence)[ \t]*$")
"""From the first fence to the last that could end it: whoever puts a plan into one seldom makes it longer than those inside."""


class EndedError(Interrupted):
    """A signal came before there was a plan."""

    def __init__(self, number: int, when: str) -> None:
        super().__init__(number, f"{signals.NAMES[number]} {when}")


@frozen
class Purpose:
    """What a plan is asked for, in the words that tell of it."""

    name: str
    """Begins the names of the transcripts' folders, and is what the spending is for."""
    deed: str
    """What an agent that fails could not do."""
    missed: str
    """What an agent has done whose answers were no plan."""
    way_out: str
    """What to do then."""
    ended: str
    """What a signal has cut short."""


@frozen
class Asking:
    """Who is asked for a plan, and within which bounds."""

    session: Session
    roster: Roster
    budget: Budget
    say: Callable[[str], None]
    purpose: Purpose
    path: str
    """What the plan is read as."""
    transcripts: Path
    """The folder for those of all tries."""
    retries: int
    """How often an answer that is no plan is handed back."""
    format_name: str = ""
    """The only format that will do; any if empty."""
    clean: Callable[[str], str] = str
    """What is done to an answer before it is read."""

    @property
    def agent(self) -> str:
        """The one for the first phase of a task."""
        return next(iter(self.roster.chains.values()))[0]


@frozen
class WrittenPlan:
    """A plan without problems."""

    text: str
    plan: Plan
    spent: Spending
    """By all tries."""
    transcript: Path
    """The folder of the last."""


def written(asking: Asking, prompt: str) -> WrittenPlan:
    """
    The plan that an agent answers with, asked again with the problems of its answer as long as bounds allow.

    PealError if it cannot be asked, or answers with none; `EndedError` if a signal comes first.
    """
    spent, asked, number = Providers(), prompt, 0
    with _programs(asking) as programs:
        while True:
            number += 1
            with _one_try(asking, programs) as context:
                model = asking.roster.model(_READS, asking.agent)
                reply = context.consult(asking.agent, model, asked, "")
                spent.spent.add(asking.purpose.name, tuple(context.used))
                answer = _answer(reply, asking, context.order.folder, spent.spent)
            text, plan = read(asking.clean(answer), asking.path, asking.format_name)
            if not plan.problems:
                return WrittenPlan(text, plan, spent.spent, context.order.folder)
            asking.say(f"answer {number} is no plan: {plan.problems[0].message}")
            over = spent.why_over(asking.budget)
            if over or number > asking.retries:
                raise PealError(
                    f"agent `{asking.agent}` {asking.purpose.missed}{cost_of(spent.spent, ' ({})')}: "
                    f"{asking.roster.hide(plan.problems[0].message)}; its answer is in `{context.order.folder}`; "
                    f"{over or asking.purpose.way_out}"
                )
            asked = with_problems(prompt, text, plan.problems)


def read(answer: str, path: str, format_name: str = "") -> tuple[str, Plan]:
    """
    The plan in an agent's answer, which may stand in a fence with words around it; and its text.

    Read as it stands, a fence that ends too early would swallow some tasks: the reading with the most of them counts.
    """
    fence = _FENCE.search(answer)
    texts = [answer, *([fence["inner"]] if fence else [])]
    tried = [(text, formats.parse(text.encode("utf-8", "replace"), path, format_name)) for text in texts]
    return max(tried, key=lambda one: (not one[1].problems, len(one[1].tasks)))


def with_problems(prompt: str, answer: str, problems: Iterable[Problem]) -> str:
    """The same prompt after an answer that is no plan, which the agent does not remember."""
    told = "\n".join(f"line {problem.line}: {problem.message}" for problem in problems)
    return (
        f"{prompt}\n\nYour answer before this one could not be used:\n\n{fenced(answer, 'ANSWER')}\n\n"
        f"{fenced(told, 'PROBLEMS')}\n"
    )


def cost_of(spent: Spending, form: str) -> str:
    """What was used, in a form with a place for it; empty if nobody told."""
    return form.format(amount(spent.total)) if spent.total.tokens else ""


@contextmanager
def _programs(asking: Asking) -> Iterator[Programs]:
    """What the agent is started by, ended by a signal."""
    programs, came = asking.session.programs_before(_confinement(asking)), list[int]()

    def hear(number: int) -> None:
        programs.cancel.set(hard=bool(came))
        came.append(number)

    try:
        with signals.heard(hear):
            yield programs
    except PealError:
        if came:
            raise EndedError(came[0], asking.purpose.ended) from None
        raise
    finally:
        programs.cancel.close()
    if came:
        raise EndedError(came[0], asking.purpose.ended)


def _confinement(asking: Asking) -> "Confinement | None":
    """The sandbox that the agent is to be in, which is told of; None for none."""
    if asking.roster.settings.sandbox == ("none",):
        return None
    from peal.run.sandbox import chosen_before_a_plan  # only here: who has none pays nothing

    found = chosen_before_a_plan(asking.roster.settings, asking.session)
    for text in found.told:
        asking.say(text)
    return found.here


@contextmanager
def _one_try(asking: Asking, programs: Programs) -> Iterator[AttemptContext]:
    """A place for one more try; its transcript is kept as those of attempts are."""
    name = asking.purpose.name
    number = 1 + len(list(asking.transcripts.glob(f"{name}-*")))
    order = Order(
        Task(TaskId("0"), "", ""), _READS, number, asking.transcripts / f"{name}-{number}", alone=True
    )
    tree = SharedTree(asking.session.repo_paths.repo)
    here = DoorHere(programs, tree)
    with (
        tree.lend(order) as workspace,
        attempt_context(asking.roster, programs, here, order, workspace) as context,
    ):
        yield context


def _answer(reply: Reply | Outcome, asking: Asking, folder: Path, spent: Spending) -> str:
    """What was answered; PealError if nothing was."""
    if isinstance(reply, Outcome):
        raise PealError(
            f"agent `{asking.agent}` could not {asking.purpose.deed}{cost_of(spent, ' ({})')}: "
            f"{asking.roster.hide(reply.reason)}; its transcript is in `{folder}`{_when(reply.until)}"
        )
    put(f"{folder}/reply.md", reply.text)
    return reply.text


def _when(until: float | None) -> str:
    """The way out where the provider will serve again, such as at a usage limit."""
    if until is None:
        return ""
    return f"; ask again after {clock(until, time.time())}, or pass --agent with another one"
