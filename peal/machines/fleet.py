"""The machines of a run: met before it begins, lent to one attempt after another whichever plan that is at, and let go at its end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from threading import Condition, Event, Thread
from typing import Any, TypeVar

from attrs import field

from peal.classes import define
from peal.errors import MachineLost, PealError
from peal.machines.connection import Connection
from peal.machines.equipment import Need
from peal.machines.machine import START_SEC, Machine
from peal.machines.placing import Placing
from peal.sandbox.wanted import Wanted, left_out, unusable
from peal.system.process import Cancel

T = TypeVar("T")
_LOOK = 0.05
"""Seconds between looks whether machines have answered, or the run is to end at once."""
_LONG = 5.0
"""Seconds between looks whether the run is over anyway."""
_LAST_PATIENCE = 3.0
"""Seconds for machines to answer when the run has to end at once."""
_PATIENCE = 0.5
"""Seconds between looks for a machine that is free."""


@define(eq=False)
class Fleet:
    """Used from any thread."""

    machines: Mapping[str, Machine]
    placing: Placing
    _free: Condition = field(factory=Condition)
    _is_met: bool = False
    _is_over: bool = False

    def begin(self, wanted: Wanted | None = None) -> list[str]:
        """
        Meet all machines at once; tells which are left out, and why. PealError if none is left. Once met is enough.

        One where the sandbox that is `wanted` cannot be is left out too; with `auto` it is told that programs have none there.

        One that is left out, or lost later, is connected to as soon as it can be: it may only have been switched off. Who stands in
        a queue is not waited for, as soon as another is there.
        """
        if self._is_met:
            return []
        machines, until = self.machines.values(), time.monotonic() + START_SEC
        if wanted:
            for one in machines:
                one.unfit = partial(_unfit, wanted)
        while [one for one in machines if not one.is_there and one.connect_beside()]:
            if time.monotonic() > until and any(one.is_there for one in machines):
                break
            time.sleep(_LOOK)
        absent = [one.why_not for one in machines if not one.is_there]
        if len(absent) == len(machines):
            raise PealError(
                "\n".join([*absent, "no machine is left to run on; mend that, or take --machines out"])
            )
        self._is_met = True
        _beside(self._connect_again)
        told = [f"{problem}; it is left out until it answers" for problem in absent]
        return told if wanted is None else [*told, *self._told_of(wanted)]

    def _told_of(self, wanted: Wanted) -> Iterator[str]:
        """What a person should know of the sandbox on machines that were met, each thing once."""
        where: dict[str, list[Machine]] = {}
        for machine in (one for one in self.machines.values() if one.is_there):
            with suppress(MachineLost):
                there = machine.met().sandbox(wanted)
                told = f"there is no sandbox, and agents may do whatever you may there: {there.problem}"
                if not there.problem:
                    told = left_out(there.kind, there.left_out)
                where.setdefault(told, []).append(machine)
        yield from (f"on {_names(machines)} {told}" for told, machines in where.items() if told)

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
                if lacked := machine.met().lacks(need):
                    lacking.setdefault(lacked, []).append(machine)
        told = [f"there is no `{word}` on {_names(machines)}" for word, machines in lacking.items()]
        if sum(map(len, lacking.values())) == len(asked):
            raise PealError(f"agent `{agent}`: {'; '.join(told)}; install it there, or name another agent")
        return [f"agent `{agent}`: {text}, so it does not run there" for text in told]

    def take(self, agent: str, need: Need, cancel: Cancel, first: str = "") -> Connection:
        """
        A machine with a free place for an agent, the `first` of that name if it has one; it may have to be waited for.
        `MachineLost` if there can be none.
        """
        while not cancel.is_set:
            lacking = {name: self._why_not(machine, agent, need) for name, machine in self.machines.items()}
            usable = [name for name, why in lacking.items() if not why]
            awaited = [one for one in self.machines.values() if not one.is_there and one.connect_beside()]
            with self._free:
                if name := self.placing.take(agent, usable, first):
                    return self._taken(agent, name)
                if not usable and not any(self.placing.may_take(agent, one.name) for one in awaited):
                    raise MachineLost(f"no machine could take it: {'; '.join(lacking.values())}")
                self._free.wait(_PATIENCE)
        raise MachineLost("the run was ended before a machine was free")

    def _taken(self, agent: str, name: str) -> Connection:
        try:
            return self.machines[name].met()
        except MachineLost:
            self.placing.give_back(agent, name)
            raise

    def _why_not(self, machine: Machine, agent: str, need: Need) -> str:
        """Why an agent can have no place on a machine, free or not; empty if it can."""
        if not self.placing.may_take(agent, machine.name):
            return f"machine `{machine.name}` has no place for agent `{agent}`"
        try:
            lacked = machine.met().lacks(need)
        except MachineLost as lost:
            return str(lost)
        return f"machine `{machine.name}` has no `{lacked}`" if lacked else ""

    def give_back(self, agent: str, name: str) -> None:
        """An attempt on the machine of this name is over."""
        with self._free:
            self.placing.give_back(agent, name)
            self._free.notify_all()

    @contextmanager
    def closed_with(self, cancel: Cancel) -> Iterator[None]:
        """Have the links of machines that do not end in time ended, when a run has to end at once: they may be frozen."""
        over = Event()
        _beside(self._close_with, cancel, over)
        try:
            yield
        finally:
            over.set()

    def close(self) -> None:
        """The run is over."""
        self._is_over = True
        for one in [_beside(machine.close) for machine in self.machines.values()]:
            one.result()

    def _connect_again(self) -> None:
        while not self._is_over:
            for machine in self.machines.values():
                if not machine.is_there:
                    machine.connect_beside()
            time.sleep(_PATIENCE)

    def _close_with(self, cancel: Cancel, over: Event) -> None:
        while not over.is_set() and not cancel.comes_within(_LONG):
            pass
        while not over.wait(_LOOK) and not cancel.hard:
            pass
        if not over.wait(_LAST_PATIENCE):
            self.close()


def _unfit(wanted: Wanted, connection: Connection) -> str:
    """Why a machine cannot be used with this sandbox."""
    if not wanted.is_required or not (there := connection.sandbox(wanted)).problem:
        return ""
    return f"{unusable(wanted, there.kind)} there: {there.problem}"


def _names(machines: Sequence[Machine]) -> str:
    return ", ".join(f"`{one.name}`" for one in machines)


def _beside(work: Callable[..., T], *params: Any) -> "Future[T]":
    """In a thread that nobody has to wait for, unlike those of a pool: a dead host takes long to be so."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work(*params))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="machines", daemon=True).start()
    return future
