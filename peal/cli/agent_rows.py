"""What `peal agents` tells of each agent, for a person and for scripts."""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import asdict

from peal import __version__
from peal.agents.probe import Answer, Found
from peal.classes import frozen
from peal.record.spending import amount, summed
from peal.text.display import duration, harmless, size
from peal.views.status import sandbox_name

_LONGEST = 300


@frozen
class Row:
    """An agent as it is shown: what is here of it, and what it answered if it was asked."""

    found: Found
    answer: Answer | None = None

    @property
    def is_usable(self) -> bool:
        """Whether a run could use it, as far as is known."""
        return not self.found.problem and (self.answer is None or self.answer.answered)

    def as_json(self) -> dict[str, Any]:
        """As scripts get it, with an `answer` only if it was asked."""
        found = {**asdict(self.found), "is_usable": self.is_usable}
        return {**found, "answer": asdict(self.answer)} if self.answer else found


@frozen
class SandboxRow:
    """The sandbox that a run would take, or could, and whether it works."""

    kind: tuple[str, ...]
    problem: str = ""
    """Why it does not, and how to go on."""
    is_set: bool = True
    """Whether the settings ask for one."""

    def line(self, where: str) -> str:
        """As a person reads it."""
        name = f"`{sandbox_name(self.kind)}`" if self.kind[0] else ""
        if self.problem:
            return f"sandbox: {name or 'none'} does not work {where}: {harmless(self.problem)}"
        hint = "" if self.is_set else '; `sandbox = "auto"` uses it'
        return f"sandbox: {name} works {where}{hint}"


@frozen
class MachineRows:
    """What is known of a machine."""

    name: str
    problem: str = ""
    """Why nothing can run there, and how to go on."""
    git: str = ""
    """Its version there; that of peal is the same as here."""
    room: int = 0
    """Bytes that are free."""
    rows: tuple[Row, ...] = ()
    sandbox: SandboxRow | None = None

    def lines(self) -> Iterator[str]:
        """As a person reads it."""
        if self.problem:
            yield f"{self.name}: {harmless(self.problem)}"
            return
        yield f"{self.name}: peal {__version__}, git {harmless(self.git)}, {size(self.room)} free"
        yield from lines_of(self.rows)
        if self.sandbox:
            yield f"  {self.sandbox.line('there')}"

    def as_json(self) -> dict[str, Any]:
        """As scripts get it."""
        facts = asdict(self)
        del facts["rows"]
        return {**facts, "agents": [row.as_json() for row in self.rows]}


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """One line for each agent, and below it what is to be known of it."""
    names = max(len(row.found.name) for row in rows)
    told = [harmless(row.found.version) or "-" for row in rows]
    versions = max(map(len, told))
    for row, version in zip(rows, told, strict=True):
        found = row.found
        mark = "*" if found.is_auto else " "
        where = harmless(found.program) or harmless(found.problem)
        yield f"{mark} {found.name:<{names}}  {version:<{versions}}  {where}"
        below = [*found.notes, *([found.problem] if found.program and found.problem else [])]
        yield from (f"    {harmless(line)}" for line in below)
        if row.answer:
            yield f"    {_told(row.answer)}"
    if any(row.found.is_auto for row in rows):
        yield '* is what `agent = "auto"` takes'


def _told(answer: Answer) -> str:
    said = harmless(answer.said)
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
    if not answer.answered:
        return f"no answer after {duration(answer.seconds)}: {said}"
    used = f", {amount(summed(answer.usage))}" if answer.usage else ""
    return f"answered `{said}` in {duration(answer.seconds)}{used}"
