"""Does attempts, each in whatever thread it is called in."""

import time
from contextlib import suppress

from attrs import evolve

from peal.classes import define
from peal.errors import CannotStart, MachineLost, Paused, PealError
from peal.model.pipeline import Kind
from peal.model.work import Order, Outcome, Result
from peal.record.events import StepEnded, StopAsked
from peal.system.files import is_full
from peal.system.git import GitError
from peal.system.layout import VERDICT
from peal.system.process import Cancel
from peal.text.display import harmless
from peal.work.attempt_context import (
    UnreadyError,
    attempt_context,
    shown,
    with_notes,
    with_rescue,
    write_outcome,
)
from peal.work.backoff import with_time
from peal.work.door import Door, DoorHere
from peal.work.programs import Programs
from peal.work.review_round import review_round
from peal.work.roster import Roster
from peal.workspaces import Change, Workspace


@define
class Worker:
    """Never raises: what goes wrong in peal itself goes into the inbox too."""

    roster: Roster
    programs: Programs
    away: Door | None = None
    """Where attempts at `plan` and `execute` run, if not here; the others never leave."""

    @property
    def cancel(self) -> Cancel:
        """Ends every process that an attempt waits for."""
        return self.programs.cancel

    def perform(self, order: Order) -> None:
        """Carry the attempt out; the last thing put is its end."""
        try:
            outcome = self._outcome(order)
        except BaseException as error:
            outcome = self._of_error(order, error)
        outcome = shown(outcome, self.roster.hide)
        if outcome.result is Result.STOPPED:
            self.programs.put(
                StopAsked(time.time(), 1, f"agent `{outcome.agent}` cannot work: {outcome.reason}")
            )
        self.programs.put(StepEnded(time.time(), order.task.id, order.phase.name, order.number, outcome))

    def _of_error(self, order: Order, error: BaseException) -> Outcome:
        """What an error makes of an attempt."""
        match error:
            case UnreadyError():
                found = error.outcome
            case OSError() if is_full(error):
                found = self._stopped(str(error.strerror))
            case OSError():
                found = Outcome(
                    Result.FAILED, f"{error.strerror or error}: `{error.filename or order.folder}`"
                )
            case GitError() if error.no_room:
                found = self._stopped(error.no_room)
            case MachineLost():
                found = self._lost(order, str(error))
            case Paused():
                found = Outcome(Result.HELD, str(error))
            case PealError():
                is_systemic = isinstance(error, CannotStart)
                found = self.programs.judged(Outcome(Result.FAILED, str(error), is_systemic=is_systemic))
            case _:
                self.programs.put(error)
                found = Outcome(Result.INTERRUPTED, "a bug in peal")
        return found

    def _lost(self, order: Order, why: str) -> Outcome:
        """The machine is gone: another try in a while, unless the run is being ended."""
        judged = self.programs.judged(Outcome(Result.FAILED, why, agent=order.agent))
        if judged.result is not Result.FAILED:
            return judged
        return with_time(evolve(judged, result=Result.LOST), order.before.setbacks, time.time())

    def _stopped(self, full: str) -> Outcome:
        """The disk is full: nobody can go on."""
        why = f"{full}: free some, then `peal resume`"
        self.programs.put(StopAsked(time.time(), 1, why))
        return Outcome(Result.INTERRUPTED, why)

    def _outcome(self, order: Order) -> Outcome:
        if order.task.by_person and order.phase.asks_agent:
            way_on = order.task.way_on or f"`peal done {order.task.id}` and `peal resume`"
            return Outcome(
                Result.HELD, f"this is for a person to do: {harmless(order.task.by_person)}; then {way_on}"
            )
        spaces = self.roster.workspaces
        match order.phase.kind:
            case Kind.LAND:
                return spaces.land(order)
            case Kind.REVIEW:
                return self._addressed(order, spaces.change(order))
            case _:
                with spaces.lend(order) as workspace:
                    return self._ended(order, workspace)

    def _ended(self, order: Order, workspace: Workspace) -> Outcome:
        """How it has ended, which is noted so that nobody takes what its worktree holds for that of a dead run."""
        try:
            return self._carried_out(order, workspace)
        except (UnreadyError, OSError, PealError) as error:
            outcome = self._of_error(order, error)
            with suppress(OSError):  # the disk may be full
                return write_outcome(order, outcome, workspace, self.roster.hide)
            return outcome

    @property
    def _here(self) -> Door:
        return DoorHere(self.programs, self.roster.workspaces)

    def _carried_out(self, order: Order, workspace: Workspace) -> Outcome:
        door = self.away or self._here
        with attempt_context(self.roster, self.programs, door, order, workspace) as context:
            outcome = context.ask(workspace=workspace)
            if outcome.result is Result.PASSED and order.phase.kind is Kind.WRITE:
                # A run that finds the commit, and no word of it in the journal, reads how the attempt ended.
                write_outcome(order, outcome, workspace, self.roster.hide, VERDICT)
                outcome = _kept(outcome, workspace, self.programs.run)
            if outcome.result is not Result.PASSED:
                outcome = with_rescue(outcome, workspace)
            workspace.kept = outcome.result is Result.PASSED
            return write_outcome(order, outcome, workspace, self.roster.hide)

    def _addressed(self, order: Order, change: Change) -> Outcome:
        if change.is_empty:
            return with_notes(
                Outcome(Result.PASSED, "nothing to review", commit=change.commit_verified()), change
            )
        if change.merge_at_once() and not self.roster.reviewers_of(order.task.id):
            why = "" if change.base else "nothing to review"
            return with_notes(Outcome(Result.PASSED, why, commit=change.commit_verified()), change)
        with attempt_context(self.roster, self.programs, self._here, order, change) as context:
            return write_outcome(order, review_round(context, change), change, self.roster.hide)


def _kept(outcome: Outcome, workspace: Workspace, run: str) -> Outcome:
    """The outcome with the commit of what was done; a failure if it cannot be committed."""
    try:
        commit = workspace.keep(run)
    except PealError as error:
        return evolve(outcome, result=Result.FAILED, reason=str(error))
    reason = "changed nothing that git keeps" if workspace.base and not commit else outcome.reason
    return evolve(outcome, commit=commit, reason=reason)
