"""Aider: `aider --message-file`, which just talks."""

import re

from peal.agents.faults import complains, trouble
from peal.agents.protocol import ANY_MODEL, Cli, Request, Transcript
from peal.model.access import StateFolder
from peal.model.agent import Fault, Reply, Trouble, Usage

_BANNER = re.compile(
    r"^Aider v[^\n]*\n(?:(?:(?:Main |Weak |Editor )?[Mm]odel|Git repo|Repo-map):[^\n]*\n)*", re.MULTILINE
)
_COUNT = re.compile(
    r"^Tokens: (?P<sent>[\d.,]+[kM]?) sent,(?: (?P<written>[\d.,]+[kM]?) cache write,)?"
    r"(?: (?P<cached>[\d.,]+[kM]?) cache hit,)? (?P<received>[\d.,]+[kM]?) received\."
    r"(?:\s+Cost: \$[\d.]+ message, \$(?P<cost>[\d.]+) session\.)?",
    re.MULTILINE,
)
_ERROR = re.compile(
    r"^litellm\.(?P<kind>\w+)(?P<words>.*?)(?=^Retrying in|^litellm\.|^\s*$|\Z)", re.MULTILINE | re.DOTALL
)
_STATUS = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "RateLimitError": 429,
    "APIConnectionError": 503,
    "APIError": 503,
    "InternalServerError": 503,
    "ServiceUnavailableError": 503,
    "Timeout": 503,
}
_MANY = {"k": 1e3, "M": 1e6}


def argv(request: Request) -> list[str]:
    """
    A plan is a question that is answered, and even what it would write is kept from the files.

    Its histories, which it would leave in the workspace, lie beside the prompt. It runs no command of the model's own accord in any case; `limited` keeps it from the repository's linters and tests
    too. It commits nothing, and makes no map of the repository, whose cache it would leave in the workspace.
    """
    words = [
        "--yes-always", "--no-pretty", "--no-stream", "--no-check-update", "--no-show-release-notes", "--no-analytics",
        "--no-gitignore", "--no-show-model-warnings", "--no-detect-urls", "--no-suggest-shell-commands",
        "--no-auto-commits", "--no-dirty-commits", "--map-tokens", "0",
    ]  # fmt: skip
    if request.model:
        words += ["--model", request.model]
    if not request.may_write:
        words += ["--chat-mode", "ask", "--dry-run"]
    if not request.may_write or request.permissions == "limited":
        words += ["--no-auto-lint", "--no-auto-test"]
    beside = request.prompt_file.parent
    words += [
        "--chat-history-file",
        f"{beside}/aider.chat.md",
        "--input-history-file",
        f"{beside}/aider.input",
    ]
    return [*words, "--message-file", str(request.prompt_file)]


def read(transcript: Transcript) -> Reply:
    """
    What stands behind its banner. It counts tokens after each answer: an error behind the last count is what ended it,
    and without any count there was no answer. Its exit code says nothing.
    """
    text = transcript.text
    counts = list(_COUNT.finditer(text))
    found = _BANNER.search(text)
    banner = found.end() if found else 0
    said = _COUNT.sub("", text[banner:]).strip()
    return Reply(
        said,
        usage=(_usage(counts),) if counts else (),
        trouble=_trouble(said, text, counts[-1].end() if counts else 0, transcript),
        is_finished=bool(counts),
    )


def _trouble(said: str, text: str, answered: int, transcript: Transcript) -> Trouble | None:
    errors = list(_ERROR.finditer(text, answered))
    if errors:
        words = " ".join(f"{errors[-1]['kind']}{errors[-1]['words']}".split())
        return trouble(words, transcript.at, _STATUS.get(errors[-1]["kind"]))
    if answered:
        return None if said else Trouble(Fault.FAILED, "it replied nothing")
    if transcript.exit_code > 0:
        return complains(transcript.stderr, transcript.at) or complains(said, transcript.at)
    return None


def _usage(counts: list["re.Match[str]"]) -> Usage:
    """Rounded, as it tells it: what is sent includes what the cache had or took; the cost is the session's so far."""
    sent, written, cached, received = (
        sum(_many(found[name]) for found in counts) for name in ("sent", "written", "cached", "received")
    )
    cost = counts[-1]["cost"]
    return Usage("", max(0, sent - cached - written), cached, written, received, _dollars(cost))


def _many(words: str | None) -> int:
    """`1.2k` and the like."""
    if not words:
        return 0
    try:
        return int(float(words.rstrip("kM").replace(",", "")) * _MANY.get(words[-1], 1))
    except ValueError:
        return 0


def _dollars(words: str | None) -> float | None:
    try:
        return float(words) if words else None
    except ValueError:
        return None


AIDER = Cli(
    name="aider",
    programs=("aider",),
    tested="0.86.2",
    argv=argv,
    read=read,
    flags=(
        "--yes-always", "--no-pretty", "--no-stream", "--no-check-update", "--no-show-release-notes", "--no-analytics",
        "--no-gitignore", "--no-show-model-warnings", "--no-detect-urls", "--no-suggest-shell-commands",
        "--no-auto-commits", "--no-dirty-commits", "--map-tokens", "--model", "--chat-mode", "--dry-run",
        "--no-auto-lint", "--no-auto-test", "--chat-history-file", "--input-history-file", "--message-file",
    ),
    prompt="file",
    reports_cost=True,
    sessions=False,
    state=(StateFolder(".aider"),),
    secrets=(".aider.conf.yml", ".env"),
    variables=ANY_MODEL,
    login="set the key of your model's service, such as OPENAI_API_KEY or ANTHROPIC_API_KEY",
    install="python -m pip install aider-install && aider-install",
)  # fmt: skip
