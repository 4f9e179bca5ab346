"""One attempt at its place: its folder and files, its agent, and the helpers that are started for it."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, field

from peal import phases
from peal.agents.output_tail import last_words
from peal.agents.protocol import Agent, Request, Transcript
from peal.classes import frozen
from peal.errors import CannotStart, PealError
from peal.model.agent import Command, Declined, Reply, Session, Usage
from peal.model.phase_result import reworded
from peal.model.pipeline import Kind
from peal.model.process import Ending
from peal.model.review import Finding
from peal.model.work import Order, Outcome, Result
from peal.phases import Evidence
from peal.phases.item_results import MOST_BYTES
from peal.phases.prompts import Briefing, render
from peal.phases.verdict import unfinished
from peal.record import outcome_file
from peal.record.events import WorkspaceReady
from peal.reviewers import Reviewer
from peal.settings import AgentSettings
from peal.system import removal
from peal.system.files import end_of, is_full, put, replace
from peal.system.layout import OUTCOME
from peal.system.output_files import cut_to, lines_of
from peal.text.display import last_line, tail
from peal.work.backoff import at_its_limit, with_time
from peal.work.door import Door, Spot
from peal.work.programs import Programs
from peal.work.roster import Roster
from peal.work.usage import used_by
from peal.workspaces import Change, Workspace

REPLY_LIMIT = 128 * 1024
"""Bytes of an agent's output that are its reply; of more the end counts, and the whole stays in `stdout`."""
_LEFT_OUT_NOTE = 100
"""Letters that a reply may have more: so long is the note about what is left out of it."""
_FAILED_LINES = 40
RESULT = "result.json"
"""What an item's phase was answered with, in the attempt's folder."""
FINDINGS = "findings.json"
"""Everything that reviewers have found in a round, in the attempt's folder."""


class UnreadyError(Exception):
    """The worktree could not be readied, with what that means for the attempt."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@frozen
class AttemptContext:
    """Where an attempt is worked on."""

    roster: Roster
    programs: Programs
    order: Order
    spot: Spot
    """Where agent and helpers run."""
    starts_clean: bool
    """Nothing of any attempt before is there."""
    workspace: Workspace | Change
    """The place itself."""
    used: list[Usage] = field(factory=list)
    """What those have used who were asked beside the attempt's own agent."""

    @property
    def path(self) -> Path:
        """The folder that agent and helpers work in, as they see it."""
        return self.spot.path

    @property
    def scratch(self) -> Path:
        """The folder for temporary files of what is started here."""
        return self.programs.scratch / self.order.folder.name

    @property
    def reviewers(self) -> tuple[Reviewer, ...]:
        """Who looks at the task, one after another."""
        return self.roster.reviewers_of(self.order.task.id)

    @property
    def notes(self) -> tuple[str, ...]:
        """What this attempt and those before it have noted, each thing once."""
        return tuple(dict.fromkeys((*self.order.before.notes, *self.workspace.notes)))

    def ask(self, findings: tuple[Finding, ...] = (), workspace: Workspace | None = None) -> Outcome:
        """Let the agent work, on the findings if there are any; `workspace` tells whether it changed something."""
        order = self.order
        if order.instead:
            return evolve(order.instead, findings=findings)
        agent = self.roster.agents[order.agent]
        request = self._request(findings)
        put(f"{order.folder}/prompt.md", request.prompt)
        prepared = agent.prepare(request)
        if isinstance(prepared, Declined):
            return Outcome(Result.REJECTED, prepared.reason, findings, agent=order.agent)
        if isinstance(prepared, Reply):
            evidence = Evidence(None, prepared)
        else:
            evidence = self._watched(agent, prepared, workspace)
        reply = evidence.reply
        put(f"{order.folder}/reply.md", reply.text)
        told = evolve(
            evidence,
            require_change=agent.require_change,
            least_plan=self.roster.settings.least_plan,
            findings=findings,
            elsewhere=_elsewhere(reply.folder, self.path),
            item_phase=order.task.item_phase,
        )
        outcome = evolve(
            phases.verdict(order.phase.contract_name, told),
            agent=order.agent,
            session=reply.session,
            usage=used_by(reply, self._session, request.model, self.roster.settings.prices),
            notes=phases.notes(told),
        )
        if workspace is not None and self._is_part_in_shared_tree:
            outcome = evolve(outcome, rests_on=workspace.head, is_idle=evidence.changed == ())
        return self._with_time(self.programs.judged(outcome))

    @property
    def _is_part_in_shared_tree(self) -> bool:
        """Whether this is an item's phase, or a part of it, of which no commit tells later what it rests on and has changed."""
        order = self.order
        return bool(order.task.item_phase) and order.phase.kind is Kind.WRITE and not self.workspace.base

    @property
    def _session(self) -> Session | None:
        """The conversation to go on in, if this is where it began."""
        session = self.order.session
        return session if session and self.spot.goes_on(session) else None

    def _request(self, findings: tuple[Finding, ...]) -> Request:
        roster, order = self.roster, self.order
        briefing = Briefing(
            order.task,
            order.phase.name,
            self.path,
            context=order.task.context or roster.context,
            replies={
                phase: cut_to(f"{folder}/reply.md", REPLY_LIMIT) for phase, folder in order.replies.items()
            },
            findings=findings or order.before.conflict,
            findings_file=self.spot.folder / FINDINGS,
            contract=order.phase.contract,
            attempt=order.number,
            result_file=self._result_file,
            failed_before=_what_failed(order),
            asked_before=order.before.question,
            interrupted_before=order.before.was_interrupted,
            patch=self.spot.shown(order.before.patch) if order.before.patch else None,
            is_clean=self.starts_clean,
            notes=self.notes,
        )
        contract = order.phase.contract_name
        prompt = render(briefing, roster.templates) if phases.has_prompt(contract) else ""
        return Request(
            order.task,
            order.phase,
            prompt,
            self.spot.folder / "prompt.md",
            self.path,
            order.phase.kind is not Kind.READ,
            roster.model_for(order),
            roster.settings.permissions,
            self._session.id if self._session else "",
            self.spot.is_confined,
        )

    @property
    def _result_file(self) -> Path | None:
        """Where the result of an item's phase is written: where its agent may write, and nobody takes it for its work."""
        order = self.order
        if order.task.item_phase is None or order.phase.kind is not Kind.WRITE:
            return None
        if not self.spot.folder.is_relative_to(self.path):
            return self.path / f".peal-{RESULT}"
        return (self.scratch if self.spot.is_confined else self.spot.folder) / RESULT

    def _taken_result(self) -> bytes | None:
        """What was written there, which is kept in the attempt's folder alone; nothing if it is no plain file."""
        if (file := self._result_file) is None:
            return None
        found = self.spot.content(file, MOST_BYTES + 1)
        self.spot.remove(file)
        if found is not None:
            replace(self.order.folder / RESULT, found)
        return found

    def _watched(self, agent: Agent, command: Command, workspace: Workspace | None) -> Evidence:
        """What the agent did, and whether anything changed where that can be told and matters."""
        is_read = self.order.phase.kind is Kind.READ
        matters = is_read or agent.require_change or self._is_part_in_shared_tree
        if workspace is None or not (matters or workspace.base):
            return self._answered(agent, command)
        workspace.watch()
        answered = self._answered(agent, command)
        with ThreadPoolExecutor(1) as beside:  # two trees, and git takes its time in each
            outside = beside.submit(workspace.changed_outside)
            left_out = tuple(sorted({*workspace.left_out(), *self.spot.left_out()}))
            evidence = evolve(answered, left_out=left_out, outside=outside.result())
        return evolve(evidence, changed=workspace.changed()) if matters or evidence.outside else evidence

    def consult(
        self, name: str, model: str | None, prompt: str, prefix: str, has_network: bool = True
    ) -> Reply | Outcome:
        """Ask an agent that may only read; its files begin with the prefix. An outcome if it could not answer."""
        order, settings = self.order, self.roster.settings
        if order.instead and order.instead.result is Result.HELD:
            return order.instead
        agent, file = self.roster.agents[name], order.folder / f"{prefix}prompt.md"
        put(str(file), prompt)
        asked = model or settings.agents.get(name, AgentSettings()).model
        is_confined = self.spot.is_confined
        prepared = agent.prepare(
            Request(order.task, order.phase, prompt, file, self.path, model=asked, is_confined=is_confined)
        )
        if isinstance(prepared, Declined):
            return Outcome(Result.FAILED, prepared.reason, agent=name)
        if isinstance(prepared, Reply):
            return prepared
        access = evolve(prepared.access, has_network=prepared.access.has_network and has_network)
        evidence = self._answered(agent, evolve(prepared, access=access), prefix)
        self.used.extend(used_by(evidence.reply, None, asked, settings.prices))
        bad = unfinished(evidence)
        return self._with_time(evolve(bad, agent=name)) if bad else evidence.reply

    def _with_time(self, outcome: Outcome) -> Outcome:
        """The outcome with the moment of the next try."""
        patience = self.roster.settings.transient_retry_count
        told = at_its_limit(outcome, self.order.before.setbacks, patience)
        return with_time(told, self.order.before.setbacks, time.time())

    def _answered(self, agent: Agent, command: Command, prefix: str = "") -> Evidence:
        order = self.order
        if file := self._result_file:
            self.spot.remove(file)  # of an attempt before, in a tree that is not cleared
            own = {
                "PEAL_RESULT": str(file),
                "PEAL_ITEM": order.task.item_phase.item if order.task.item_phase else "",
            }
            command = evolve(command, env={**command.env, **own})
        for name, text in command.files.items():
            put(f"{order.folder}/{name}", text)
        try:
            clocks = self.roster.clocks(order.phase, agent)
            with self.workspace.guarded():
                ending = self.spot.carry_out(command, clocks, prefix, agent.sign)
        except ValueError as error:
            raise CannotStart(f"`{command.argv[0]}` cannot be started: {error}") from None
        except OSError as error:
            if is_full(error):
                raise
            raise _cannot_start(command.argv[0], error) from None
        self.workspace.notes.extend(ending.notes)
        stdout, stderr = f"{order.folder}/{prefix}stdout", f"{order.folder}/{prefix}stderr"
        words = "" if ending.is_clean else last_words(stderr) or last_words(stdout)
        said = end_of(stderr, REPLY_LIMIT).decode("utf-8", "replace")
        transcript = Transcript(
            lines_of(stdout), cut_to(stdout, REPLY_LIMIT), said, ending.exit_code, time.time()
        )
        answer = self._taken_result()
        self.spot.bring_back()
        return Evidence(ending, _shortened(agent.read(transcript)), words, answer=answer)

    def help(
        self,
        argv: tuple[str, ...],
        prefix: str,
        who: str,
        timeout_sec: int | None = None,
        folder: Path | None = None,
    ) -> Ending:
        """Run a program that is no agent: a reviewer, what readies a worktree."""
        return self.help_by(Command(argv), prefix, who, timeout_sec, folder)

    def help_by(
        self,
        command: Command,
        prefix: str,
        who: str,
        timeout_sec: int | None = None,
        folder: Path | None = None,
    ) -> Ending:
        """The same with variables of its own, as the person's hooks have."""
        clocks = self.roster.helper_clocks(self.order.phase, timeout_sec)
        try:
            if folder:
                ending = self.programs.carry_out(self.order, folder, command, clocks, prefix)
            else:
                ending = self.spot.carry_out(command, clocks, prefix)
            self.workspace.notes.extend(ending.notes)
            return ending
        except OSError as error:
            if is_full(error):
                raise
            raise PealError(f"{who} cannot be started: `{command.argv[0]}`: {error.strerror}") from None

    def said(self, prefix: str, size: int) -> list[bytes]:
        """The ends of what a helper has printed, of each file at most so many bytes."""
        return [end_of(f"{self.order.folder}/{prefix}{name}", size) for name in ("stdout", "stderr")]

    def set_up(self) -> None:
        """Ready the worktree as the person has asked for; `UnreadyError` if it fails."""
        spaces = self.roster.workspaces
        ending = self.help(spaces.setup, "setup.", "`worktree_setup`")
        words = last_line(end_of(f"{self.order.folder}/setup.stderr"))
        if bad := unfinished(Evidence(ending, Reply(""), words)):
            notes = tuple(self.workspace.notes)
            raise UnreadyError(evolve(bad, reason=f"`worktree_setup`: {bad.reason}", notes=notes))
        self.workspace.notes.extend(self.spot.mark_set_up())


@contextmanager
def attempt_context(
    roster: Roster, programs: Programs, door: Door, order: Order, workspace: Workspace | Change
) -> Iterator[AttemptContext]:
    """The attempt's folder and its temporary one; a worktree is told of and readied, or `UnreadyError` is raised."""
    order.folder.mkdir(parents=True)
    scratch = f"{programs.scratch}/{order.folder.name}"
    os.makedirs(scratch)  # with the run's own, which a cleaner of /tmp may have found idle for too long
    try:
        task, base, path = order.task.id, workspace.base, workspace.path
        with door.lend(order, workspace) as spot:
            made = AttemptContext(roster, programs, order, spot, bool(base), workspace)
            if base:
                programs.put(
                    WorkspaceReady(time.time(), task, order.phase.name, order.number, str(path), base)
                )
                if spot.needs_setup():
                    workspace.blank()
                    made.set_up()
            yield made
    finally:
        _remove(scratch)
        if programs.confinement:
            _remove(f"{scratch}.own")


def with_rescue(outcome: Outcome, workspace: Workspace | Change) -> Outcome:
    """Keep what an attempt that did not pass has done; the outcome tells of it where that took more than a patch."""
    said = workspace.rescue()
    return evolve(outcome, reason="; ".join(filter(None, (outcome.reason, said)))) if said else outcome


def write_outcome(
    order: Order,
    outcome: Outcome,
    workspace: Workspace | Change,
    hide: Callable[[str], str],
    name: str = OUTCOME,
) -> Outcome:
    """The outcome as everybody may read it, with what is noted of the workspace; left in the attempt's folder too."""
    findings = tuple(evolve(finding, message=hide(finding.message)) for finding in outcome.findings)
    outcome = evolve(with_notes(outcome, workspace), findings=findings)
    outcome = shown(outcome, hide)
    outcome_file.write(order.folder / name, outcome)
    return outcome


def with_notes(outcome: Outcome, workspace: Workspace | Change) -> Outcome:
    """The outcome with what is noted of the workspace, each thing once."""
    return evolve(outcome, notes=tuple(dict.fromkeys((*outcome.notes, *workspace.notes))))


def shown(outcome: Outcome, hide: Callable[[str], str]) -> Outcome:
    """The outcome without secrets in what it says itself."""
    return evolve(
        outcome,
        reason=hide(outcome.reason),
        notes=tuple(map(hide, outcome.notes)),
        answer=outcome.answer and reworded(outcome.answer, hide),
    )


def _what_failed(order: Order) -> str:
    """Why the attempt before this one failed, with the end of what it printed."""
    if order.before.folder is None:
        return ""
    outputs = [f"{order.before.folder}/{name}" for name in ("stdout", "stderr")]
    said = [line for path in outputs for line in tail(end_of(path), _FAILED_LINES)]
    return "\n".join([order.before.failure, *said])


def _cannot_start(program: str, error: OSError) -> PealError:
    if error.errno == errno.E2BIG:
        too_long = (
            f'`{program}` cannot take a prompt this long as an argument; set prompt = "stdin" or "file"'
        )
        return PealError(too_long)
    return CannotStart(f"`{program}` cannot be started: {error.strerror}")


def _remove(folder: str) -> None:
    """Take a temporary folder away; most are empty, and need no look inside. What stays is told when the run is over."""
    try:
        os.rmdir(folder)
    except OSError:
        removal.remove(Path(folder))


def _shortened(reply: Reply) -> Reply:
    """A reply short enough to go into the next prompt: its end, as with those that are whole outputs."""
    left_out = len(reply.text) - REPLY_LIMIT
    if left_out <= _LEFT_OUT_NOTE:
        return reply
    return evolve(reply, text=f"[the first {left_out} letters are left out]\n{reply.text[left_out:]}")


def _elsewhere(folder: str, workspace: Path) -> str:
    """Where an agent says that it worked, if that is not in its workspace."""
    if not folder or Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(workspace)):
        return ""
    return folder
