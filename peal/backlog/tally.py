"""What has come of a run of the backlog so far, counted as it happens."""

from collections.abc import Collection, Mapping

from attrs import field

from peal.backlog.breaker import Breaker, Event
from peal.backlog.halts import End
from peal.backlog.item import Item
from peal.backlog.task_names import phase_of
from peal.classes import define
from peal.model.plan import TaskId
from peal.model.work import Outcome, Result
from peal.record.task_state import TaskState


@define
class Tally:
    """Of one run."""

    breaker: Breaker
    begun: int = 0
    """Phases."""
    passed: int = 0
    _under_way: set[TaskId] = field(factory=set)
    """Tasks that were begun and are not over."""
    _completed: dict[str, None] = field(factory=dict)
    _blocked: dict[str, None] = field(factory=dict)
    _follow_ups: dict[str, None] = field(factory=dict)
    _merged: dict[str, None] = field(factory=dict)

    @property
    def blocked(self) -> frozenset[str]:
        """The items that were blocked in this run."""
        return frozenset(self._blocked)

    def looked(self, before: Mapping[str, Item], now: Mapping[str, Item], merged: Collection[str]) -> None:
        """The backlog was this and is that; `merged` are duplicates that are part of others by now."""
        for id_, item in now.items():
            was = before.get(id_)
            if was is item:
                continue
            if was is None:
                if item.origin:
                    self._follow_ups[id_] = None
                continue  # whatever it is, it was that before this run
            if item.status == "done" != was.status:
                self._completed[id_] = None
            if item.status != "blocked":
                self._blocked.pop(id_, None)
            elif was.status != "blocked":
                self._blocked[id_] = None
            if item.status == "cancelled" != was.status and id_ in merged:
                self._merged[id_] = None

    def changed(self, before: TaskState | None, now: TaskState, is_agent: bool) -> bool:
        """
        A task was this and is that; whether a phase was begun by that, which trying it again is not.

        That a command could be carried out says nothing of agents.
        """
        is_work = now.running is not None and now.running.phase == phase_of(now.task.id).phase
        is_begun = is_work and now.task.id not in self._under_way
        if is_work:
            self._under_way.add(now.task.id)
        elif now.is_complete or now.failed is not None:
            self._under_way.discard(now.task.id)
        outcome = _new_outcome(before, now)
        if before is None or outcome is None:
            return is_begun
        self.passed += now.is_complete and not before.is_complete
        if outcome.result is Result.PASSED and outcome.answer and is_agent:
            self.breaker = self.breaker.after("succeeded")
        elif now.failed is not None and before.failed is None:
            self.breaker = self.breaker.after(_event(outcome))
        return is_begun

    def changed_in_plan(self, before: TaskState | None, now: TaskState) -> None:
        """A task in the plan that a phase is was this and is that: an agent that has done its part works."""
        outcome = _new_outcome(before, now)
        if outcome and outcome.agent and outcome.result is Result.PASSED:
            self.breaker = self.breaker.after("succeeded")

    def plan_done(self) -> None:
        """All of a phase that is a plan is."""
        self.passed += 1

    def plan_failed(self, is_system_failure: bool) -> None:
        """No more can be done of one."""
        self.breaker = self.breaker.after("system_failure" if is_system_failure else "exhausted")

    def advanced(self) -> None:
        """A blocked target is left behind."""
        self.breaker = self.breaker.after("auto_advanced")

    def end(self, **more: object) -> End:
        """What is known by now, with what others know."""
        return End(
            completed=tuple(self._completed),
            blocked=tuple(self._blocked),
            begun=self.begun,
            passed=self.passed,
            follow_ups=tuple(self._follow_ups),
            merged=tuple(self._merged),
            breaker=self.breaker.tripped,
            **more,  # type: ignore[arg-type]
        )


def _new_outcome(before: TaskState | None, now: TaskState) -> Outcome | None:
    """How the attempt ended that was not over before; None if it is none."""
    is_new = before is not None and len(now.attempts) > len(before.attempts)
    return now.attempts[-1].outcome if is_new else None


def _event(outcome: Outcome) -> Event:
    if outcome.is_system_failure:
        return "system_failure"
    return "blocked" if outcome.answer and outcome.answer.result == "blocked" else "exhausted"
