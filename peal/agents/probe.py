"""What agents are here and what they can do: their programs are asked for version and flags, or for one word."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import evolve

from peal.agents.cli import program_of
from peal.agents.protocol import Agent, Cli, Request, Transcript
from peal.agents.registry import surroundings
from peal.agents.short_commands import Completed, ShortCommand, run_all, text_of
from peal.classes import frozen
from peal.model.access import Access
from peal.model.agent import Command, Declined, Reply, Usage
from peal.model.pipeline import PLAN_PHASES
from peal.model.plan import Task, TaskId
from peal.model.work import Result
from peal.phases.verdict import Evidence, unfinished
from peal.system import git
from peal.system.scratch import Scratch
from peal.text.display import clock, harmless

LOOK_SEC = 10.0
"""A program that has not told its version by then will not do so."""
PROMPT = "Reply with the one word: ready\n"


@frozen
class Found:
    """What is known of one agent on this machine."""

    name: str
    program: str = ""
    """Where its program is; empty if it is not here."""
    version: str = ""
    tested: str = ""
    """The version that peal was tried with; empty for programs that peal does not know."""
    problem: str = ""
    """Why it cannot be used, and how to go on."""
    notes: tuple[str, ...] = ()
    is_auto: bool = False
    """Whether `agent = "auto"` takes it."""


@frozen
class Answer:
    """What came of asking an agent for one word."""

    answered: bool
    said: str
    """Its reply, or what went wrong and how to go on."""
    seconds: float = 0.0
    usage: tuple[Usage, ...] = ()


@frozen
class Question:
    """An agent, and how it is to be asked."""

    agent: Agent
    model: str | None = None
    bill: Callable[[Reply], tuple[Usage, ...]] = lambda reply: reply.usage
    """What an answer has used, priced as far as anybody knows."""


class AgentSandbox(Protocol):
    """What agents are started in."""

    @property
    def is_known(self) -> bool:
        """Whether peal knows what it keeps from an agent."""

    def environment(self, variables: Mapping[str, str], cli: str) -> dict[str, str]:
        """What of these variables a coding CLI is given."""

    def wrapped(
        self, argv: Sequence[str], access: Access, workspace: Path, scratch: str, path: str, phase: str = ...
    ) -> list[str]:
        """The words that start it there."""


# --- what is here


def look(at: Scratch, clis: Sequence[Cli], seconds: float) -> list[Found]:
    """What is here of these CLIs, in their order; a program that tells nothing for so long is ended."""
    commands = [command for cli in clis for command in _commands(cli, at)]
    at_once = max(os.cpu_count() or 1, 2)  # starting one keeps a core busy for a second or two
    names = (command.name for command in commands)
    completed = dict(zip(names, run_all(at, commands, seconds, at_once), strict=True))
    return [_found(cli, completed) for cli in clis]


def _commands(cli: Cli, at: Scratch) -> Iterator[ShortCommand]:
    program, namesake = program_of(cli), _namesake(cli)
    words: list[tuple[str, ...]] = []
    if program:
        words = [("--version",), *cli.helps]
    elif namesake:
        program, words = namesake, [("--version",), ("--help",)]
    env = {**surroundings(), "COLUMNS": "200", "NO_COLOR": "1"}
    for number, asked in enumerate(words):
        yield ShortCommand(f"{cli.name}-{number}", (_path(program or ""), *asked), at.folder, env)


def _namesake(cli: Cli) -> str:
    """The name of a program on PATH that this CLI might have, if another's has it."""
    return next((name for name in cli.programs if shutil.which(name)), "")


def _path(program: str, path: str | None = None) -> str:
    """The whole path of a program on this PATH or on peal's own, or of one that is given with a folder."""
    return str(Path(shutil.which(program, path=path) or program).absolute())


def _found(cli: Cli, completed: Mapping[str, Completed]) -> Found:
    program, namesake = program_of(cli), _namesake(cli)
    said = [
        completed[name]
        for number in range(len(cli.helps) + 2)
        if (name := f"{cli.name}-{number}") in completed
    ]
    if program:
        return judged(cli, _path(program), said[0], said[1:])
    if namesake:
        return another(cli, namesake, _path(namesake), [one.text for one in said])
    return Found(cli.name, tested=cli.tested, problem=f"not installed; {cli.install}")


def judged(cli: Cli, program: str, version: Completed, helps: Sequence[Completed]) -> Found:
    """A CLI that is here, by what its program said."""
    found, name = Found(cli.name, program, version_in(version.text), cli.tested), Path(program).name
    if failure := version.failure:
        return evolve(
            found,
            version="",
            problem=f"`{name} --version` {failure}; mend or reinstall it: {cli.install}",
        )
    notes = [compared(found.version, cli.tested)]
    broken = [(words, one.failure) for words, one in zip(cli.helps, helps, strict=True) if one.failure]
    if broken:
        words, failure = broken[0]
        notes.append(f"its flags are not known: `{' '.join((name, *words))}` {failure}")
        lacking = []
    else:
        lacking = lacks(cli.flags, "\n".join(one.text for one in helps))
    problem = f"lacks {', '.join(lacking)}, which peal uses; update it: {cli.install}" if lacking else ""
    return evolve(found, problem=problem, notes=tuple(filter(None, notes)))


def another(cli: Cli, name: str, path: str, said: Sequence[str]) -> Found:
    """A program that is called as this CLI may be, and lies where this CLI does not."""
    first = next(
        (harmless(line) for text in said for line in text.splitlines() if harmless(line).strip()), ""
    )
    is_its = any(re.search(rf"\b{re.escape(cli.name)}\b", text, re.IGNORECASE) for text in said)
    surest = cli.programs[0]
    if is_its:
        who = f"says that it is {cli.name}'s; link it as `{surest}` for peal to use it"
    else:
        who = f"is another's{f', and says `{first[:80]}`' if first else ''}; for {cli.name}: {cli.install}"
    return Found(cli.name, tested=cli.tested, problem=f"not installed: `{name}` ({path}) {who}")


def version_in(text: str) -> str:
    """The first number with dots in what a program says of its version, else the first number, else nothing."""
    found = re.search(r"[0-9]{1,9}(?:\.[0-9]{1,9})+", text) or re.search(r"[0-9]{1,9}", text)
    return found[0] if found else ""


def compared(version: str, tested: str) -> str:
    """A word of caution about a version that peal was not tried with; empty for the one it was."""
    if not tested:
        return "peal was never tried with it"
    if not version:
        return f"tells no version; peal was tried with {tested}"
    here, there = _numbers(version), _numbers(tested)
    if here == there:
        return ""
    return f"{'newer' if here > there else 'older'} than {tested}, with which peal was tried"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall("[0-9]{1,9}", version))


def lacks(flags: Sequence[str], helps: str) -> list[str]:
    """The flags that a help does not name."""
    return [flag for flag in flags if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", helps)]


# --- one word


def ask(
    at: Scratch, questions: Mapping[str, Question], seconds: float, sandbox: AgentSandbox | None = None
) -> dict[str, Answer]:
    """Ask agents for one word, as an attempt at `plan` would, each in an empty repository of its own."""
    answers: dict[str, Answer] = {}
    asked: dict[str, ShortCommand] = {}
    for name, question in questions.items():
        prepared = _prepared(at, name, question, sandbox)
        if isinstance(prepared, ShortCommand):
            asked[name] = prepared
        elif isinstance(prepared, Declined):
            answers[name] = Answer(False, prepared.reason)
        else:
            answers[name] = answer(Evidence(None, prepared), time.time())
    ended = run_all(at, list(asked.values()), seconds, at_once=len(asked))
    for name, completed in zip(asked, ended, strict=True):
        answers[name] = _answer(questions[name], completed)
    return {name: answers[name] for name in questions}


def _prepared(
    at: Scratch, name: str, question: Question, sandbox: AgentSandbox | None
) -> ShortCommand | Reply | Declined:
    folder, workspace = at.folder / name, at.folder / name / "repo"
    temporary = folder / "tmp"
    for path in (folder, workspace, temporary):
        path.mkdir()
    git.output(workspace, "init", "--quiet")
    prompt = folder / "prompt.md"
    prompt.write_text(PROMPT, encoding="utf-8")
    task = Task(TaskId("1"), "say one word", "```sh\necho ready\n```")
    is_confined = sandbox is not None and sandbox.is_known
    prepared = question.agent.prepare(
        Request(
            task,
            PLAN_PHASES[0],
            PROMPT,
            prompt,
            workspace,
            model=question.model,
            is_confined=is_confined,
        )
    )
    if not isinstance(prepared, Command):
        return prepared
    for file, text in prepared.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    program, *words = (word.replace("{folder}", str(folder)) for word in prepared.argv)
    given = surroundings()
    if sandbox:
        given = sandbox.environment(given, prepared.access.cli)
    env = {**given, **_ours(workspace, temporary), **prepared.env}
    argv = [_path(program, env.get("PATH")), *words]
    if sandbox:
        search = env.get("PATH", "")
        argv = sandbox.wrapped(argv, prepared.access, workspace, str(temporary), search, PLAN_PHASES[0].name)
    return ShortCommand(
        name,
        tuple(argv),
        workspace,
        env,
        prompt if prepared.prompt_on_stdin else None,
        question.agent.sign,
    )


def _ours(workspace: Path, temporary: Path) -> dict[str, str]:
    """The variables that an attempt adds."""
    return {
        "PEAL_PHASE": "plan",
        "PEAL_TASK": "1",
        "PEAL_ATTEMPT": "1",
        "PEAL_WORKSPACE": str(workspace),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "TMPDIR": str(temporary),
    }


def _answer(question: Question, completed: Completed) -> Answer:
    if completed.ending is None:
        return Answer(False, completed.failure)
    now = time.time()
    with completed.stdout.open(encoding="utf-8", errors="replace", newline="\n") as file:
        lines = (line.rstrip("\r\n") for line in file)
        stdout, stderr = (text_of(path) for path in (completed.stdout, completed.stderr))
        reply = question.agent.read(Transcript(lines, stdout, stderr, completed.ending.exit_code, now))
    words = "" if completed.ending.is_clean else completed.last_words
    given = answer(Evidence(completed.ending, reply, words), now)
    return evolve(given, usage=question.bill(reply))


def answer(evidence: Evidence, now: float) -> Answer:
    """What an attempt would make of it."""
    seconds = evidence.ending.seconds if evidence.ending else 0.0
    bad, said = unfinished(evidence), evidence.reply.text.strip()
    if bad is None:
        return Answer(bool(said), said or "it replied nothing", seconds)
    if bad.result is Result.LIMITED:
        return Answer(False, f"usage limit{_until(bad.until, now)}: {bad.reason}", seconds)
    if bad.result is Result.TRANSIENT:
        return Answer(False, f"cannot be served just now: {bad.reason}; try again in a while", seconds)
    fault = (
        f"{evidence.reply.trouble.fault}: " if bad.result is Result.STOPPED and evidence.reply.trouble else ""
    )
    return Answer(False, f"{fault}{bad.reason}", seconds)


def _until(end: float | None, now: float) -> str:
    return "" if end is None else f" until {clock(end, now)}"
