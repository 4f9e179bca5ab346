"""`peal agents --machines`: which agents are on machines."""

from collections.abc import Sequence
from pathlib import Path

from peal.agents.probe import Found
from peal.agents.registry import find
from peal.cli.agent_rows import MachineRows, Row, SandboxRow
from peal.errors import PealError
from peal.machines.asking import ask_each, of_all
from peal.machines.connection import Connection
from peal.machines.equipment import Need, leads_out
from peal.sandbox.wanted import Wanted
from peal.settings import CLIS, Settings, load
from peal.system.layout import RepoPaths


def found_on(wanted: Sequence[str], folder: Path, given: str) -> list[MachineRows]:
    """What is there of these agents, on the machines that are given, or those of the settings; PealError if none is named."""
    settings = load(folder, {"run_on": given} if given else {})
    if not settings.run_on:
        raise PealError(
            "no machine is named; name some, as in `peal agents --machines build1,build2`, or set `run_on`"
        )

    def ask(machine: Connection) -> MachineRows:
        hello = machine.hello
        clis = machine.told("agents", [name for name in wanted if name in CLIS])
        found = {one["name"]: Found(**{**one, "notes": tuple(one["notes"])}) for one in clis}
        found |= {name: _other(name, machine, settings, folder) for name in wanted if name not in found}
        rows, there = tuple(Row(found[name]) for name in wanted), machine.sandbox(Wanted.likely(settings))
        sandbox = SandboxRow(there.kind, there.problem, settings.sandbox != ("none",))
        return MachineRows(machine.name, "", hello.git, hello.room, rows, sandbox)

    told = of_all(ask_each(settings.run_on, settings, RepoPaths(folder), ask))
    return [
        MachineRows(name, str(answer)) if isinstance(answer, PealError) else answer
        for name, answer in told.items()
    ]


def _other(name: str, machine: Connection, settings: Settings, folder: Path) -> Found:
    """An agent that is no coding CLI: what its programs tell of their version nobody knows, so they are not asked."""
    agent = find(name, settings.agents, folder, "any", is_here=False)
    out = next((word for word in agent.programs if leads_out(word, folder)), "")
    lacked = out or machine.lacks(Need.of(agent, folder))
    way_out = "install it there and give its name" if out else "install it there"
    return Found(name, agent.programs[0], problem=f"there is no `{lacked}`; {way_out}" if lacked else "")
