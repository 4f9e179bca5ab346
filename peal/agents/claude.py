"""Claude Code: `claude -p` with a stream of JSON."""

from typing import Any

from peal.agents import json_lines
from peal.agents.faults import complains, limited, trouble
from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.agents.reset_times import told_as_number
from peal.agents.said import at, error, message, refused, words
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage
from peal.text.display import duration

_RETRIES = "3"
"""The CLI's own tries of a request; it has ten by default, and tries a wrong key as often."""


def argv(request: Request) -> list[str]:
    """A plan gets no flag that makes bypassing available: with one, the CLI's plan mode writes unasked."""
    words = ["-p", "--output-format", "stream-json", "--verbose"]
    if request.model:
        words += ["--model", request.model]
    if request.session:
        words += ["--resume", request.session]
    if not request.may_write:
        return [*words, "--permission-mode", "plan"]
    if request.permissions == "limited":
        return [*words, "--permission-mode", "acceptEdits"]
    return [*words, "--dangerously-skip-permissions"]


def env(request: Request) -> dict[str, str]:
    """Few retries of its own, and no update in the middle; as root it wants to be told that this is meant."""
    ours = {"CLAUDE_CODE_MAX_RETRIES": _RETRIES, "DISABLE_AUTOUPDATER": "1"}
    return {**ours, "IS_SANDBOX": "1"} if request.may_write and request.permissions == "full" else ours


def read(transcript: Transcript) -> Reply:
    """The last `result` counts; a limit is also told by an event of its own, with the second it ends."""
    session = folder = ""
    result: dict[str, Any] = {}
    retry: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    for event in json_lines.events(transcript.stdout):
        session = json_lines.text(event, "session_id") or session
        match event.get("type"), event.get("subtype"):
            case "system", "init":
                folder = json_lines.text(event, "cwd") or folder
            case "system", "api_retry":
                retry = event
            case "assistant", _:
                retry = {}
            case "rate_limit_event", _:
                limit = json_lines.inner(event, "rate_limit_info")  # more often a warning than a limit
            case "result", _:
                result = event
    said = json_lines.text(result, "result")
    return Reply(
        said,
        session=session,
        usage=_usage(result),
        trouble=_trouble(result, retry, limit, transcript),
        is_finished=bool(result),
        refusals=refusals(result),
        folder=folder,
    )


def _usage(result: dict[str, Any]) -> tuple[Usage, ...]:
    """By model; its `inputTokens` leave out what came from the cache and what went into it."""
    by_model = json_lines.inner(result, "modelUsage")
    return tuple(
        Usage(
            model,
            json_lines.number(part, "inputTokens"),
            json_lines.number(part, "cacheReadInputTokens"),
            json_lines.number(part, "cacheCreationInputTokens"),
            json_lines.number(part, "outputTokens"),
            json_lines.amount(part, "costUSD"),
        )
        for model, part in by_model.items()
        if isinstance(part, dict)
    )


def _trouble(
    result: dict[str, Any], retry: dict[str, Any], limit: dict[str, Any], transcript: Transcript
) -> Trouble | None:
    is_limited = limit.get("status") == "rejected"
    ends = json_lines.amount(limit, "resetsAt")
    if not result:
        if is_limited:
            return limited("", transcript.at, told_as_number(ends))
        return _unanswered(retry, transcript.at) if retry else complains(transcript.stderr, transcript.at)
    said = json_lines.text(result, "result") or "; ".join(_texts(result.get("errors")))
    if not result.get("is_error") and not json_lines.text(result, "subtype").startswith("error"):
        return _emptiness(said, result)
    if is_limited:
        return limited(said, transcript.at, told_as_number(ends))
    if result.get("terminal_reason") == "prompt_too_long":
        return Trouble(Fault.TOO_LONG, said)
    status = json_lines.number(result, "api_error_status") or None
    return trouble(said or json_lines.text(result, "subtype"), transcript.at, status)


def _emptiness(said: str, result: dict[str, Any]) -> Trouble | None:
    """A success that is none: a prompt that begins with a slash is a command of its own, for which no model is asked."""
    if result.get("num_turns") == 0 and not result.get("duration_api_ms"):
        return Trouble(Fault.FAILED, f"the model was not asked: {said}")
    return None if said.strip() else Trouble(Fault.FAILED, "it replied nothing")


def _unanswered(retry: dict[str, Any], at: float) -> Trouble:
    """It was ended while it tried a request again; without a status nobody had answered at all."""
    status = json_lines.number(retry, "error_status")
    words = json_lines.text(retry, "error")
    return trouble(f"error {status}: {words}", at, status) if status else trouble("no connection", at, 503)


def _texts(found: Any) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def refusals(result: dict[str, Any]) -> tuple[str, ...]:
    """Each tool that was denied, with what it was to be used on."""
    denials = json_lines.objects(result, "permission_denials")
    return tuple(
        json_lines.use(json_lines.text(one, "tool_name"), json_lines.inner(one, "tool_input"))
        for one in denials
    )


def sign(line: str) -> Sign | None:
    """After its result the CLI ends; now and then it does not."""
    return Sign.LAST if line.startswith('{"type":"result"') else None


def result_said(event: dict[str, Any]) -> str:
    """The last words, or why there are none; of the CLIs that end as claude does."""
    if at(event, "is_error") is not True:
        return words(event, "result")
    errors = at(event, "errors")
    listed = "; ".join(str(one) for one in errors) if isinstance(errors, list) else ""
    return error(words(event, "result") or listed or words(event, "subtype"))


def _waiting(event: dict[str, Any]) -> str:
    if words(event, "subtype") != "api_retry":
        return ""
    wait, status = at(event, "retry_delay_ms"), at(event, "error_status")
    after = f" in {duration(wait / 1000)}" if isinstance(wait, int | float) and 0 < wait < 1e9 else ""
    why = words(event, "error") or "no connection"
    return f"tries again{after}: {why}" + (f" (status {status})" if status else "")


def _limit(event: dict[str, Any]) -> str:
    is_over = words(event, "rate_limit_info", "status") == "rejected"
    return error("usage limit reached") if is_over else ""


CLAUDE = Cli(
    name="claude",
    programs=("claude",),
    tested="2.1.197",
    argv=argv,
    read=read,
    says={
        "assistant": message,
        "user": refused,
        "result": result_said,
        "system": _waiting,
        "rate_limit_event": _limit,
    },
    env=env,
    sign=sign,
    flags=(
        "-p", "--output-format", "--verbose", "--model", "--permission-mode", "--dangerously-skip-permissions",
        "--resume",
    ),
    reports_cost=True,
    state=(StateFolder(".claude", "CLAUDE_CONFIG_DIR", settings=(
        "settings.json", "settings.local.json", "CLAUDE.md", "commands", "agents", "skills", "hooks",
        "plugins", "local", "output-styles",
    )),),
    secrets=(".claude.json",),
    variables=("ANTHROPIC_*", "CLAUDE_*"),
    login="run `claude` and log in there, or set ANTHROPIC_API_KEY",
    install="npm install -g @anthropic-ai/claude-code",
)  # fmt: skip
