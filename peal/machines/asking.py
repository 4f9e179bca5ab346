"""Machines asked one thing beside any run: each name for itself, so that one which leads nowhere keeps nobody from the others."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import TypeVar
from uuid import uuid4

from attrs import evolve

from peal.errors import MachineLost, PealError
from peal.machines.connection import Connection
from peal.machines.fleet import Fleet
from peal.machines.machine import START_SEC, Machine
from peal.machines.named import fleet_of
from peal.machines.placing import Placing
from peal.settings import Settings
from peal.system.layout import RepoPaths
from peal.system.scratch import watched

LOOK_SEC = 600.0
"""Seconds for a machine to look through, or remove, what it keeps."""
T = TypeVar("T")
Answers = Mapping[str, T | PealError]
"""What each machine answers, or why it does not."""


def ask_each(
    names: Iterable[str],
    settings: Settings,
    repo_paths: RepoPaths,
    ask: Callable[[Connection], T],
    *,
    everywhere: bool = False,
    start_sec: float = START_SEC,
) -> dict[str, Answers[T]]:
    """
    The answers of the machines of each name, all asked at once; of a name that leads nowhere, why, as its own answer.

    None is waited for longer than `start_sec` until it says who it is, whatever a run would do. `everywhere` is as `fleet_of` has
    it.
    """
    machines: dict[str, Machine] = {}
    found: dict[str, Iterable[str] | PealError] = {}
    with watched(uuid4().hex[:12], lambda _: None) as scratch:
        for name in dict.fromkeys(names):
            try:
                of_name = fleet_of(
                    evolve(settings, run_on=(name,)), repo_paths, scratch.watch, everywhere
                ).machines
            except PealError as error:
                found[name] = error
            else:
                found[name] = new = [one for one in of_name if one not in machines]
                machines |= {one: of_name[one] for one in new}
        with closing(Fleet(machines, Placing([]))) as fleet:
            answers = fleet.ask_all(lambda machine: _answer(machine, ask, start_sec))
    return {
        name: {name: there} if isinstance(there, PealError) else {one: answers[one] for one in there}
        for name, there in found.items()
    }


def of_all(told: Mapping[str, Answers[T]]) -> Answers[T]:
    """The same by machine, whatever name led there."""
    return {machine: answer for answers in told.values() for machine, answer in answers.items()}


def _answer(machine: Machine, ask: Callable[[Connection], T], start_sec: float) -> T:
    began, of_run = time.monotonic(), machine.start_sec
    machine.start_sec = min(of_run, start_sec)
    try:
        return ask(machine.connect())
    except MachineLost as lost:
        is_cut_short = of_run > start_sec and not machine.is_there
        if is_cut_short and time.monotonic() - began >= start_sec:
            raise MachineLost(
                f"{lost}; it may stand in a queue, where a run waits {of_run:g} seconds: try again once it would begin at once"
            ) from None
        raise
