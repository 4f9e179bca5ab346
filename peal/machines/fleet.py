"""The machines of a run: met before it begins, lent to one attempt after another whichever plan that is at, and let go at its end."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from attrs import field

from peal.classes import define
from peal.errors import MachineLost, PealError
from peal.machines.machine import Machine
from peal.machines.placing import Placing
from peal.system.process import Cancel

_PATIENCE = 0.5
"""Seconds between looks for a machine that is free."""


@define(eq=False)
class Fleet:
    """Used from any thread."""

    machines: Mapping[str, Machine]
    placing: Placing
    _free: threading.Condition = field(factory=threading.Condition)
    _is_met: bool = False

    def begin(self) -> list[str]:
        """
        Meet all machines at once; tells which are left out, and why. PealError if none is left. Once met is enough.

        One that is left out is asked again as the run goes on: it may only have been switched off.
        """
        if self._is_met:
            return []
        with ThreadPoolExecutor(len(self.machines)) as pool:
            problems = dict(zip(self.machines, pool.map(_problem, self.machines.values()), strict=True))
        left_out = [problem for problem in problems.values() if problem]
        there = [self.machines[name] for name, problem in problems.items() if not problem]
        if not there:
            raise PealError(
                "\n".join([*left_out, "no machine is left to run on; mend that, or take --machines out"])
            )
        self._is_met = True
        return [f"{problem}; it is left out until it answers" for problem in left_out]

    def check(self, agent: str, program: str) -> None:
        """PealError if an agent's program is on no machine that was met."""
        there = [one for one in self.machines.values() if one.is_there]
        if program and not any(program in one.hello().programs for one in there):
            names = ", ".join(f"`{one.name}`" for one in there)
            raise PealError(
                f"agent `{agent}`: there is no `{program}` on {names}; install it there, or name another agent"
            )

    def take(self, agent: str, program: str, cancel: Cancel) -> Machine:
        """A machine with a free place for an agent, which may have to be waited for; `MachineLost` if there can be none."""
        while not cancel.is_set:
            usable = [one.name for one in self.machines.values() if _can_be_used(one, program)]
            with self._free:
                if name := self.placing.take(agent, usable):
                    return self.machines[name]
                if not usable:
                    raise MachineLost("no machine answers that could take it")
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


def _can_be_used(machine: Machine, program: str) -> bool:
    if not machine.may_be_there:
        return False
    try:
        return not program or program in machine.hello().programs
    except MachineLost:
        return False


def _problem(machine: Machine) -> str:
    """Why nothing can run on a machine; empty if it can."""
    try:
        machine.hello()
    except MachineLost as error:
        return str(error)
    return ""
