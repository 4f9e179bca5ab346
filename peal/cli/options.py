"""What several commands need: the repository, the plan, task lists, settings as flags."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from peal import formats, git, memory, normalizing, settings
from peal.errors import PealError
from peal.memory import moved
from peal.model import Plan
from peal.places import Places, PlanPlace
from peal.redaction import redactor, secrets
from peal.text import ranges

F = TypeVar("F", bound=Callable[..., Any])


def repository(function: F) -> F:
    """`--repo DIR`."""
    return click.option(
        "--repo",
        type=click.Path(path_type=Path),
        default=Path(),
        help="The repository; default: the one you are in.",
    )(function)


def as_json(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(function)


def setting_flags(function: F) -> F:
    """A flag for every scalar key of the settings, and for other names of them; None where it was not given."""
    keys = {key.name: key for key in settings.scalars()}
    for other, first in settings.OTHER_NAMES.items():
        about = f"Another name for --{settings.flag_of(keys[first])}."
        function = _option(other, other.replace("_", "-"), keys[first].type, about)(function)
    for key in reversed(keys.values()):
        about = key.metadata["help"]
        about = about[0].upper() + about[1:] + "."
        function = _option(key.name, settings.flag_of(key), key.type, about)(function)
    return function


def _option(name: str, flag: str, of: Any, about: str) -> Callable[[F], F]:
    kind = _plain_type(of)
    if kind is bool:
        return click.option(f"--{flag}/--no-{flag}", name, default=None, help=about)
    if get_origin(kind) is Literal:
        return click.option(f"--{flag}", name, type=click.Choice(list(get_args(kind))), help=about)
    plain = {int: click.INT, float: click.FLOAT}.get(kind, click.STRING)
    return click.option(f"--{flag}", name, type=plain, help=about)


def _plain_type(kind: Any) -> Any:
    return (
        next((part for part in get_args(kind) if part is not type(None)), kind)
        if not isinstance(kind, type) and get_origin(kind) is not Literal
        else kind
    )


def hidden(repo: Path) -> Callable[[str], str]:
    """Takes secrets out of what is shown; settings that cannot be read name none of their own."""
    try:
        named = settings.load(repo, {}).redact
    except PealError:
        named = ()
    return redactor(secrets(os.environ.items(), named))


def places_of(repo: Path) -> Places:
    """Where peal's memory of the repository around `repo` lies; PealError if it cannot lie there."""
    places = Places(git.top_level(repo))
    places.check()
    return places


def read_plan(path: Path, places: Places | None) -> Plan:
    """
    The plan in a file as it is, or as an agent has rewritten it, problems and all; PealError if there is no file to read.

    Without `places` there is nowhere to look for what an agent has made of it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PealError(f"plan `{path}` cannot be read: {error.strerror}; name a plan file") from None
    plan = formats.parse(raw, str(path))
    if places is None or not normalizing.can_be_rewritten(plan):
        return plan
    return normalizing.kept(places.plan(path), raw, str(path)) or plan


def place_of(places: Places, plan_file: Path) -> PlanPlace:
    """Where a plan is remembered; where its file can be read, also under a name that it had before."""
    own = places.plan(plan_file)
    if not moved.is_remembered(own):
        with suppress(PealError):
            reading = memory.as_read(places, plan_file, read_plan(plan_file, places))
            return memory.place_of(places, reading)
    return own


def fit_plan(path: Path, places: Places) -> Plan:
    """The plan in a file, as `read_plan` finds it; PealError with every problem if it has one."""
    return fit(read_plan(path, places))


def fit(plan: Plan) -> Plan:
    """The plan; PealError with every problem if it has one."""
    problems = [f"plan `{plan.path}` line {found.line}: {found.message}" for found in plan.problems]
    if problems and normalizing.can_be_rewritten(plan):
        problems[-1] += "; or pass --normalize to `peal run`, which lets an agent rewrite it"
    if problems:
        raise PealError("\n".join(problems))
    return plan


def chosen(texts: tuple[str, ...], plan: Plan) -> tuple[int, ...]:
    """
    The plan's tasks that `2,5-7` and the like name.

    A range may have gaps; a number by itself has to be there. PealError if it is not, or for anything else.
    """
    there = {task.index for task in plan.tasks}
    found: set[int] = set()
    for text in texts:
        for part in text.split(","):
            span = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
            if not span:
                raise PealError(f"`{part or text}` names no task; write numbers and ranges: 2,5-7")
            low, high = int(span[1]), int(span[2] or span[1])
            if high < low or high - low > 1_000_000:
                raise PealError(f"`{part}` is no range of tasks; write the lower number first: 5-7")
            named = there.intersection(range(low, high + 1))
            if not named:
                raise PealError(_not_found(part.strip(), there, plan))
            found |= named
    return tuple(sorted(found))


def _not_found(part: str, there: set[int], plan: Plan) -> str:
    return f"task {part} not found in plan `{plan.path}`; it has {ranges(there)}"


def plan_or_latest(plan: Path | None, places: Places) -> Path:
    """The plan that is meant: the one named, or the one that was run last."""
    if plan is not None:
        return plan
    found = memory.known_runs(places)
    if not found:
        raise PealError(f"no plan has been run in `{places.repo}` yet; start with `peal run PLAN`")
    return places.plan_file(found[0].plan_path)
