"""The machines that settings name, and the door that leads to them."""

import hashlib
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from peal.agents.cli import CliAgent
from peal.agents.protocol import Agent
from peal.errors import PealError
from peal.machines.machine import Machine
from peal.machines.placing import Offer, Placing
from peal.machines.remote import RemoteDoor
from peal.record.events import Event
from peal.settings import Settings
from peal.system import process
from peal.system.layout import RepoPaths
from peal.system.process import Cancel

_LOCAL = re.compile(r"local(?::(\d+))?")


def door_of(
    settings: Settings,
    repo_paths: RepoPaths,
    agents: Mapping[str, Agent],
    included: Sequence[Path],
    scratch: Path,
    put: Callable[[Event | BaseException], None],
    cancel: Cancel,
) -> RemoteDoor:
    """Leads to all machines that are named; PealError for what is none. Nothing is begun yet."""
    wanted = {name: _program(agent) for name, agent in agents.items()}
    words = tuple(sorted(filter(None, wanted.values())))
    offers: list[Offer] = []
    machines: dict[str, Machine] = {}
    for name, argv, places in _named(settings, repo_paths):
        if name in machines:
            raise PealError(f"machine `{name}` is named twice; take one out")
        machines[name] = Machine(name, argv, words, settings.machine_silence_sec)
        offers.append(Offer(name, places))
    return RemoteDoor(
        repo_paths.repo,
        _called(repo_paths.repo),
        machines,
        Placing(offers),
        lambda agent: wanted.get(agent, ""),
        tuple(process.arguments(settings.worktree_setup)) if settings.worktree_setup else (),
        included,
        scratch,
        put,
        cancel,
    )


def _named(
    settings: Settings, repo_paths: RepoPaths
) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, int]]]:
    """Each machine with the command that gives a pipe to it, and how much it takes."""
    for name in settings.run_on:
        if name in settings.machines:
            table = settings.machines[name]
            for number in range(1, table.count + 1):
                one = name if table.count == 1 else f"{name}-{number}"
                yield one, table.command, table.places
        elif local := _LOCAL.fullmatch(name):
            for number in range(1, int(local[1] or 1) + 1):
                home = repo_paths.root / "machines" / f"local-{number}"
                argv = (sys.executable, "-m", "peal", "machine", "--home", str(home))
                yield f"local-{number}", argv, {}
        elif ":" in name:
            raise PealError(
                f"machine `{name}`: a number is for `local` alone; write [machines.NAME] with `count`"
            )
        else:
            yield name, ("ssh", "-T", "-o", "BatchMode=yes", "--", name, "peal", "machine"), {}


def _program(agent: Agent) -> str:
    """The program that a machine must have for an agent; empty where it is not known by a name."""
    return agent.cli.programs[0] if isinstance(agent, CliAgent) else ""


def _called(repo: Path) -> str:
    """What a repository is called on machines: nobody else's, and the same in each run."""
    return hashlib.sha256(f"{platform.node()}\0{repo}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
