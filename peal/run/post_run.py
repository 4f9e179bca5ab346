"""What a person wants done when a run is over: one command after another, nothing of them left behind."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from peal.agents.registry import surroundings
from peal.classes import frozen
from peal.model.process import Ended, Ending
from peal.system import process, signals
from peal.system.files import end_of, put
from peal.system.process import Cancel, Clocks, Launch
from peal.system.scratch import Scratch, scratch
from peal.text.display import duration, harmless, tail

_OUTPUT_LINES = 12


@frozen
class Place:
    """Where commands run, and under which clocks."""

    run: str
    """Marks everything that is started."""
    repo: Path
    folder: Path
    """What they print is kept here."""
    clocks: Clocks


@frozen
class Done:
    """What came of a command."""

    command: str
    failure: str
    """Empty if it ended well."""
    seconds: float
    output: Path
    """What it printed."""


def carry_out(commands: Sequence[str], at: Place, say: Callable[[str], None]) -> list[Done]:
    """
    Run commands in order, each split as a shell would and run without one; whatever one does, the next is run.

    A signal ends the one that runs and those to come, and is heard besides by who listens: there may be other plans. PealError if their temporary folder cannot be made.
    """
    for left in at.folder.glob("post-run-*.txt"):
        left.unlink(missing_ok=True)
    found = []
    with (
        closing(Cancel()) as cancel,
        scratch(at.run, say) as temporary,
        signals.heard(lambda _: cancel.set(hard=cancel.is_set), besides=True),
    ):
        for number, command in enumerate(commands, 1):
            say(f"post-run command `{command}`")
            found.append(_done(command, number, at, temporary, cancel))
    return found


def _done(command: str, number: int, at: Place, temporary: Scratch, cancel: Cancel) -> Done:
    output = at.folder / f"post-run-{number}.txt"
    if cancel.is_set:
        return Done(command, "not run: interrupted", 0.0, output)
    try:
        put(str(output), "")
        launch = _launch(command, at, temporary.folder, str(output))
        ending = temporary.carry_out(f"post-run-{number}", launch, cancel)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return Done(command, f"cannot be started: {reason}", 0.0, output)
    return Done(command, _failure(ending), ending.seconds, output)


def _launch(command: str, at: Place, temporary: Path, output: str) -> Launch:
    env = {**surroundings(), "PWD": str(at.repo), "TMPDIR": str(temporary)}
    encoded = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    argv = process.arguments(command)
    return Launch(argv, at.repo, encoded, output, output, clocks=at.clocks)


def _failure(ending: Ending) -> str:
    if ending.is_clean:
        return ""
    match ending.how:
        case Ended.TIMED_OUT:
            return f"timed out after {duration(ending.seconds)}"
        case Ended.FLOODED:
            return "wrote more output than `max_output_mb` allows"
        case Ended.CANCELLED:
            return "interrupted"
    return ending.status


def told(found: Sequence[Done], shown: Callable[[Path], str]) -> Iterator[str]:
    """What came of commands as lines, with the end of what a failed one printed; `shown` writes a path."""
    for one in found:
        if not one.failure:
            yield f"post-run command `{harmless(one.command)}`: done in {duration(one.seconds)}"
            continue
        yield f"post-run command `{harmless(one.command)}` failed: {harmless(one.failure)}"
        if said := tail(end_of(one.output), _OUTPUT_LINES):
            yield "  last output:"
            yield from (f"    | {line}" for line in said)
            yield f"  all of it: {shown(one.output)}"
