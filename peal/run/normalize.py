"""A file that is no plan yet: an agent rewrites it as one, which is kept and stands for the file from then on."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from peal import formats
from peal.errors import PealError
from peal.model.agent import Reply
from peal.model.decision import Budget
from peal.model.pipeline import PLAN_PHASES
from peal.model.plan import Plan, Problem, Task, TaskId
from peal.model.work import Order, Outcome
from peal.record.events import PlanRewritten
from peal.record.providers import Providers
from peal.record.spending import amount
from peal.run import plan_files
from peal.run.session import Session
from peal.system import signals
from peal.system.files import put
from peal.system.layout import PlanPaths
from peal.text.display import count, fenced, is_utf16
from peal.work import Roster
from peal.work.attempt_context import AttemptContext, attempt_context
from peal.work.programs import Programs
from peal.workspaces import SharedTree

DOCUMENT = "{{DOC}}"
"""Where the document stands in a prompt."""
_READS = PLAN_PHASES[0]
"""The phase whose agent, model and time limit count: one that reads."""
_FENCE = re.compile(r"(?ms)^(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<inner>.*)\n(?P=fence)[ \t]*$")
"""From the first fence to the last that could end it: whoever puts a plan into one seldom makes it longer than those inside."""


class EndedError(PealError):
    """A signal has ended the rewriting."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{signals.NAMES[number]} while the plan was rewritten; nothing was begun")
        self.exit_code = 128 + number


def read(answer: str, path: str) -> tuple[str, Plan]:
    """
    The plan in an agent's answer, which may stand in a fence with words around it; and its text.

    Read as it stands, a fence that ends too early would swallow some tasks: the reading with the most of them counts.
    """
    fence = _FENCE.search(answer)
    texts = [answer, *([fence["inner"]] if fence else [])]
    tried = [(text, formats.parse(text.encode("utf-8", "replace"), path)) for text in texts]
    return max(tried, key=lambda one: (not one[1].problems, len(one[1].tasks)))


def prompt_for(template: str, document: str, problems: Iterable[Problem]) -> str:
    """What the agent is asked; `problems` are those of its answer before this one."""
    asked = template.replace(DOCUMENT, fenced(document, "DOCUMENT"))
    told = "\n".join(f"line {problem.line}: {problem.message}" for problem in problems)
    if not told:
        return asked
    return f"{asked}\n\nYour answer before this one could not be used:\n\n{fenced(told, 'PROBLEMS')}\n"


@frozen
class Rewriting:
    """A file to be rewritten, and by whom."""

    session: Session
    plan_file: Path
    roster: Roster
    template: str
    """The prompt, with `DOCUMENT` in it."""
    budget: Budget
    say: Callable[[str], None]

    @property
    def plan_paths(self) -> PlanPaths:
        """Where the plan's memory will be."""
        return self.session.repo_paths.plan(self.plan_file)


def rewritten(rewriting: Rewriting) -> tuple[Plan, PlanRewritten]:
    """
    The plan that an agent makes of the file, kept for every later run; and what is to be remembered of it.

    PealError if it cannot be asked, or makes none; `EndedError` if a signal comes first.
    """
    raw, path = rewriting.plan_file.read_bytes(), str(rewriting.plan_file)
    if is_utf16(raw):
        raise PealError(f"`{path}` is UTF-16, which no agent is asked to read; save it as UTF-8")
    agent = next(iter(rewriting.roster.chains.values()))[0]  # as for the first phase of a task
    rewriting.say(f"`{path}` is no plan yet; agent `{agent}` rewrites it as one")
    spent = Providers()
    problems: tuple[Problem, ...] = ()
    over = ""
    with _programs(rewriting) as programs:
        for number in range(rewriting.roster.settings.normalize_retry_count + 1):
            prompt = prompt_for(rewriting.template, raw.decode("utf-8-sig", "replace"), problems)
            with _one_try(rewriting, programs) as context:
                reply = context.consult(agent, rewriting.roster.model(_READS.name, agent), prompt, "")
                asked = PlanRewritten(time.time(), agent, tuple(context.used))
                spent.apply(asked)
                answer = _answer(reply, agent, context)
            text, plan = read(answer, path)
            problems = plan.problems
            if not problems:
                plan_files.keep(rewriting.plan_paths, raw, text)
                cost = f", {amount(spent.spent.total)}" if spent.spent.total.tokens else ""
                kept = rewriting.plan_paths.normalized
                rewriting.say(f"rewritten as {count(len(plan.tasks), 'task')}{cost}; kept in `{kept}`")
                return plan, evolve(asked, usage=tuple(spent.spent.models.values()))
            rewriting.say(f"answer {number + 1} is no plan: {problems[0].message}")
            if over := spent.why_over(rewriting.budget):
                break
    cost = f" ({amount(spent.spent.total)})" if spent.spent.total.tokens else ""
    way_out = over or "pass --normalize-retry-count, or rewrite the file yourself"
    raise PealError(
        f"agent `{agent}` made no plan of `{path}`{cost}: {problems[0].message}; its answer is in "
        f"`{context.order.folder}`; {way_out}"
    )


@contextmanager
def _programs(rewriting: Rewriting) -> Iterator[Programs]:
    """What the agent is started by, ended by a signal."""
    programs, came = rewriting.session.programs_before(), list[int]()

    def hear(number: int) -> None:
        programs.cancel.set(hard=bool(came))
        came.append(number)

    try:
        with signals.heard(hear):
            yield programs
    except PealError:
        if came:
            raise EndedError(came[0]) from None
        raise
    finally:
        programs.cancel.close()
    if came:
        raise EndedError(came[0])


@contextmanager
def _one_try(rewriting: Rewriting, programs: Programs) -> Iterator[AttemptContext]:
    """A place for one more try; its transcript is kept as those of attempts are."""
    folder = rewriting.plan_paths.attempts
    number = 1 + len(list(folder.glob("normalize-*")))
    order = Order(Task(TaskId("0"), "", ""), _READS, number, folder / f"normalize-{number}", alone=True)
    tree = SharedTree(rewriting.session.repo_paths.repo)
    with (
        tree.lend(order) as workspace,
        attempt_context(rewriting.roster, programs, order, workspace) as context,
    ):
        yield context


def _answer(reply: Reply | Outcome, agent: str, context: AttemptContext) -> str:
    """What was answered; PealError if nothing was."""
    if isinstance(reply, Outcome):
        reason = context.roster.hide(reply.reason)
        raise PealError(
            f"agent `{agent}` could not rewrite the plan: {reason}; its transcript is in `{context.order.folder}`"
        )
    put(f"{context.order.folder}/reply.md", reply.text)
    return reply.text
