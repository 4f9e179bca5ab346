"""Every key with its type, its default, its meaning and what it may be."""

import difflib
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from attrs import NOTHING, Attribute, field, fields

from peal.classes import frozen
from peal.model.notification import Cause
from peal.model.pipeline import AGENT_PHASES

CLIS = ("claude", "codex", "cursor", "opencode", "gemini", "qwen", "copilot", "aider")
"""The coding CLIs that peal drives by itself, in the order in which `agent = "auto"` looks for them."""
GIVEN_TO_AGENTS = frozenset(
    {
        "PEAL_PHASE",
        "PEAL_TASK",
        "PEAL_ATTEMPT",
        "PEAL_WORKSPACE",
        "PEAL_RUN_ID",
        "PEAL_ATTEMPT_ID",
        "PEAL_ITEM",
        "PEAL_RESULT",
    }
)
"""Variables that tell an agent where it is. No key has one: a peal inside an agent would take it for a setting."""

COMMIT_MESSAGE = "Task {id}: {title}"
"""What a task's commit says if nobody has set it."""
_MESSAGE_FIELDS = ("title", "id", "plan", "branch")


def _at_least(least: int) -> Callable[[Any, Any, Any], None]:
    def check(_settings: Any, _key: Any, value: int | None) -> None:
        if value is not None and value < least:
            raise ValueError(f"is {value}; it must be at least {least}")

    return check


def _filled(_settings: Any, _key: Any, value: str | None) -> None:
    if value is not None and not value.strip():
        raise ValueError("is empty; write something or take it out")


def _filled_command(_settings: Any, _key: Any, value: str | None) -> None:
    if value is not None:
        _command(None, None, value)


def _message(_settings: Any, _key: Any, value: str) -> None:
    _filled(None, None, value)
    for word in re.findall(r"\{([^{}\n]*)\}", value):
        if word not in _MESSAGE_FIELDS:
            near = difflib.get_close_matches(word, _MESSAGE_FIELDS, n=1, cutoff=0.6)
            known = " ".join(f"{{{name}}}" for name in _MESSAGE_FIELDS)
            meant = f"did you mean `{{{near[0]}}}`?" if near else f"there are {known}"
            raise ValueError(f"has no field `{{{word}}}`; {meant}")


def _branch_prefix(_settings: Any, _key: Any, value: str) -> None:
    if not _is_branch(value):
        raise ValueError(f"is `{value}`, which git takes for no branch's name; write one like `feature/peal`")


def _is_branch(name: str) -> bool:
    """The rules of git-check-ref-format(1)."""
    parts = name.split("/")
    return (
        not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^-|\.$|^@$", name)
        and all(parts)
        and not any(part.startswith(".") or part.endswith(".lock") for part in parts)
    )


def _branch(_settings: Any, _key: Any, value: str | None) -> None:
    if value is None:
        return
    for word in re.findall(r"\{([^{}\n]*)\}", value):
        if word != "plan":
            raise ValueError(f"has no field `{{{word}}}`; there is {{plan}}")
    if value.startswith("refs/heads/"):
        raise ValueError(
            f"is `{value}`; a branch is named without `refs/heads/`: `{value[len('refs/heads/') :]}`"
        )
    if not _is_branch(value.replace("{plan}", "plan")) or value == "HEAD":
        raise ValueError(
            f"is `{value}`, which git takes for no branch's name; write one like `feature/{{plan}}`"
        )


def _inside(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    for name in value:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or {"..", ".git", ".peal"}.intersection(parts):
            raise ValueError(
                f"names `{name}`; write paths or patterns inside the repository, not of git or peal"
            )
        if any("**" in part and part != "**" for part in parts):
            raise ValueError(f"names `{name}`; `**` stands for folders and has to be a part of its own")


def _inside_one(_settings: Any, _key: Any, value: str | None) -> None:
    if value is None:
        return
    parts = PurePosixPath(value).parts
    if not parts or value.startswith("/") or {"..", ".git", ".peal"}.intersection(map(str.lower, parts)):
        raise ValueError(f"is `{value}`; write a path inside the repository, not one of git or peal")


def _inside_item(_settings: Any, _key: Any, value: str | None) -> None:
    if value is None:
        return
    parts = PurePosixPath(value).parts
    if not parts or value.startswith("/") or ".." in parts:
        raise ValueError(
            f"is `{value}`; write a path or a pattern inside the item's folder, such as `*SPEC*.md`"
        )


def _files(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    if not all(name.strip() for name in value):
        raise ValueError("names no file in one place; write its path or take it out")


def _plain_model(_settings: Any, _key: Any, value: str | None) -> None:
    _filled(None, None, value)
    if value is not None and not re.fullmatch(r"[^\s-]\S*", value):
        raise ValueError(f"is `{value}`; the name of a model has no blanks and does not begin with `-`")


def _prefix(_settings: Any, _key: Any, value: str) -> None:
    if not re.fullmatch(r"[^\W_]+", value):
        raise ValueError(f"is `{value}`; write letters and digits, such as WRK")


def _item_phase(_settings: Any, _key: Any, value: str) -> None:
    if not re.fullmatch("[A-Za-z0-9_-]+", value):
        raise ValueError(f"is `{value}`; write letters, digits, `_` and `-`")
    if value in ("triage", "address", "land"):
        raise ValueError(f"is `{value}`, which peal has by itself; choose another name")


def _pipeline_name(name: str) -> None:
    if not re.fullmatch("[A-Za-z0-9_-]+", name):
        raise ValueError("is no name for a pipeline: letters, digits, `_` and `-`")


def _command(_settings: Any, _key: Any, value: str) -> None:
    _filled(None, None, " ".join(command_words(value)))


def command_words(line: str) -> list[str]:
    """The words of a command line; ValueError where it says something that only a shell would understand."""
    found = split(line)
    if operator := shell_operator(line):
        quoted = f"sh -c '{line.strip()}'" if "'" not in line and "\n" not in line.strip() else "sh -c '…'"
        raise ValueError(
            f"holds {operator}, which takes a shell, and peal starts commands without one; write `{quoted}`, or put it "
            "in quotes if it is to be a word"
        )
    if re.match(r"[A-Za-z_]\w*=", found[0] if found else ""):
        raise ValueError(f"begins with `{found[0]}`, which takes a shell; write `env` in front of it")
    return found


def shell_operator(line: str) -> str:
    """The first thing outside of quotes by which a shell would part, redirect or fill in; empty if there is none."""
    found = _OPERATOR.search(_QUOTED.sub("_", line.strip()))
    return {"\n": "a second line", "`": "a backtick"}.get(found[0], f"`{found[0]}`") if found else ""


_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_OPERATOR = re.compile(r"\n(?=[^\s-])|\d*[<>]+(?:&\d*|[|(])?|&>|[&|;]+|\$\(|`")
"""A line that goes on with a word in its first column is a command of its own, as far as anybody can tell."""


def _any_word(_word: str) -> None:
    """Nothing is wrong with any."""


def _command_line(line: str) -> None:
    _command(None, None, line)


def split(line: str) -> list[str]:
    """The words of a command line, as a shell would split it; ValueError says what is wrong with it."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise ValueError(f"cannot be split as a shell would: {str(error).lower()}; mend it") from None


def words(text: str) -> list[str]:
    """The words of a text, split as a shell would and at commas."""
    return [word for part in split(text) for word in part.split(",") if word]


def lines(text: str) -> list[str]:
    """The parts of a text between commas; a comma in quotes or behind a backslash is part of one."""
    parts = re.findall(r"""(?:[^,'"\\]|\\.|'[^']*'|"(?:\\.|[^"\\])*"|['"\\])+""", text)
    return [part.strip() for part in parts if part.strip()]


def _agent_name(name: str) -> None:
    if not re.fullmatch("[A-Za-z0-9_-]+", name) or name in ("auto", "shell"):
        raise ValueError("is no name for an agent: letters, digits, `_`, `-`, and not `auto` or `shell`")


def _any_agent_name(name: str) -> None:
    if name != "shell":
        _agent_name(name)


def _positive(_settings: Any, _key: Any, value: float | None) -> None:
    if value is not None and not 0 < value < 1e9:
        raise ValueError(f"is {value}; it must be more than 0")


def _price(_settings: Any, _key: Any, value: float | None) -> None:
    if value is not None and not 0 <= value < 1e9:
        raise ValueError(f"is {value}; it must be 0 or more")


def _other_agents(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    for name in value:
        _any_agent_name(name)


def _machine_name(name: str) -> None:
    if "://" in name:
        _cluster(None, None, name)
    elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@._-]*(?::[1-9][0-9]?)?", name):
        raise ValueError(
            f"is `{name}`; write the name of a host or of a table [machines.NAME], local:2, or tls://HOST:8786"
        )


def _cluster(_settings: Any, _key: Any, value: str | None) -> None:
    if value is not None and not re.fullmatch(
        r"(?:tls|tcp)://[^\s/:]+:[0-9]+|(?:tls|tcp)://\[[^\s/]+\]:[0-9]+", value
    ):
        raise ValueError(f"is `{value}`; write the address of a Dask scheduler, such as tls://HOST:8786")


def _variable(name: str) -> None:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or name in GIVEN_TO_AGENTS:
        raise ValueError("is no name for a variable, or one that peal sets itself; choose another")


def _cause(word: str) -> None:
    if word not in list(Cause):
        near = difflib.get_close_matches(word, Cause, n=1, cutoff=0.6)
        known = ", ".join(f"`{cause}`" for cause in Cause)
        raise ValueError(
            f"is `{word}`; {f'did you mean `{near[0]}`?' if near else f'it must be one of {known}'}"
        )


def _address(url: str) -> None:
    if not re.match(r"\w[\w+.-]*:/?/?.|\$", url):
        raise ValueError("is no address, such as `ntfys://ntfy.sh/a-topic`")


def _program(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    if value and not value[0].strip():
        raise ValueError("begins with an empty word; name a program, or take it out")


SANDBOXES = ("none", "auto", "bubblewrap", "seatbelt")
"""What a single word for a sandbox may be; more words are a wrapper."""
_OF_WRAPPERS = ("workspace", "repo", "git", "own_git", "scratch", "home", "state", "phase")
"""The placeholders in a wrapper's words."""


def _sandbox(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    _program(None, None, value)
    if value in (("enabled",), ("disabled",)):
        raise ValueError(
            f"is `{value[0]}`, as in the Rust peal; here set `permissions` to `full` or `limited`, or `sandbox` to one of "
            + ", ".join(SANDBOXES)
        )
    if not value or (len(value) == 1 and value[0] not in SANDBOXES):
        near = difflib.get_close_matches(value[0], SANDBOXES, n=1, cutoff=0.6) if value else []
        meant = f"did you mean `{near[0]}`?" if near else f"it must be one of {', '.join(SANDBOXES)}"
        raise ValueError(f"is `{' '.join(value)}`; {meant}, or the words of a wrapper, such as `env -i`")
    for name in (name for word in value for name in re.findall(r"\{([a-z_]+)\}", word)):
        if name not in _OF_WRAPPERS:
            known = " ".join(f"{{{one}}}" for one in _OF_WRAPPERS)
            raise ValueError(f"has no field `{{{name}}}`; there are {known}")


def _paths(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    for name in value:
        if not name.strip() or (name.startswith("~") and name != "~" and not name.startswith("~/")):
            raise ValueError(f"names `{name}`; write a path from the root, from `~/` or from the repository")


def _patterns(_settings: Any, _key: Any, value: tuple[str, ...]) -> None:
    for name in value:
        if not re.fullmatch(r"[A-Za-z_*][A-Za-z0-9_*]*", name) or not name.strip("*"):
            raise ValueError(f"names `{name}`; write the name of a variable, or a pattern such as `MY_*`")


def _key(
    default: Any, about: str, check: Callable[[Any, Any, Any], None] | None = None, flag: str | None = None
) -> Any:
    """A key; `flag` is what its flag is called if that is not its name."""
    return field(default=default, validator=check, metadata={"help": about, "flag": flag})


if TYPE_CHECKING:
    _PhaseName = str
else:
    _PhaseName = Literal[AGENT_PHASES]
_AgentName = Annotated[str, _agent_name]
_PlaceName = Annotated[str, _any_agent_name]
_MachineName = Annotated[str, _machine_name, words]
_ModelName = Annotated[str, partial(_filled, None, None)]
_PipelineName = Annotated[str, _pipeline_name]
_Variable = Annotated[str, _variable]
_Word = Annotated[str, _any_word, words]
"""One of a list that has a flag and a variable, where commas or blanks stand between them."""
_Line = Annotated[str, _command_line, lines]
"""A command of a list that has a flag and a variable, where commas stand between them."""
_Argument = Annotated[str, _any_word, command_words]
"""A word of a command; a single line is split as a shell would."""
_CauseName = Annotated[str, _cause, words]
_Address = Annotated[str, _address, split]

PROFILES: dict[str, dict[str, Any]] = {
    "strict": {
        "continue_with_remaining_tasks": False,
        "on_findings_remaining": "fail",
        "on_stet_fail": "fail",
    },
    "tolerant": {
        "continue_with_remaining_tasks": True,
        "on_findings_remaining": "warn",
        "on_stet_fail": "skip",
    },
}
"""What each profile sets where nobody has set it by itself."""


@frozen
class PhaseSettings:
    """`[phases.plan]`, `[phases.execute]`, `[phases.address]`: what differs from the general settings."""

    enabled: bool = _key(True, "false leaves the phase out; only of a phase that reads, such as `plan`")
    agent: str | None = _key(None, "agent for this phase", _filled)
    fallback: tuple[str, ...] = _key(
        (), "agents that take over while the usage limit of the first is reached", _other_agents
    )
    model: str | None = _key(None, "model for this phase's agent", _filled)
    timeout_sec: int | None = _key(None, "instead of phase_timeout_sec", _at_least(1))
    retry_count: int | None = _key(None, "instead of phase_retry_count", _at_least(0))


@frozen
class AgentSettings:
    """`[agents.NAME]`: what differs about a built-in CLI, or any command as an agent."""

    command: tuple[_Argument, ...] = _key((), "for every phase: a list, or one line split as a shell would")
    plan: tuple[_Argument, ...] = _key((), "the command for `plan` instead")
    execute: tuple[_Argument, ...] = _key((), "the command for `execute` instead")
    address: tuple[_Argument, ...] = _key((), "the command for `address` instead")
    phases: dict[_PhaseName, tuple[_Argument, ...]] = field(
        factory=dict, metadata={"help": "the command for any phase instead, by the phase's name"}
    )
    prompt: Literal["stdin", "file", "argument"] = _key(
        "stdin",
        "how the prompt gets there: on stdin, or where {prompt_file} or {prompt} stands in the command",
    )
    reply: Literal["text", "claude", "codex", "cursor", "opencode", "gemini", "qwen", "copilot", "aider"] = (
        _key("text", "how it replies: plain text, or as one of the built-in CLIs does")
    )
    args: tuple[str, ...] = _key((), "words to add to the command line of a built-in CLI")
    model: str | None = _key(None, "its model where neither phase nor flag names one for it", _filled)
    fallback: tuple[str, ...] = _key(
        (), "agents that take over while its usage limit is reached", _other_agents
    )
    env: dict[_Variable, str] = field(factory=dict, metadata={"help": "variables to set for it"})
    require_change: bool | None = _key(
        None, "an `execute` that changed nothing has failed; so by default with a built-in CLI"
    )
    idle_timeout_sec: int | None = _key(None, "seconds without output that end an attempt", _at_least(1))


@frozen
class PriceSettings:
    """`[prices.MODEL]`: US dollars for a million tokens of a model whose agent tells no cost."""

    input: float = _key(NOTHING, "read afresh", _price)
    output: float = _key(NOTHING, "written, thoughts included", _price)
    cached: float | None = _key(None, "read from the cache; as `input` if not set", _price)
    written: float | None = _key(None, "put into the cache; as `input` if not set", _price)


@frozen
class MachineSettings:
    """`[machines.NAME]`: how a machine is reached where attempts run; a name without a table is a host for ssh."""

    command: tuple[_Argument, ...] = _key(
        (), "what gives a pipe to `peal machine` there, such as `docker run -i --rm image peal machine`"
    )
    url: str | None = _key(
        None, "instead of a command, the scheduler of a Dask cluster: `tls://HOST:8786`", _cluster
    )
    ca: str | None = _key(
        None, "file in PEM with the authority that the cluster's certificates are of", _filled
    )
    cert: str | None = _key(None, "file in PEM with a certificate of that authority", _filled)
    key: str | None = _key(None, "file in PEM with its key, if that is not in `cert` too", _filled)
    places: dict[_PlaceName, int] = field(
        factory=dict,
        metadata={"help": "attempts at once for each agent; without it as many as there are, of any agent"},
    )
    count: int | None = _key(
        None,
        "how many machines like this, each with its {number} in `command`; 1 by default, of a cluster as many as it has workers",
        _at_least(1),
    )
    start_sec: int = _key(60, "seconds until it answers, for machines that stand in a queue", _at_least(1))


@frozen
class ReviewerSettings:
    """`[[reviewers]]`: a command or an agent that looks for something to be mended."""

    name: str = _key(NOTHING, "what findings are called after", _filled)
    command: str | None = _key(
        None, "one line split as a shell would; a status other than 0 is a finding", _filled_command
    )
    format: Literal["text", "sarif", "json"] = _key(
        "text",
        "how it reports: by status and output, or by a report, on stdout or where {output} stands in `command`",
    )
    blocking: Literal["error", "warning", "note"] = _key(
        "warning", "the least that has to be mended, of a report's findings"
    )
    only: tuple[str, ...] = _key((), "patterns of paths: it looks only where one of them has changed")
    timeout_sec: int | None = _key(None, "instead of phase_timeout_sec", _at_least(1))
    may_dismiss: bool | None = _key(
        None, "whether an agent's word is enough to pass over a finding; not by default with `text`"
    )
    agent: str | None = _key(None, "instead of `command`: an agent that reads the change", _filled)
    model: str | None = _key(None, "that agent's model", _filled)
    network: Literal["on", "off"] = _key("on", "`off` keeps it from the network, which takes a `sandbox`")


@frozen
class StetPatternSettings:
    """`[[stet_dismiss_patterns]]`: findings of stet that are passed over without asking anybody."""

    pattern: str = _key(NOTHING, "letters in the message or the path of a finding, as they are", _filled)
    reason: Literal["false_positive", "already_correct", "wrong_suggestion", "out_of_scope"] = _key(
        NOTHING, "why"
    )


@frozen
class ItemPhaseSettings:
    """`[[pipelines.NAME.pre_phases]]`, `[[pipelines.NAME.phases]]`: one phase of the items of a backlog."""

    name: str = _key(
        NOTHING,
        "letters, digits, `_` and `-`; not `triage`, `address` or `land`, which peal has",
        _item_phase,
    )
    kind: Literal["agent", "command", "plan"] = _key(
        "agent", "who does it: an agent, a command by its exit status, or a plan of the item task by task"
    )
    workflows: tuple[str, ...] = _key((), "files whose text tells the agent what to do", _files)
    instructions: str | None = _key(
        None, "what the agent is to do, in a few words; in front of `workflows`", _filled
    )
    is_destructive: bool = _key(
        False,
        "runs while nothing else does, unless `execution.destructive` says otherwise; also `destructive`",
    )
    staleness: Literal["ignore", "warn", "block"] = _key(
        "ignore",
        "where the commit that an earlier phase rested on is gone: go on, say so, or block the item",
    )
    agent: str | None = _key(None, "agent for this phase", _filled)
    model: str | None = _key(None, "model for this phase's agent", _plain_model)
    timeout: int | None = _key(None, "seconds, instead of `execution.phase_timeout_minutes`", _at_least(1))
    retries: int | None = _key(None, "instead of `execution.max_retries`", _at_least(0))
    command: str | None = _key(
        None,
        "of kind `command`: one line split as a shell would; a status other than 0 fails",
        _filled_command,
    )
    network: Literal["on", "off"] = _key(
        "on", "of kind `command`: `off` keeps it from the network, which takes a `sandbox`"
    )
    plan: str | None = _key(
        None, "of kind `plan`: the plan file, a path or a pattern in the item's folder", _inside_item
    )


@frozen
class PipelineSettings:
    """`[pipelines.NAME]`: the phases that items of a backlog go through."""

    pre_phases: tuple[ItemPhaseSettings, ...] = _key(
        (), "what finds out what an item takes, before it may be worked on; none of them is destructive"
    )
    phases: tuple[ItemPhaseSettings, ...] = _key((), "what is done for it; at least one")


@frozen
class GuardrailSettings:
    """`[guardrails]`: what an item may be at most to be worked on without a person's word."""

    max_size: Literal["small", "medium", "large"] = _key(
        "medium", "how much changes: 1 to 3 files, 4 to 10, more"
    )
    max_complexity: Literal["low", "medium", "high"] = _key("medium", "how much there is to decide")
    max_risk: Literal["low", "medium", "high"] = _key("low", "how much could break")


@frozen
class ExecutionSettings:
    """`[execution]`: how the items of a backlog are worked on."""

    phase_timeout_minutes: int | None = _key(
        None,
        "end an attempt at a phase after so many minutes; as `phase_timeout_sec` if not set",
        _at_least(1),
    )
    max_retries: int = _key(2, "how often a phase that failed is tried again", _at_least(0))
    default_phase_cap: int = _key(
        100, "how many phases a run starts at most, where `--cap` does not say", _at_least(1)
    )
    max_wip: int = _key(1, "how many items may be in progress", _at_least(1))
    max_concurrent: int = _key(1, "how many phases may run side by side", _at_least(1))
    destructive: Literal["alone", "isolated"] = _key(
        "alone",
        "phases that are destructive run while nothing else does, or beside others in their worktrees",
    )
    max_passes: int = _key(8, "how many other phases may begin while a destructive one waits", _at_least(0))
    max_system_failures: int = _key(
        2, "how many failures of the machine in a row, not of an item, end a run", _at_least(1)
    )
    max_exhausted: int = _key(2, "how many items in a row whose retries are used up end a run", _at_least(1))
    max_follow_ups: int = _key(10, "how many new items one phase may bring", _at_least(0))
    max_subphases: int = _key(
        5, "how often a phase may go on with a further part without changing anything", _at_least(1)
    )


@frozen
class BacklogSettings:
    """`[backlog]`: where the items are."""

    folder: str = _key("backlog", "the folder of the items, inside the repository", _inside_one)
    prefix: str = _key("WRK", "what ids of new items begin with: letters and digits", _prefix)


@frozen
class NotifySettings:
    """`[notify]`: who is told when a run ends, or waits for a person."""

    command: tuple[_Argument, ...] = _key(
        (),
        "a program that is told, as JSON on stdin and in PEAL_EVENT: a list, or one line split as a shell would",
        _program,
    )
    urls: tuple[_Address, ...] = _key(
        (),
        "addresses that Apprise tells, such as `ntfys://ntfy.sh/a-topic`; `$NAME` in one stands for a variable",
    )
    on: tuple[_CauseName, ...] = _key(tuple(map(str, Cause)), "what is told of")
    bell: bool = _key(True, "ring the terminal's bell too, where there is one")
    title: bool = _key(True, "show in the terminal's title how far the run is")
    timeout_sec: int = _key(
        10, "seconds that the telling may take; the run never waits for it, but its end does", _at_least(1)
    )


@frozen
class Settings:
    """Every key with its default; each scalar one has a flag and a `PEAL_*` variable."""

    agent: str = _key(
        "auto",
        "who does the work: a CLI, `shell`, an [agents.NAME] table, or `auto`: the first CLI here",
        _filled,
    )
    model: str | None = _key(None, "model handed to the agent", _filled)
    permissions: Literal["full", "limited"] = _key(
        "full", "what a CLI may do in `execute` and `address`: all, or what its own safer mode allows"
    )
    sandbox: tuple[_Argument, ...] = _key(
        ("none",),
        "what keeps programs of attempts from all but their work: `none`, `auto`, `bubblewrap`, `seatbelt`, or a wrapper's words",
        _sandbox,
    )
    sandbox_writable: tuple[_Word, ...] = _key(
        (), "files and folders that they may write in as well: `~/.cargo/registry`", _paths
    )
    sandbox_hidden: tuple[_Word, ...] = _key((), "files and folders that they may not even read", _paths)
    sandbox_env: tuple[_Word, ...] = _key(
        (), "variables that they are given though they look like keys; `*` stands for any letters", _patterns
    )
    continue_session: bool = _key(
        False, "let `execute` and `address` go on in the session of the phase before, where that can be"
    )
    transient_retry_count: int = _key(
        10, "how often in a row a provider may be unable to serve before that is a failed try", _at_least(0)
    )
    wait: bool = _key(True, "sleep until a usage limit is reset; off: pause the run with exit code 4")
    max_cost: float | None = _key(
        None, "US dollars after which no agent is asked any more; exit code 4", _positive
    )
    max_tokens: int | None = _key(
        None, "tokens after which no agent is asked any more; exit code 4", _at_least(1)
    )
    redact: tuple[str, ...] = _key(
        (), "more variables whose values are kept out of journal, status and report"
    )
    parallel: bool = _key(False, "run neighbouring `(parallel)` tasks side by side")
    max_parallel: int = _key(
        4, "steps at once; without `parallel` it turns that on, 0 or 1 off", _at_least(0)
    )
    share_files: bool = _key(
        False, "side by side in one tree, let tasks work too that name the same files in the plan"
    )
    optional: bool = _key(False, "work on the tasks too that a plan calls optional")
    run_on: tuple[_MachineName, ...] = _key(
        (), "the machines on which `plan` and `execute` run; by default this one", flag="machines"
    )
    machine_silence_sec: int = _key(
        600, "after so long without a sign of life what runs on a machine is ended and lost", _at_least(4)
    )
    insecure: bool = _key(
        False, "let a cluster be one without TLS, `tcp://`: who is on its network can read and do what it can"
    )
    profile: Literal["strict", "tolerant"] | None = _key(
        None,
        "what a failure, a finding left and an unusable stet mean: the end, or go on; each key by itself wins",
    )
    continue_with_remaining_tasks: bool = _key(False, "go on with the other tasks after one has failed")
    max_consecutive_task_failures: int | None = _key(
        None, "failures in a row that stop the run", _at_least(1)
    )
    auto_advance: bool = _key(False, "of several plans, go on with the next after one has failed or is held")
    jobs: int = _key(
        1,
        "of several plans, how many may be under way at once; steps at once are `max_parallel`",
        _at_least(1),
    )
    tick: bool = _key(False, "mark tasks as done in the plan's own file as they land")
    commit: bool = _key(
        True, "let each task work in a worktree, commit what it did and land it; off: all work in your tree"
    )
    commit_message: str = _key(
        COMMIT_MESSAGE,
        "what a task's commit says; {title}, {id}, {plan} and {branch} are filled in",
        _message,
    )
    merge_message: str = _key(
        "Merge task {id}: {title}", "what the merge says that brings a task into your branch", _message
    )
    branch: str | None = _key(
        None,
        "the branch that results land in, made if it is not there; {plan} is filled in; if not set the one checked out",
        _branch,
    )
    base: str | None = _key(None, "the commit at which such a branch is made; HEAD if not set", _filled)
    branch_prefix: str = _key(
        "peal", "in front of the branches that keep what has not landed: `feature/peal`", _branch_prefix
    )
    hooks: bool = _key(True, "let your git hooks look at what is to land; off: none of them is asked")
    isolation: Literal["auto", "worktree", "none"] = _key(
        "auto", "where tasks work; `auto` is `worktree` with `commit` and `none` without"
    )
    address: Literal["after-all", "as-ready"] = _key(
        "after-all", "when a task is reviewed and lands: after all of its segment, or as soon as it is done"
    )
    conflict_retry: int = _key(
        1, "how often a task that cannot be merged is done anew on what has landed", _at_least(0)
    )
    worktree_setup: str | None = _key(
        None, "command to run once in each fresh worktree: `npm ci`", _filled_command
    )
    worktree_include: tuple[str, ...] = _key(
        (), "untracked files to copy into each worktree: `.env`", _inside
    )
    commit_ignored: tuple[str, ...] = _key(
        (), "paths to commit though git ignores them: `lib/*`; as git's pathspecs, from the root", _inside
    )
    phase_timeout_sec: int = _key(1800, "end an attempt after so many seconds", _at_least(1))
    idle_timeout_sec: int | None = _key(
        None, "seconds without output that end an attempt; off for `shell` and commands", _at_least(1)
    )
    phase_retry_count: int = _key(0, "how often a failed step is tried again", _at_least(0))
    phase_3_retry_count: int | None = _key(
        None, "how often a failed `address` is tried again; as phase_retry_count if not set", _at_least(0)
    )
    validate_plan_text: bool = _key(False, "a `plan` whose reply is blank, or too short, has failed")
    min_plan_text_len: int | None = _key(
        None,
        "letters that such a reply must have; without `validate_plan_text` it turns that on",
        _at_least(1),
    )
    patience: int = _key(
        2, "rounds without fewer findings after which mending is given up; 0 never", _at_least(0)
    )
    max_address_rounds: int = _key(5, "rounds in which an agent mends findings; 0 only looks", _at_least(0))
    on_findings_remaining: Literal["fail", "warn"] = _key("fail", "what findings after the last round mean")
    stet: Literal["auto", "on", "off"] = _key(
        "auto", "use the reviewer `stet`: if it is on PATH, always, or never"
    )
    stet_path: str | None = _key(None, "the program, if it is not `stet` on PATH", _filled)
    stet_start_ref: str | None = _key(
        None, "let it review from this commit on, instead of from where the task's change begins", _filled
    )
    stet_start_extra_args: tuple[_Word, ...] = _key(
        (), "words to add to `stet start`", flag="stet-start-args"
    )
    stet_run_extra_args: tuple[_Word, ...] = _key(
        (), "words to add to `stet rerun`, by which it looks again", flag="stet-run-args"
    )
    stet_disable_llm_triage: bool = _key(
        False, "never take an agent's word for it that a finding of stet is none"
    )
    stet_commands: tuple[_Line, ...] = _key(
        (), "commands instead of stet's own: all of them once, then the last for each look"
    )
    on_stet_fail: Literal["fail", "retry_once", "skip"] = _key(
        "fail", "what a stet that cannot be used means"
    )
    max_output_mb: int = _key(500, "end an attempt that writes more than this to one output", _at_least(1))
    prompts: str | None = _key(
        None, "folder with your own plan.md.j2, execute.md.j2 or address.md.j2", _filled
    )
    normalize_plan: bool = _key(
        False, "let the agent of `plan` rewrite a file that is no plan yet as one", flag="normalize"
    )
    normalize_retry_count: int = _key(
        0,
        "how often it is asked again if its answer is no plan; by `peal draft` twice if not set",
        _at_least(0),
    )
    normalize_prompt_path: str | None = _key(
        None, "file with your own prompt for that; {{DOC}} stands for the document", _filled
    )
    keep_awake: bool = _key(
        True,
        "while a run goes on, keep the machine from going to sleep, where systemd-inhibit or caffeinate can",
    )
    post_run_commands: tuple[_Line, ...] = _key((), "commands to run after a run that ended with 0 or 2")
    post_run_timeout_sec: int | None = _key(
        None, "end such a command after so many seconds; as phase_timeout_sec if not set", _at_least(1)
    )
    run_summary_path: str | None = _key(
        None, "file for the summary of each run; if not set run_summary.json in the plan's folder", _filled
    )
    report_path: str | None = _key(
        None,
        "file for a page about the run, written whenever one ends; `peal report --html` makes one later",
        _filled,
    )
    report_every_sec: int | None = _key(
        None,
        "write that page again every so many seconds while the run goes on; without report_path .peal/report.html",
        _at_least(5),
    )
    github: bool = _key(
        True, "annotate a run in a workflow of GitHub Actions, and add to the summary of its step"
    )
    pr: Literal["draft", "ready"] | None = _key(
        None,
        "after a run that ended with 0 or 2, push its branch and open a pull request, as a draft or ready for review; with 2 a draft",
    )
    pr_costs: bool = _key(False, "tell tokens and dollars in the pull request")
    log_level: Literal["debug", "info", "warning", "error"] = _key("info", "what goes into peal.log")
    log_file: str | None = _key(
        None, "a second file for the lines of peal.log; runs are added at its end", _filled
    )
    phases: dict[_PhaseName, PhaseSettings] = field(factory=dict, metadata={"help": "what differs by phase"})
    machines: dict[_MachineName, MachineSettings] = field(
        factory=dict, metadata={"help": "how machines are reached that are not hosts for ssh"}
    )
    agents: dict[_AgentName, AgentSettings] = field(
        factory=dict, metadata={"help": "what differs about a CLI, and commands as agents"}
    )
    prices: dict[_ModelName, PriceSettings] = field(
        factory=dict, metadata={"help": "what tokens cost, by model; `*` stands for any letters"}
    )
    verify_from_plan: bool = _key(
        False, "let the commands that a plan says verify a task review it, run through `sh -c`"
    )
    reviewers: tuple[ReviewerSettings, ...] = _key((), "commands that look for something to mend")
    stet_dismiss_patterns: tuple[StetPatternSettings, ...] = _key(
        (), "findings of stet that are passed over without asking anybody"
    )
    backlog: BacklogSettings = field(factory=BacklogSettings, metadata={"help": "where the backlog is"})
    pipelines: dict[_PipelineName, PipelineSettings] = field(
        factory=dict, metadata={"help": "the phases of a backlog's items"}
    )
    guardrails: GuardrailSettings = field(
        factory=GuardrailSettings, metadata={"help": "what an item may be at most"}
    )
    execution: ExecutionSettings = field(
        factory=ExecutionSettings, metadata={"help": "how items are worked on"}
    )
    notify: NotifySettings = field(
        factory=NotifySettings, metadata={"help": "who is told when a run ends, or waits for a person"}
    )
    origins: dict[str, str] = field(factory=dict, eq=False, metadata={"internal": True})
    """Where each key that is not at its default came from."""

    @property
    def least_plan(self) -> int:
        """Letters that the reply of `plan` has to have; 0 if nobody asks."""
        return (self.min_plan_text_len or 1) if self.validate_plan_text else 0

    def phase(self, phase: str) -> PhaseSettings:
        """What was set for this phase alone."""
        return self.phases.get(phase, PhaseSettings())


_TABLES = (
    "phases", "agents", "machines", "prices", "reviewers", "stet_dismiss_patterns", "backlog", "pipelines", "guardrails", "execution",
    "notify",
)  # fmt: skip


def keys(of: type = Settings) -> "tuple[Attribute[Any], ...]":
    """The keys of a settings class, in the order they are documented."""
    return tuple(key for key in fields(of) if not key.metadata.get("internal"))


def scalars() -> "tuple[Attribute[Any], ...]":
    """The keys that have a flag and a variable: those outside of tables, and lists that say how a text is one."""
    return tuple(key for key in keys() if key.name not in _TABLES and key.type != tuple[str, ...])


def flag_of(key: "Attribute[Any]") -> str:
    """The key's flag without its dashes."""
    return key.metadata.get("flag") or key.name.replace("_", "-")


def default(key: "Attribute[Any]") -> Any:
    """A key's default, with empty tables and lists as such; NOTHING for one that has to be set."""
    return getattr(key.default, "factory", lambda: key.default)()
