"""The built-in agent: carries out the task's own `sh` and `bash` blocks; no model, no network."""

import shutil

from peal.agents.protocol import Request, Transcript
from peal.model.agent import Command, Declined, Reply
from peal.model.pipeline import Kind
from peal.model.plan import Task
from peal.text.display import count

_LANGUAGES = ("sh", "bash")


class ShellAgent:
    """Reading tells what will run, writing runs it, a review runs the blocks marked `address`."""

    name = "shell"
    require_change = False
    idle_timeout_sec = None
    reports_cost = True
    reports_usage = True
    sign = None

    programs = ("bash",)

    def missing(self, model: str | None, is_here: bool = True) -> str | None:  # noqa: ARG002 - has no model
        """`bash` is all it needs."""
        return (
            None if not is_here or shutil.which("bash") else "agent `shell` needs `bash` on PATH; install it"
        )

    def prepare(self, request: Request) -> Command | Reply | Declined:
        """A script of the blocks for this phase."""
        blocks = blocks_of(request.task, for_address=request.phase.kind is Kind.REVIEW)
        if not blocks:
            return Declined(_why_nothing(request))
        script = "\n".join(blocks)
        if not request.may_write:
            return Reply(
                f"will run {count(len(blocks), 'block')} with `bash -euo pipefail`:\n\n```sh\n{script}\n```\n"
            )
        return Command(("bash", "-euo", "pipefail", "{folder}/script.sh"), files={"script.sh": script + "\n"})

    def read(self, transcript: Transcript) -> Reply:
        """What the blocks printed; it costs nothing."""
        return Reply(transcript.text)


def _why_nothing(request: Request) -> str:
    line = f"line {request.task.line}: task `{request.task.id}`"
    if request.phase.kind is Kind.REVIEW:
        return (
            f"{line} has no ```sh address block, so agent `shell` has nothing to mend findings with; add one"
        )
    return (
        f"{line} has no ```sh block, so agent `shell` has nothing to run; add one, or choose another --agent"
    )


def blocks_of(task: Task, for_address: bool) -> list[str]:
    """The fenced blocks of a task's text that run in `address`, or those that run in `execute`."""
    from markdown_it import MarkdownIt

    found = []
    for token in MarkdownIt("commonmark").disable("inline").parse(task.body):
        words = token.info.split() if token.type == "fence" else []
        if words and words[0] in _LANGUAGES and ("address" in words[1:]) is for_address:
            found.append(token.content.rstrip("\n"))
    return found
