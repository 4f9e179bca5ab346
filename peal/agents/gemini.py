"""Gemini CLI: `gemini` with a stream of JSON, the prompt on stdin."""

import re
from typing import Any

from attrs import field

from peal.agents import json_lines
from peal.agents.faults import complains, complaint, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.said import at, error, tool, words, wrong
from peal.classes import define
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage

_ATTEMPT = re.compile(r"^Attempt (\d+) failed", re.MULTILINE)
_RETRY = re.compile(r"^Attempt \d+ failed(?P<words>[^\n]*(?:\n(?:Suggested|\{)[^\n]*)?)", re.MULTILINE)
_PATIENCE = 4
"""Failed attempts at one request after which it is better asked again later: it goes on in steps of half a minute."""
_ERROR_API = "[API Error"
_BY_EXIT_CODE = {
    41: Fault.UNAUTHENTICATED,
    42: Fault.FAILED,  # the input, such as a session that there is not
    44: Fault.MISCONFIGURED,  # its sandbox
    52: Fault.MISCONFIGURED,  # its settings
    53: Fault.FAILED,  # too many turns
    54: Fault.FAILED,  # a tool that cannot be got over
}


_POLICY = "policy.toml"
_READ_ONLY = """\
[[rule]]
toolName = ["run_shell_command", "write_file", "replace"]
decision = "deny"
priority = 999
"""


def argv(request: Request) -> list[str]:
    """
    `limited` lets it edit files and gives it no shell. Without the trust it would not start in a new workspace.

    Its modes give way to `tools.allowed` in the settings of the person or the repository, even in a plan.
    """
    modes = {"full": "yolo", "limited": "auto_edit"}
    words = ["-o", "stream-json", "--skip-trust"]
    if request.model:
        words += ["-m", request.model]
    if request.session:
        words += ["--resume", request.session]
    if request.may_write:
        return [*words, "--approval-mode", modes[request.permissions]]
    return [*words, "--approval-mode", "plan", "--policy", f"{{folder}}/{_POLICY}"]


def files(request: Request) -> dict[str, str]:
    """What a plan is denied, whatever the repository's own settings allow: its mode gives way to those."""
    return {} if request.may_write else {_POLICY: _READ_ONLY}


@define
class _Gathered:
    session: str = ""
    texts: list[str] = field(factory=list)
    """What it said since its last use of a tool."""
    tools: dict[str, str] = field(factory=dict)
    """What each use of a tool is, by its id."""
    refusals: list[str] = field(factory=list)
    result: dict[str, Any] = field(factory=dict)
    is_answered: bool = False
    """The model has said or wanted something."""

    def add(self, event: dict[str, Any]) -> None:
        """Take in what an event tells."""
        match event.get("type"), event.get("role"):
            case "init", _:
                self.session = json_lines.text(event, "session_id") or self.session
            case "message", "assistant":
                self.is_answered = True
                self.texts.append(json_lines.text(event, "content"))
            case "tool_use", _:
                self.is_answered = True
                name, given = json_lines.text(event, "tool_name"), json_lines.inner(event, "parameters")
                self.tools[json_lines.text(event, "tool_id")] = json_lines.use(name, given)
            case "tool_result", _:
                self.texts = []
                if json_lines.inner(event, "error").get("type") == "policy_violation":
                    self.refusals.append(self.tools.get(json_lines.text(event, "tool_id"), "a tool"))
            case "result", _:
                self.result = event


def read(transcript: Transcript) -> Reply:
    """What it says after its last tool, and what its result tells."""
    found = _Gathered()
    for event in json_lines.events(transcript.stdout):
        found.add(event)
    said = "".join(found.texts)
    return Reply(
        said,
        session=found.session,
        usage=_usage(json_lines.inner(found.result, "stats")),
        trouble=_trouble(said, found, transcript),
        is_finished=bool(found.result),
        refusals=tuple(found.refusals),
    )


def _usage(stats: dict[str, Any]) -> tuple[Usage, ...]:
    """By model: it may pick one for each request. Of models that answered nothing nothing is told."""
    models = json_lines.inner(stats, "models")
    return tuple(used for name in models if (used := _of_model(name, json_lines.inner(models, name))).tokens)


def _of_model(name: str, stats: dict[str, Any]) -> Usage:
    """Its input tokens include those of the cache. Thoughts are in neither figure: what is left of the total is theirs."""
    taken, cached = json_lines.number(stats, "input_tokens"), json_lines.number(stats, "cached")
    written = max(json_lines.number(stats, "output_tokens"), json_lines.number(stats, "total_tokens") - taken)
    return Usage(name, max(0, taken - cached), cached, 0, written)


def _trouble(said: str, found: _Gathered, transcript: Transcript) -> Trouble | None:
    code, at = transcript.exit_code, transcript.at
    status = code + 256 if 144 <= code < 256 else None  # that of HTTP, cut to a byte
    if not found.result:
        return _cut_off(found, transcript, status)
    if found.result.get("status") != "success":
        words = (
            json_lines.text(json_lines.inner(found.result, "error"), "message") or "an error without words"
        )
        return _by_code(code, words) or trouble(words, at, status)
    if said.startswith(_ERROR_API):
        return trouble(said, at, status)
    return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")


def _cut_off(found: _Gathered, transcript: Transcript, status: int | None) -> Trouble | None:
    """It ended without a result; once it was running, only these lines on stderr are more than chatter."""
    retries = _RETRY.findall(transcript.stderr)
    if retries and (not found.is_answered or _is_patience_over(transcript.stderr)):
        return trouble(f"attempts failed{retries[-1]}", transcript.at)
    words = complaint(transcript.stderr)
    if status is not None:
        return trouble(words, transcript.at, status)
    if told := _by_code(transcript.exit_code, words):
        return told
    return None if found.session else complains(transcript.stderr, transcript.at)


def _by_code(code: int, words: str) -> Trouble | None:
    fault = _BY_EXIT_CODE.get(code)
    return Trouble(fault, words or f"exit code {code}") if fault else None


def _is_patience_over(text: str) -> bool:
    attempts = _ATTEMPT.findall(text)
    return bool(attempts) and len(attempts[-1]) < 9 and int(attempts[-1]) >= _PATIENCE


def sign(line: str) -> Sign | None:
    """After its result it ends. A request that fails again and again it repeats for minutes, and tells of on stderr."""
    if line.startswith('{"type":"result"'):
        return Sign.LAST
    return Sign.STUCK if line.startswith("Attempt ") and _is_patience_over(line) else None


def _used(event: dict[str, Any]) -> str:
    """A tool, which it tells of before it is used."""
    return tool(words(event, "tool_name"), at(event, "parameters"))


def _failed(event: dict[str, Any]) -> str:
    return error(words(event, "error", "message")) if at(event, "status") == "error" else ""


def _message(event: dict[str, Any]) -> str:
    return words(event, "content") if words(event, "role") == "assistant" else ""


GEMINI = Cli(
    name="gemini",
    programs=("gemini",),
    tested="0.61.0",
    argv=argv,
    read=read,
    says={"error": wrong, "tool_use": _used, "tool_result": _failed, "message": _message, "result": _failed},
    files=files,
    sign=sign,
    flags=("-o", "--skip-trust", "-m", "--resume", "--approval-mode", "--policy"),
    state=(
        StateFolder(
            ".gemini",
            "GEMINI_CLI_HOME",
            ".gemini",
            settings=("settings.json", "GEMINI.md", "commands", "extensions", "policies", ".env"),
        ),
    ),
    secrets=(".env",),
    variables=("GEMINI_*", "GOOGLE_*"),
    login="run `gemini` and log in there, or set GEMINI_API_KEY",
    install="npm install -g @google/gemini-cli",
)
