"""Cursor's CLI: `cursor-agent -p` with a stream of JSON."""

from typing import Any

from peal.agents import json_lines
from peal.agents.claude import result_said
from peal.agents.faults import complains, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.said import at, message, refused, tool, words
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage


def argv(request: Request) -> list[str]:
    """
    A plan is its own read-only mode.

    `limited` goes without `--force`: it edits files, and runs only those commands that the person's allow-list has; old
    versions only propose the edits then.
    """
    words = ["-p", "--trust", "--output-format", "stream-json"]
    if request.model:
        words += ["--model", request.model]
    if request.session:
        words += ["--resume", request.session]
    if not request.may_write:
        return [*words, "--mode", "plan"]
    return words if request.permissions == "limited" else [*words, "--force"]


def read(transcript: Transcript) -> Reply:
    """What it says after its last use of a tool is the reply: its `result` strings together all it ever said."""
    session = folder = model = said = ""
    result: dict[str, Any] = {}
    refusals: list[str] = []
    seen = False
    for event in json_lines.events(transcript.stdout):
        seen = True
        session = json_lines.text(event, "session_id") or session
        match event.get("type"):
            case "system":
                folder = json_lines.text(event, "cwd") or folder
                model = json_lines.text(event, "model") or model
            case "assistant":
                parts = json_lines.objects(json_lines.inner(event, "message"), "content")
                said += "".join(json_lines.text(part, "text") for part in parts)
            case "tool_call":
                said = ""
                refusals += _refusals(json_lines.inner(event, "tool_call"))
            case "result":
                result = event
    said = said or json_lines.text(result, "result")
    return Reply(
        said,
        session=session,
        usage=_usage(model, json_lines.inner(result, "usage")),
        trouble=_trouble(said, result, transcript, seen),
        is_finished=bool(result),
        refusals=tuple(refusals),
        folder=folder,
    )


def _refusals(call: dict[str, Any]) -> list[str]:
    """A call's only key says what was called; its result has one key, which says how it ended."""
    return [
        json_lines.use(name.removesuffix("ToolCall"), {**json_lines.inner(call, name, "args"), **rejected})
        for name in call
        if (rejected := json_lines.inner(call, name, "result", "rejected"))
    ]


def _usage(model: str, usage: dict[str, Any]) -> tuple[Usage, ...]:
    """Of this run alone; what came from the cache is told apart."""
    if not usage:
        return ()
    keys = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens")
    return (Usage(model, *(json_lines.number(usage, key) for key in keys)),)


def _trouble(said: str, result: dict[str, Any], transcript: Transcript, seen: bool) -> Trouble | None:
    if not result:
        # what went wrong before the session is no JSON, and not always on stderr
        return complains(transcript.stderr, transcript.at) or (
            None if seen else complains(transcript.text, transcript.at)
        )
    if result.get("is_error") or json_lines.text(result, "subtype") not in ("", "success"):
        words = (
            json_lines.text(result, "result")
            or json_lines.text(result, "error")
            or json_lines.text(result, "subtype")
        )
        return trouble(words, transcript.at)
    return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")


def sign(line: str) -> Sign | None:
    """After its result it ends; now and then it does not."""
    return Sign.LAST if line.startswith('{"type":"result"') else None


def is_its(name: str, path: str) -> bool:
    """`agent` is what other makers call theirs too; Cursor's is a link into a folder with its name."""
    return name != "agent" or "cursor" in path.lower()


def _called(event: dict[str, Any]) -> str:
    """A tool of cursor: `{"shellToolCall": {"args": {...}}}`."""
    calls = at(event, "tool_call")
    if words(event, "subtype") != "started" or not isinstance(calls, dict):
        return ""
    return "\n".join(tool(name.removesuffix("ToolCall"), at(call, "args")) for name, call in calls.items())


CURSOR = Cli(
    name="cursor",
    programs=("cursor-agent", "agent"),
    tested="",
    argv=argv,
    read=read,
    says={"assistant": message, "user": refused, "result": result_said, "tool_call": _called},
    sign=sign,
    flags=("-p", "--trust", "--output-format", "--model", "--resume", "--mode", "--force"),
    state=(
        StateFolder(".cursor", settings=("mcp.json", "rules", "hooks.json", "commands", "extensions")),
        StateFolder(".config/cursor", "XDG_CONFIG_HOME", "cursor"),
    ),
    variables=("CURSOR_*",),
    login="run `cursor-agent login`, or set CURSOR_API_KEY",
    install="curl https://cursor.com/install -fsS | bash",
    is_its=is_its,
)
