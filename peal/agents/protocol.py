"""What an agent is towards the rest of peal, and what an adapter of a coding CLI is towards its agent."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from attrs import field

from peal.agents.said import Says
from peal.classes import frozen
from peal.model.access import StateFolder
from peal.model.agent import Command, Declined, Reply
from peal.model.pipeline import Phase
from peal.model.plan import Task
from peal.model.process import Sign

__all__ = ["ANY_MODEL", "Agent", "Cli", "Request", "Sign", "Transcript"]

ANY_MODEL = (
    "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "GOOGLE_*", "OPENROUTER_*", "MISTRAL_*", "GROQ_*", "DEEPSEEK_*", "XAI_*",
    "DASHSCOPE_*", "OLLAMA_*", "AZURE_API_*", "AZURE_OPENAI_*", "COHERE_*", "TOGETHER_*", "FIREWORKS_*", "CEREBRAS_*",
    "OPENCODE_*", "AIDER_*",
)  # fmt: skip
"""Patterns of the variables by which a CLI that works with models of any maker logs in."""


@frozen
class Request:
    """What an agent is asked to do in one attempt."""

    task: Task
    phase: Phase
    prompt: str
    prompt_file: Path
    workspace: Path
    may_write: bool = False
    """Something is to change; otherwise it may only read, whatever `permissions` say."""
    model: str | None = None
    permissions: Literal["full", "limited"] = "full"
    """What it may do where it may write."""
    session: str = ""
    """The conversation to go on in; empty for a new one."""
    is_confined: bool = False
    """A sandbox of peal's stands around it, so one of its own is not needed, and may not be possible."""


@frozen
class Transcript:
    """What a process left behind."""

    stdout: Iterable[str] = ()
    """Its lines, without their ends; can be read once."""
    text: str = ""
    """The end of stdout as it is, for programs that just talk."""
    stderr: str = ""
    """The end of it."""
    exit_code: int = 0
    at: float = 0.0
    """When it ended, in wall-clock seconds: a time of day that it names is the next one from here."""


class Agent(Protocol):
    """Two pure halves: a command before, a reply after. An agent starts nothing and reads no file itself."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def require_change(self) -> bool:
        """Whether an attempt that was to change something, and did not, has failed."""

    @property
    def idle_timeout_sec(self) -> int | None:
        """Its own idle clock; None where its output tells nothing about its life."""

    @property
    def reports_cost(self) -> bool:
        """Whether its replies tell what they cost."""

    @property
    def reports_usage(self) -> bool:
        """Whether its replies tell how many tokens they took."""

    @property
    def programs(self) -> tuple[str, ...]:
        """What it starts, each by its name on PATH or a path from the repository; nothing for a CLI, which knows its own."""

    def missing(self, model: str | None, is_here: bool = True) -> str | None:
        """Why it cannot be used and how to go on; None if it can. Programs need to be here only if they run here."""

    def prepare(self, request: Request) -> Command | Reply | Declined:
        """What to start; or the reply at once, where no process is needed; or why nothing can be done."""

    def read(self, transcript: Transcript) -> Reply:
        """The reply in what the process left behind."""

    @property
    def sign(self) -> Callable[[str], Sign | None] | None:
        """Says what a line of stdout or stderr tells while the process runs; None if no line tells anything."""


def _nothing_set(_request: Request) -> Mapping[str, str]:
    return {}


@frozen
class Cli:
    """
    The adapter of a coding CLI: what it is called, and two pure halves.

    The rules come from what its versions up to `tested` were seen to do; docs/agents.md tells of it.
    """

    name: str
    programs: tuple[str, ...]
    """What its program is called, the surest name first."""
    tested: str
    """The version that everything here was tried with."""
    argv: Callable[[Request], list[str]]
    """The words behind the program's name."""
    read: Callable[[Transcript], Reply]
    """The reply, and what the output says about how it went."""
    helps: tuple[tuple[str, ...], ...] = (("--help",),)
    """The words that make it tell its flags."""
    flags: tuple[str, ...] = ()
    """Every flag that `argv` may use; each has to be in one of `helps`."""
    env: Callable[[Request], Mapping[str, str]] = _nothing_set
    """Variables to set for it."""
    state: tuple[StateFolder, ...] = ()
    """What it has to write in beside the folder it works in."""
    secrets: tuple[str, ...] = ()
    """Files outside of that, from the home folder, in which people keep keys for it."""
    variables: tuple[str, ...] = ()
    """Patterns of the variables that are its own, with the keys it logs in by."""
    files: Callable[[Request], Mapping[str, str]] = _nothing_set
    """Files to put beside the prompt, by name; `{folder}` in `argv` is where."""
    prompt: Literal["stdin", "file"] = "stdin"
    sign: Callable[[str], Sign | None] | None = None
    """What a line of stdout or stderr tells while the process runs."""
    says: Says = field(factory=dict)
    """What its events say to a person."""
    reports_cost: bool = False
    reports_usage: bool = True
    sessions: bool = True
    """Whether it can go on in a session."""
    login: str = ""
    """What a person has to do when it says that it is not logged in."""
    install: str = ""
    """How it is installed."""
    is_its: Callable[[str, str], bool] = field(default=lambda _name, _path: True)
    """Whether a program of this name at this place (links followed) is this CLI and not another's namesake."""
