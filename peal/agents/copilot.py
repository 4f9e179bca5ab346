"""GitHub Copilot CLI: `copilot` with events in JSON, the prompt on stdin."""

from typing import Any

from attrs import field

from peal.agents import json_lines
from peal.agents.faults import complains, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.said import at, error, tool, words, wrong
from peal.classes import define
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble

_STATUS = {"authentication": 401, "authorization": 403, "quota": 402, "rate_limit": 429}
"""What its kinds of error would be in HTTP, which it does not always tell."""


def argv(request: Request) -> list[str]:
    """
    `limited` lets it write files in the workspace; what else wants to be approved, such as a shell, is denied.

    A session that began with a plan stays in plan mode, where nothing can be written, unless the mode is told anew.
    """
    words = ["--output-format", "json", "--no-color", "--no-auto-update", "--no-ask-user"]
    if request.model:
        words += ["--model", request.model]
    if request.session:
        words += [f"--resume={request.session}"]
    if not request.may_write:
        return [*words, "--plan"]
    if request.session:
        words += ["--mode", "interactive"]
    return [*words, "--allow-tool=write" if request.permissions == "limited" else "--allow-all"]


def env(request: Request) -> dict[str, str]:
    """Where not everything is permitted, neither by a variable that a person may have set for other times."""
    return {} if request.may_write and request.permissions == "full" else {"COPILOT_ALLOW_ALL": "false"}


@define
class _Gathered:
    said: str = ""
    error: dict[str, Any] = field(factory=dict)
    """What went wrong and was not got over."""
    retry: str = ""
    """Why it tries a request again."""
    result: dict[str, Any] = field(factory=dict)
    tools: dict[str, str] = field(factory=dict)
    """What each use of a tool is, by its id."""
    refusals: list[str] = field(factory=list)
    is_begun: bool = False

    def add(self, event: dict[str, Any]) -> None:
        """Take in what an event tells."""
        data = json_lines.inner(event, "data")
        self.is_begun = True
        match event.get("type"):
            case "assistant.message":
                self.error, self.retry = {}, ""
                self.said = json_lines.text(data, "content") or self.said
            case "tool.execution_start":
                name, given = json_lines.text(data, "toolName"), json_lines.inner(data, "arguments")
                self.tools[json_lines.text(data, "toolCallId")] = json_lines.use(name, given)
            case "tool.execution_complete":
                if json_lines.inner(data, "error").get("code") == "denied":
                    self.refusals.append(self.tools.get(json_lines.text(data, "toolCallId"), "a tool"))
            case "session.info" if data.get("infoType") == "model_retry":
                self.retry = json_lines.text(data, "message")
            case "session.error":
                self.error = data
            case "result":
                self.result = event


def read(transcript: Transcript) -> Reply:
    """The last message that says something counts. The session's id is told at the very end, the tokens not at all."""
    found = _Gathered()
    for event in json_lines.events(transcript.stdout):
        found.add(event)
    return Reply(
        found.said,
        session=json_lines.text(found.result, "sessionId"),
        trouble=_trouble(found, transcript),
        is_finished=bool(found.result),
        refusals=tuple(found.refusals),
    )


def _trouble(found: _Gathered, transcript: Transcript) -> Trouble | None:
    at = transcript.at
    if found.error:
        kind = json_lines.text(found.error, "errorType")
        status = json_lines.number(found.error, "statusCode") or _STATUS.get(kind)
        return trouble(json_lines.text(found.error, "message") or kind, at, status)
    if code := json_lines.number(found.result, "exitCode"):
        return complains(transcript.stderr, at) or Trouble(Fault.FAILED, f"it ended with exit code {code}")
    if found.result:
        return None if found.said.strip() else Trouble(Fault.FAILED, "it replied nothing")
    if found.retry:
        return trouble(found.retry, at, 503)
    return None if found.is_begun else complains(transcript.stderr, at)


def sign(line: str) -> Sign | None:
    """After its result it ends."""
    return Sign.LAST if line.startswith('{"type":"result"') else None


def _message(event: dict[str, Any]) -> str:
    return words(event, "data", "content")


def _used(event: dict[str, Any]) -> str:
    return tool(words(event, "data", "toolName"), at(event, "data", "arguments"))


def _failed(event: dict[str, Any]) -> str:
    return error(words(event, "data", "error", "message"))


COPILOT = Cli(
    name="copilot",
    programs=("copilot",),
    tested="1.0.102",
    argv=argv,
    read=read,
    says={
        "assistant.message": _message,
        "tool.execution_start": _used,
        "tool.execution_complete": _failed,
        "session.error": wrong,
    },
    env=env,
    sign=sign,
    flags=(
        "--output-format", "--no-color", "--no-auto-update", "--no-ask-user", "--model", "--resume", "--plan", "--mode",
        "--allow-tool", "--allow-all",
    ),
    reports_usage=False,
    state=(StateFolder(".copilot", "COPILOT_HOME", settings=(
        "mcp-config.json", "config.json", "settings.json", "agents", "hooks",
    )),),
    variables=("COPILOT_*", "GH_TOKEN", "GITHUB_TOKEN"),
    login="run `copilot login`, or set COPILOT_GITHUB_TOKEN",
    install="npm install -g @github/copilot",
)  # fmt: skip
