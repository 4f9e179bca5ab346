"""Codex: `codex exec` with events in JSON."""

from typing import Any

from peal.agents import json_lines
from peal.agents.faults import complains, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.said import at, error, tool, words, wrong
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage

_WAITS = "Reconnecting... waiting for network"


def argv(request: Request) -> list[str]:
    """
    A plan and `limited` work in the CLI's own sandbox; `limited` writes in the workspace and in temporary folders, and
    not in `.git`.

    Where a sandbox of peal's stands around it that is enough, and often no second one can be made inside.

    To go on in a session it has no flag for the sandbox and does not keep the one of before, so the setting is told.
    """
    sandbox = "workspace-write" if request.may_write else "read-only"
    words = ["exec", "resume"] if request.session else ["exec"]
    words += ["--json", "--skip-git-repo-check"]
    if request.model:
        words += ["-m", request.model]
    if request.is_confined or (request.may_write and request.permissions == "full"):
        words += ["--dangerously-bypass-approvals-and-sandbox"]
    elif request.session:
        words += ["-c", f'sandbox_mode="{sandbox}"']
    else:
        words += ["-s", sandbox]
    return [*words, request.session, "-"] if request.session else [*words, "-"]


def read(transcript: Transcript) -> Reply:
    """The last message counts. An error that anything else follows was got over; the last one of all was not."""
    session = said = error = ""
    end: dict[str, Any] = {}
    refusals = []
    for event in json_lines.events(transcript.stdout):
        item = json_lines.inner(event, "item")
        match event.get("type"), item.get("type"):
            case "thread.started", _:
                session = json_lines.text(event, "thread_id") or session
            case "error", _:
                error = json_lines.text(event, "message")
            case "item.completed", "error":
                pass  # a warning, such as of a model that it does not know
            case (("item.started" | "item.updated" | "item.completed"), kind):
                error = ""
                if kind == "agent_message":
                    said = json_lines.text(item, "text")
                if item.get("status") == "declined":
                    refusals.append(json_lines.use(str(kind), item))
            case (("turn.completed" | "turn.failed"), _):
                end = event
    return Reply(
        said,
        session=session,
        usage=_usage(json_lines.inner(end, "usage")),
        counts_session=True,
        trouble=_trouble(said, error, end, transcript),
        is_finished=bool(end),
        refusals=tuple(refusals),
    )


def _usage(usage: dict[str, Any]) -> tuple[Usage, ...]:
    """Its input tokens include those of the cache, its output tokens the thoughts."""
    if not usage:
        return ()
    cached = json_lines.number(usage, "cached_input_tokens")
    written = json_lines.number(usage, "cache_write_input_tokens")
    fresh = max(0, json_lines.number(usage, "input_tokens") - cached - written)
    return (Usage("", fresh, cached, written, json_lines.number(usage, "output_tokens")),)


def _trouble(said: str, error: str, end: dict[str, Any], transcript: Transcript) -> Trouble | None:
    if end.get("type") == "turn.completed":
        return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")
    if error := json_lines.text(json_lines.inner(end, "error"), "message") or error:
        return trouble(error, transcript.at)
    if end:
        return Trouble(Fault.FAILED, "the turn failed, and it does not say why")
    return complains(transcript.stderr, transcript.at)


def sign(line: str) -> Sign | None:
    """A turn is all it does. Without a network it tries for ever."""
    if line.startswith(('{"type":"turn.completed"', '{"type":"turn.failed"')):
        return Sign.LAST
    return Sign.STUCK if line.startswith('{"type":"error"') and _WAITS in line else None


def _item(event: dict[str, Any]) -> str:
    """codex tells of a command when it begins, and of everything when it is over."""
    item, is_over = at(event, "item"), words(event, "type") == "item.completed"
    match words(item, "type"):
        case "command_execution":
            status = at(item, "exit_code")
            failed = error(f"exit status {status}") if is_over and status else ""
            return failed if is_over else tool("", item)
        case "file_change":
            changes = at(item, "changes")
            paths = [words(one, "path") for one in changes] if isinstance(changes, list) else []
            return f"changes {', '.join(filter(None, paths))}" if is_over else ""
        case "agent_message":
            return words(item, "text") if is_over else ""
        case "error":
            return words(item, "message") if is_over else ""
        case "mcp_tool_call" | "web_search" as kind:
            return tool(words(item, "tool") or kind, {"query": at(item, "query")}) if is_over else ""
    return ""


CODEX = Cli(
    name="codex",
    programs=("codex",),
    tested="0.169.0",
    argv=argv,
    read=read,
    says={"item.started": _item, "item.completed": _item, "turn.failed": wrong},
    sign=sign,
    helps=(("exec", "--help"), ("exec", "resume", "--help")),
    flags=("--json", "--skip-git-repo-check", "-m", "-s", "-c", "--dangerously-bypass-approvals-and-sandbox"),
    state=(StateFolder(".codex", "CODEX_HOME", settings=(
        "config.toml", "AGENTS.md", "prompts", "skills", "rules", "hooks.json", "plugins", "packages",
    )),),
    variables=("OPENAI_*", "CODEX_*"),
    login="run `codex login`, or set OPENAI_API_KEY",
    install="npm install -g @openai/codex",
)  # fmt: skip
