"""The machines of a run: met before it begins, lent to one attempt after another whichever plan that is at, and let go at its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Condition, Thread
from typing import TypeVar

from attrs import field

from peal.classes import define
from peal.errors import MachineLost, PealError
from peal.machines.equipment import Need
from peal.machines.machine import START_SEC, Machine
from peal.machines.placing import Placing
from peal.system.process import Cancel

T = TypeVar("T")
_LOOK = 0.02
"""Seconds between looks whether machines have answered."""
_PATIENCE = 0.5
"""Seconds between looks for a machine that is free."""


@define(eq=False)
class Fleet:
    """Used from any thread."""

    machines: Mapping[str, Machine]
    placing: Placing
    _free: Condition = field(factory=Condition)
    _is_met: bool = False

    def begin(self) -> list[str]:
        """
        Meet all machines at once; tells which are left out, and why. PealError if none is left. Once met is enough.

        One that is left out is asked again as the run goes on: it may only have been switched off. Who stands in a queue is not
        waited for, as soon as another is there.
        """
        if self._is_met:
            return []
        machines, until = self.machines.values(), time.monotonic() + START_SEC
        while [one for one in machines if not one.is_there and one.ask_again()]:
            if time.monotonic() > until and any(one.is_there for one in machines):
                break
            time.sleep(_LOOK)
        left_out = [one.why_not for one in machines if not one.is_there]
        if len(left_out) == len(machines):
            raise PealError(
                "\n".join([*left_out, "no machine is left to run on; mend that, or take --machines out"])
            )
        self._is_met = True
        return [f"{problem}; it is left out until it answers" for problem in left_out]

    def ask_all(self, ask: Callable[[Machine], T]) -> dict[str, T | MachineLost]:
        """What each machine answers, all asked at once, or why it does not."""

        asked = {name: _beside(ask, machine) for name, machine in self.machines.items()}
        return {
            name: lost if isinstance(lost := one.exception(), MachineLost) else one.result()
            for name, one in asked.items()
        }

    def check(self, agent: str, need: Need) -> list[str]:
        """Tells on which machines that were met an agent cannot run; PealError if it can on none."""
        there = [one for one in self.machines.values() if one.is_there]
        asked = [one for one in there if self.placing.may_take(agent, one.name)]
        if not asked:
            raise PealError(
                f"agent `{agent}`: {_names(there)} {'has' if len(there) == 1 else 'have'} no place for it; add it to `places` "
                "there, or name another agent"
            )
        lacking: dict[str, list[Machine]] = {}
        for machine in asked:
            with suppress(MachineLost):
                if lacked := machine.lacks(need):
                    lacking.setdefault(lacked, []).append(machine)
        told = [f"there is no `{word}` on {_names(machines)}" for word, machines in lacking.items()]
        if sum(map(len, lacking.values())) == len(asked):
            raise PealError(f"agent `{agent}`: {'; '.join(told)}; install it there, or name another agent")
        return [f"agent `{agent}`: {text}, so it does not run there" for text in told]

    def take(self, agent: str, need: Need, cancel: Cancel, first: str = "") -> Machine:
        """
        A machine with a free place for an agent, the `first` of that name if it has one; it may have to be waited for.
        `MachineLost` if there can be none.
        """
        while not cancel.is_set:
            lacking = {name: _why_not(machine, need) for name, machine in self.machines.items()}
            usable = [name for name, why in lacking.items() if not why]
            awaited = [one for one in self.machines.values() if not one.is_there and one.ask_again()]
            with self._free:
                if name := self.placing.take(agent, usable, first):
                    return self.machines[name]
                if not usable and not awaited:
                    raise MachineLost(f"no machine could take it: {'; '.join(lacking.values())}")
                self._free.wait(_PATIENCE)
        raise MachineLost("the run was ended before a machine was free")

    def give_back(self, agent: str, machine: Machine) -> None:
        """An attempt there is over."""
        with self._free:
            self.placing.give_back(agent, machine.name)
            self._free.notify_all()

    def close(self) -> None:
        """The run is over."""
        for machine in self.machines.values():
            machine.close()


def _beside(ask: Callable[[Machine], T], machine: Machine) -> "Future[T]":
    """In a thread that nobody has to wait for, unlike those of a pool: a dead host takes long to be so."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(ask(machine))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=work, name=f"machine {machine.name}", daemon=True).start()
    return future


def _why_not(machine: Machine, need: Need) -> str:
    """Why an agent cannot run on a machine; empty if it can."""
    if not machine.is_there:
        return machine.why_not
    try:
        lacked = machine.lacks(need)
    except MachineLost as lost:
        return str(lost)
    return f"machine `{machine.name}` has no `{lacked}`" if lacked else ""


def _names(machines: Sequence[Machine]) -> str:
    return ", ".join(f"`{one.name}`" for one in machines)
