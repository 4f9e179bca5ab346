"""`peal agents`: who could do the work on this machine."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import click
from attrs import asdict, evolve

from peal.agents import probe
from peal.agents.cli import CliAgent
from peal.agents.command import CommandAgent
from peal.agents.needed import model_of
from peal.agents.probe import Found, Question
from peal.agents.protocol import Agent
from peal.agents.registry import adapter, find, first_here
from peal.classes import frozen
from peal.cli.agent_rows import MachineRows, Row, SandboxRow, lines_of
from peal.cli.options import as_json, repository
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES
from peal.sandbox.available import best, problem
from peal.sandbox.confinement import Confinement
from peal.sandbox.wanted import Wanted, unusable
from peal.settings import CLIS, Settings, load
from peal.settings.secret_values import secrets_of
from peal.system import git, process
from peal.system.scratch import Scratch, scratch
from peal.text.display import duration, some
from peal.text.redaction import redactor
from peal.views.status import sandbox_name
from peal.work.usage import used_by


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--probe", "asks", is_flag=True, help="Ask each for one word. This uses your account, and may cost money."
)
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=120,
    show_default=True,
    help="Seconds for each answer; for a version at most 10.",
)
@click.option(
    "--machines",
    is_flag=False,
    flag_value="",
    metavar="[NAMES]",
    help="Also on machines: those that the settings name, or these.",
)
@as_json
@repository
def agents(
    names: tuple[str, ...], asks: bool, timeout: int, machines: str | None, json_: bool, repo: Path
) -> int:
    """
    Which agents are installed here, in which version, and whether peal knows it.

    All coding CLIs that peal drives and the agents described in peal.toml, or those named. Exit 1 if none can be used.
    """
    if asks and machines is not None:
        raise click.UsageError("--probe asks here; on a machine, type `peal agents --probe` there")
    folder = _folder(repo)
    settings = load(folder, {})
    wanted = tuple(dict.fromkeys(names)) or (
        *CLIS,
        *(name for name in settings.agents if name not in CLIS),
    )
    name = uuid.uuid4().hex[:12]
    with scratch(name, lambda text: click.echo(text, err=True)) as at:
        rows = _rows(at, wanted, settings, folder, min(timeout, probe.LOOK_SEC))
        made, sandbox = _sandbox(at, settings, folder)
        if asks:
            within = _within(made, sandbox, settings)
            how = _Asking(timeout, within, is_named=bool(names), is_quiet=json_)
            rows = _asked(at, rows, settings, folder, how)
    there = _on_machines(wanted, folder, machines) if machines is not None else []
    hide = redactor(secrets_of(settings))
    if json_:
        told = {"agents": [row.as_json() for row in rows], "sandbox": asdict(sandbox)}
        far = {"machines": [one.as_json() for one in there]} if machines is not None else {}
        click.echo(hide(json.dumps({**told, **far}, ensure_ascii=False)))
    else:
        lines = (*lines_of(rows), sandbox.line("here"), *(line for one in there for line in one.lines()))
        click.echo(hide("\n".join(lines)))
    rows += [row for one in there for row in one.rows]
    if not any(row.is_usable and (row.answer or not asks) for row in rows):
        raise PealError(_way_out(rows, asks))
    return 0


def _on_machines(wanted: Sequence[str], folder: Path, given: str) -> list[MachineRows]:
    from peal.cli.agents_machines import found_on  # only here: it takes a while to import

    return found_on(wanted, folder, given)


def _sandbox(at: Scratch, settings: Settings, folder: Path) -> tuple[Confinement, SandboxRow]:
    """What a run here would take, or could, is tried."""
    wanted = Wanted.likely(settings)
    git_folder = git.common_folder(folder) if (folder / ".git").exists() else folder
    made = Confinement.of(wanted, best(), folder, git_folder, at.folder)
    return made, SandboxRow(made.kind, problem(made, at), settings.sandbox != ("none",))


def _within(made: Confinement, found: SandboxRow, settings: Settings) -> Confinement | None:
    """The sandbox that a run would start agents in; PealError if it would be refused."""
    if not found.is_set:
        return None
    wanted = Wanted.likely(settings)
    if found.problem and wanted.is_required:
        raise PealError(f"{unusable(wanted, made.kind)} here: {found.problem}")
    return None if found.problem else made


def _folder(repo: Path) -> Path:
    """The root of the repository; where there is none, agents can be looked at all the same."""
    if not repo.is_dir():
        raise PealError(f"repository `{repo}` is not a folder; name one with --repo")
    try:
        return git.top_level(repo)
    except PealError:
        return repo.resolve()


def _rows(at: Scratch, wanted: Sequence[str], settings: Settings, folder: Path, seconds: float) -> list[Row]:
    described = {
        name: _described(name, settings, folder) for name in wanted if name not in CLIS
    }  # first: it refuses a name that nobody has
    clis = [adapter(name) for name in wanted if name in CLIS]
    found = {**described, **{one.name: one for one in probe.look(at, clis, seconds)}}
    first = _first()
    return [Row(evolve(found[name], is_auto=name == first)) for name in wanted]


def _first() -> str:
    try:
        return first_here()
    except PealError:
        return ""


def _described(name: str, settings: Settings, folder: Path) -> Found:
    """An agent of peal.toml, or `shell`: what it would tell of its version nobody knows, so it is not asked."""
    if name not in ("shell", *settings.agents):
        find(name, settings.agents, folder, None)
    table = settings.agents.get(name)
    words = (table.plan or table.command) if table else ("bash",)
    found = Found(name, process.program(words[0], folder) or "")
    try:
        find(name, settings.agents, folder, _model(name, settings))
    except PealError as error:
        return evolve(found, problem=str(error).removeprefix(f"agent `{name}`").lstrip(": "))
    return found


def _model(name: str, settings: Settings) -> str | None:
    first = settings.phase(AGENT_PHASES[0]).agent or settings.agent
    is_first = name == (_first() if first == "auto" else first)
    return model_of(settings, AGENT_PHASES[0], name, is_first)


@frozen
class _Asking:
    """How agents are to be asked, and in which sandbox."""

    seconds: int
    within: Confinement | None
    is_named: bool
    is_quiet: bool


def _asked(at: Scratch, rows: list[Row], settings: Settings, folder: Path, how: _Asking) -> list[Row]:
    wanted = [row.found.name for row in rows if (_can_be_asked(row) if how.is_named else row.is_usable)]
    questions = {name: _question(name, settings, folder) for name in wanted}
    if not how.is_named:
        questions = {name: one for name, one in questions.items() if _understands(one.agent)}
    if questions and not how.is_quiet:
        names = some(tuple(questions), len(questions))
        place = f" in the sandbox `{sandbox_name(how.within.kind)}`" if how.within else ""
        click.echo(f"asking {names}{place}; {duration(how.seconds)} at most for each", err=True)
    answers = probe.ask(at, questions, how.seconds, how.within)
    return [evolve(row, answer=answers.get(row.found.name)) for row in rows]


def _can_be_asked(row: Row) -> bool:
    """Who asks for a CLI by name may want to see what it does although something is wrong with it."""
    return row.is_usable or bool(row.found.program and row.found.name in CLIS)


def _understands(agent: Agent) -> bool:
    """Whether an agent is known to do no more in `plan` than is asked; a command might do its work whatever it is told."""
    return isinstance(agent, CliAgent) or (isinstance(agent, CommandAgent) and agent.speaks is not None)


def _question(name: str, settings: Settings, folder: Path) -> Question:
    model = _model(name, settings)
    agent = find(name, settings.agents, folder, model)
    return Question(agent, model, lambda reply: used_by(reply, None, model, settings.prices))


def _way_out(rows: Sequence[Row], asks: bool) -> str:
    each = list(dict.fromkeys(row.found.name for row in rows))
    names = some(each, len(each))
    if asks and any(row.answer for row in rows):
        return f"none of {names} answered; mend what is told of each, or choose another agent"
    return (
        f"none of {names} can be used here; install or mend one, or pass --agent shell to `peal run` to run the plan's "
        "`sh` blocks"
    )
