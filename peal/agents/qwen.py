"""Qwen Code: `qwen` with a stream of JSON like Claude Code's, the prompt on stdin."""

from typing import Any

from peal.agents import json_lines
from peal.agents.claude import refusals, result_said
from peal.agents.faults import complains, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.said import message, refused
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage

_ERROR_API = "[API Error"
_WRITERS = ("edit", "write_file")
_SHELLS = ("run_shell_command", "monitor")


def argv(request: Request) -> list[str]:
    """
    `limited` lets it edit files and gives it no shell. How it logs in is left to the person's own settings.

    What it must not use is taken from it by name: its modes give way to what the settings of the repository permit.
    """
    words = ["-o", "stream-json"]
    if request.model:
        words += ["-m", request.model]
    if request.session:
        words += ["--resume", request.session]
    if not request.may_write:
        return [*words, "--approval-mode", "plan", *_without(*_WRITERS, *_SHELLS)]
    if request.permissions == "limited":
        return [*words, "--approval-mode", "auto-edit", *_without(*_SHELLS)]
    return [*words, "--approval-mode", "yolo"]


def _without(*tools: str) -> list[str]:
    return [f"--exclude-tools={tool}" for tool in tools]


def read(transcript: Transcript) -> Reply:
    """The last `result` counts; an error of the service stands in it as if the model had said it, and nothing is flagged."""
    session = folder = model = ""
    result: dict[str, Any] = {}
    for event in json_lines.events(transcript.stdout):
        session = json_lines.text(event, "session_id") or session
        match event.get("type"), event.get("subtype"):
            case "system", "init":
                folder = json_lines.text(event, "cwd") or folder
                model = json_lines.text(event, "model") or model
            case "result", _:
                result = event
    return Reply(
        json_lines.text(result, "result"),
        session=session,
        usage=_usage(model, json_lines.inner(result, "usage")),
        counts_session=True,
        trouble=_trouble(result, session, transcript),
        is_finished=bool(result),
        refusals=refusals(result),
        folder=folder,
    )


def _usage(model: str, usage: dict[str, Any]) -> tuple[Usage, ...]:
    """Of the whole session, gone on in or not; its input tokens include those of the cache."""
    cached = json_lines.number(usage, "cache_read_input_tokens")
    fresh = max(0, json_lines.number(usage, "input_tokens") - cached)
    used = Usage(model, fresh, cached, 0, json_lines.number(usage, "output_tokens"))
    return (used,) if used.tokens else ()


def _trouble(result: dict[str, Any], session: str, transcript: Transcript) -> Trouble | None:
    said = json_lines.text(result, "result")
    if not result:
        return None if session else complains(transcript.stderr, transcript.at)
    if result.get("is_error") or said.startswith(_ERROR_API):
        words = json_lines.text(json_lines.inner(result, "error"), "message") or said
        return trouble(words or json_lines.text(result, "subtype"), transcript.at)
    return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")


def sign(line: str) -> Sign | None:
    """
    After its result it may still ask the model what to remember, which nobody waits for.

    While it is kept waiting by a limit it says nothing for minutes; how often it tries is a matter of its settings file
    alone, so this is left to the idle clock.
    """
    return Sign.LAST if line.startswith('{"type":"result"') else None


QWEN = Cli(
    name="qwen",
    programs=("qwen",),
    tested="0.15.10",
    argv=argv,
    read=read,
    says={"assistant": message, "user": refused, "result": result_said},
    sign=sign,
    flags=("-o", "-m", "--resume", "--approval-mode", "--exclude-tools"),
    state=(StateFolder(".qwen", settings=("settings.json", "QWEN.md", "commands", "extensions", ".env")),),
    secrets=(".env",),
    variables=("QWEN_*", "DASHSCOPE_*", "OPENAI_*"),
    login="run `qwen auth`, or set OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL",
    install="npm install -g @qwen-code/qwen-code",
)
