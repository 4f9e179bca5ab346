"""A file that is no plan yet: an agent rewrites it as one, which is kept and stands for the file from then on."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from peal import formats
from peal.errors import PealError
from peal.model.agent import Reply, Usage
from peal.model.pipeline import PLAN_PHASES
from peal.model.plan import Plan, Problem, Task, TaskId
from peal.model.work import Order, Outcome
from peal.record.spending import amount, summed
from peal.run import plan_files
from peal.run.session import session
from peal.system import signals
from peal.system.files import put
from peal.system.layout import PlanPaths, RepoPaths
from peal.system.scratch import scratch
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

    repo_paths: RepoPaths
    plan_file: Path
    roster: Roster
    template: str
    """The prompt, with `DOCUMENT` in it."""
    say: Callable[[str], None]


def rewritten(rewriting: Rewriting) -> Plan:
    """
    The plan that an agent makes of the file, kept for every later run.

    PealError if it cannot be asked, or makes none; `EndedError` if a signal comes first. `Busy` if another peal is at
    work.
    """
    raw, path, plan_paths = (
        rewriting.plan_file.read_bytes(),
        str(rewriting.plan_file),
        rewriting.repo_paths.plan(rewriting.plan_file),
    )
    if is_utf16(raw):
        raise PealError(f"`{path}` is UTF-16, which no agent is asked to read; save it as UTF-8")
    agent = rewriting.roster.first_agent
    rewriting.say(f"`{path}` is no plan yet; agent `{agent}` rewrites it as one")
    used: list[Usage] = []
    problems: tuple[Problem, ...] = ()
    with _programs(rewriting) as programs:
        for number in range(rewriting.roster.settings.normalize_retry_count + 1):
            prompt = prompt_for(rewriting.template, raw.decode("utf-8-sig", "replace"), problems)
            with _one_try(rewriting, programs) as context:
                reply = context.consult(agent, rewriting.roster.model(_READS.name, agent), prompt, "")
                used += context.used
                answer = _answer(reply, agent, context)
            text, plan = read(answer, path)
            problems = plan.problems
            if not problems:
                plan_files.keep(plan_paths, raw, text)
                rewriting.say(_told(plan, plan_paths, used))
                return plan
            rewriting.say(f"answer {number + 1} is no plan: {problems[0].message}")
    spent = f" ({amount(summed(tuple(used)))})" if used else ""
    raise PealError(
        f"agent `{agent}` made no plan of `{path}`{spent}: {problems[0].message}; its answer is in "
        f"`{context.order.folder}`; pass --normalize-retry-count, or rewrite the file yourself"
    )


def _told(plan: Plan, plan_paths: PlanPaths, used: list[Usage]) -> str:
    spent = f", {amount(summed(tuple(used)))}" if used else ""
    return f"rewritten as {count(len(plan.tasks), 'task')}{spent}; kept in `{plan_paths.normalized}`"


@contextmanager
def _programs(rewriting: Rewriting) -> Iterator[Programs]:
    """What the agent is started by: under the repository's lock, and ended by a signal."""
    name, came = uuid.uuid4().hex[:12], list[int]()
    with (
        session(rewriting.repo_paths, rewriting.say, name),
        scratch(name, rewriting.say) as context,
    ):
        programs = Programs(name, context.folder, lambda _: None, context.watch, {})

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
    folder = rewriting.repo_paths.plan(rewriting.plan_file).folder / "attempts"
    number = 1 + len(list(folder.glob("normalize-*")))
    order = Order(Task(TaskId("0"), "", ""), _READS, number, folder / f"normalize-{number}", alone=True)
    tree = SharedTree(rewriting.repo_paths.repo)
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
