"""OpenCode: `opencode run` with events in JSON."""

import json
import re
from datetime import datetime
from typing import Any

from attrs import field

from peal.agents import json_lines
from peal.agents.faults import complains, is_limit, trouble
from peal.agents.protocol import ANY_MODEL, Cli, Request, Sign, Transcript
from peal.agents.reset_times import seconds_or_milliseconds, told_by_header
from peal.agents.said import at, error, tool, words, wrong
from peal.classes import define
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage

_READ_ONLY = {"edit": "deny", "bash": "deny"}
_LIMITED = {"edit": "allow", "bash": "deny", "external_directory": "deny"}
_DENIED = ("prevents you from using this specific tool call", "rejected permission to use this")
_FAILURE = re.compile(
    r'(?:timestamp=(\S+) )?level=ERROR\b.*\bmessage="stream error".*\berror\.error="((?:[^"\\]|\\.)*)"'
)


def argv(request: Request) -> list[str]:
    """
    Its log goes to stderr, errors only: of a usage limit it tells nobody else, and waits for it to end.

    It is told where to work, since it believes the variable PWD rather than the folder that it was started in.
    `limited` is the agent that builds, without `--auto` and without a shell (see `env`).
    """
    words = ["run", "--format", "json", "--print-logs", "--log-level", "ERROR"]
    words += ["--dir", str(request.workspace)]
    if request.model:
        words += ["-m", request.model]
    if request.session:
        words += ["--session", request.session]
    if not request.may_write:
        return [*words, "--agent", "plan"]
    words += ["--agent", "build"]
    return words if request.permissions == "limited" else [*words, "--auto"]


def env(request: Request) -> dict[str, str]:
    """
    Permissions on top of all configuration: its agent `plan` is kept from editing, but not from writing by a shell.

    They are told for everybody and for the agent, since a repository's own settings for an agent go before those for
    everybody. Who has set OPENCODE_CONFIG_CONTENT is without it in a plan and in `limited`, where ours takes its place;
    what `env` in [agents.opencode] says takes the place of ours.
    """
    ours = {"OPENCODE_DISABLE_AUTOUPDATE": "1"}
    if not request.may_write:
        return {**ours, "OPENCODE_CONFIG_CONTENT": _overlay("plan", _READ_ONLY)}
    if request.permissions == "limited":
        return {**ours, "OPENCODE_CONFIG_CONTENT": _overlay("build", _LIMITED)}
    return ours


def _overlay(agent: str, permission: dict[str, str]) -> str:
    return json.dumps({"permission": permission, "agent": {agent: {"permission": permission}}})


@define
class _Gathered:
    session: str = ""
    message: str = ""
    """The id of the message that `texts` are of: the last."""
    texts: list[str] = field(factory=list)
    error: dict[str, Any] = field(factory=dict)
    reason: str = ""
    """Why the last step ended; empty while it goes on."""
    usage: Usage = field(factory=Usage)
    refusals: list[str] = field(factory=list)
    at: float = 0.0
    """When its last event was, in wall-clock seconds."""

    def add(self, event: dict[str, Any]) -> None:
        """Take in what an event tells."""
        self.at = seconds_or_milliseconds(json_lines.number(event, "timestamp")) or self.at
        self.session = json_lines.text(event, "sessionID") or self.session
        part = json_lines.inner(event, "part")
        match event.get("type"):
            case "step_start":
                self.reason, self.error = "", {}
            case "text":
                if json_lines.text(part, "messageID") != self.message:
                    self.message, self.texts = json_lines.text(part, "messageID"), []
                self.texts.append(json_lines.text(part, "text"))
            case "tool_use":
                state = json_lines.inner(part, "state")
                if any(words in json_lines.text(state, "error") for words in _DENIED):
                    self.refusals.append(
                        json_lines.use(json_lines.text(part, "tool"), json_lines.inner(state, "input"))
                    )
            case "step_finish":
                self.reason = json_lines.text(part, "reason")
                self.usage = _sum(self.usage, part)
            case "error":
                self.error = json_lines.inner(event, "error") or {"name": "an error without words"}


def _sum(before: Usage, part: dict[str, Any]) -> Usage:
    """With the tokens of one more step; thoughts are told apart from the rest of the output."""
    tokens, cache = json_lines.inner(part, "tokens"), json_lines.inner(part, "tokens", "cache")
    cost = json_lines.amount(part, "cost")
    return Usage(
        "",
        before.input + json_lines.number(tokens, "input"),
        before.cached + json_lines.number(cache, "read"),
        before.written + json_lines.number(cache, "write"),
        before.output + json_lines.number(tokens, "output") + json_lines.number(tokens, "reasoning"),
        before.cost if cost is None else cost + (before.cost or 0.0),
    )


def read(transcript: Transcript) -> Reply:
    """It has no last event: the last step tells by its reason that it was the last. The reply is the last message."""
    found = _Gathered()
    for event in json_lines.events(transcript.stdout):
        found.add(event)
    said = "".join(found.texts)
    return Reply(
        said,
        session=found.session,
        usage=(found.usage,) if found.usage.tokens else (),
        trouble=_trouble(said, found, transcript),
        is_finished=bool(found.error) or found.reason not in ("", "tool-calls"),
        refusals=tuple(found.refusals),
    )


def _trouble(said: str, found: _Gathered, transcript: Transcript) -> Trouble | None:
    if found.error:
        return _reported(found.error, transcript.at)
    if found.reason == "stop":
        return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")
    if found.reason not in ("", "tool-calls"):
        return Trouble(Fault.FAILED, f"it stopped in the middle: {found.reason}")
    failures = _FAILURE.findall(transcript.stderr)
    if failures and (not found.session or _moment(failures[-1][0]) > found.at):
        return trouble(failures[-1][1], transcript.at)
    return None if found.session else complains(transcript.stderr, transcript.at)


def _moment(words: str) -> float:
    """A time as the log has it; the beginning of time if there is none."""
    try:
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _reported(error: dict[str, Any], at: float) -> Trouble:
    data, name = json_lines.inner(error, "data"), json_lines.text(error, "name")
    message = json_lines.text(data, "message") or name
    if name == "ContextOverflowError":
        return Trouble(Fault.TOO_LONG, message)
    wait = json_lines.text(json_lines.inner(data, "responseHeaders"), "retry-after")
    return trouble(message, at, json_lines.number(data, "statusCode") or None, told_by_header(wait, at))


def sign(line: str) -> Sign | None:
    """A usage limit it would wait for, however long that takes. Only the newest versions tell that they are done."""
    if line.startswith('{"type":"done"'):
        return Sign.LAST
    failure = None if line.startswith("{") else _FAILURE.search(line)
    return Sign.STUCK if failure and is_limit(failure[2]) else None


def _used(event: dict[str, Any]) -> str:
    """A tool, which it tells of when that is over."""
    state = at(event, "part", "state")
    used = tool(words(event, "part", "tool"), at(state, "input"))
    return "\n".join(filter(None, (used, error(words(state, "error")))))


def _text(event: dict[str, Any]) -> str:
    return words(event, "part", "text")


_SETTINGS = (
    "opencode.json", "opencode.jsonc", "config.json", "AGENTS.md", "agent", "agents", "command", "commands", "plugin", "plugins",
    "skill", "skills", "tool", "tools", "mode", "modes", "themes", "node_modules", "package.json", "bun.lock",
)  # fmt: skip
"""In the folder of its settings; for the first time it writes a `.gitignore` there, and cannot do without."""

OPENCODE = Cli(
    name="opencode",
    programs=("opencode",),
    tested="1.18.33",
    argv=argv,
    read=read,
    says={"error": wrong, "text": _text, "tool_use": _used},
    env=env,
    sign=sign,
    helps=(("run", "--help"),),
    flags=("--format", "--print-logs", "--log-level", "--dir", "-m", "--session", "--agent", "--auto"),
    reports_cost=True,
    state=(
        StateFolder(".local/share/opencode", "XDG_DATA_HOME", "opencode", settings=("bin",)),
        StateFolder(".local/state/opencode", "XDG_STATE_HOME", "opencode"),
        StateFolder(".cache/opencode", "XDG_CACHE_HOME", "opencode", settings=("bin", "node_modules")),
        StateFolder(".config/opencode", "XDG_CONFIG_HOME", "opencode", settings=_SETTINGS),
    ),
    variables=ANY_MODEL,
    login="run `opencode auth login`",
    install="npm install -g opencode-ai",
)
