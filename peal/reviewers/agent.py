"""Another agent that reads a task's change and reports what is wrong with it, in a fixed form."""

from collections.abc import Sequence

from attrs import evolve

from peal.classes import frozen
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.reviewers.protocol import ReviewContext
from peal.reviewers.reports import plain
from peal.settings import ReviewerSettings
from peal.text.display import fenced
from peal.text.json_replies import answer_with
from peal.text.names import slug

_LONGEST_DIFF = 400_000
"""Letters of a change that are shown; of a longer one the agent is told to look at the files."""


@frozen
class AgentReviewer:
    """`[[reviewers]]` with an `agent`."""

    table: ReviewerSettings

    @property
    def name(self) -> str:
        """As its table says."""
        return self.table.name

    @property
    def told(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """Ask it; a reply without findings in the form that was asked for is no look."""
        diff = context.diff()
        if not diff.strip():
            return ()
        table = self.table
        assert table.agent, "that is what makes it one"
        reply = context.ask(
            table.agent,
            table.model,
            prompt(context, diff),
            f"review-{slug(self.name)}.",
            has_network=table.network == "on",
        )
        if isinstance(reply, Outcome):
            return evolve(reply, reason=f"reviewer `{self.name}`: {reply.reason}")
        answer = answer_with("findings", reply.text)
        listed = answer["findings"] if answer else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            why = "its reply does not end in the JSON object with `findings` that it was asked for"
            return Outcome(Result.FAILED, f"reviewer `{self.name}` could not look: {why}")
        found = (plain(one, self.name, lambda _path, _line: "") for one in listed)
        may_dismiss = self.table.may_dismiss is not False
        return tuple(evolve(finding, may_dismiss=may_dismiss) for finding in found)

    def heed(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """What it says next is told apart from what was dismissed by peal."""

    def leave(self) -> None:
        """It leaves nothing open."""


def prompt(context: ReviewContext, diff: str) -> str:
    """What it is asked: to look for what would go wrong, not for what it would have done otherwise."""
    shown = diff[:_LONGEST_DIFF]
    more = "\nThe change is longer than what is shown; read the files.\n" if len(diff) > len(shown) else ""
    return f"""\
Review the change below, which was made in `{context.path}` for the task it stands under. You may read anything there and must
not change anything. Look for what is wrong: errors, lost or broken behaviour, missing parts of the task, security holes,
tests that test nothing. Do not report taste, or what you cannot show.

End your reply with one JSON object and nothing behind it, in this form, with an empty list if nothing is wrong:

{{"findings": [{{"path": "src/a.py", "line": 12, "severity": "error", "message": "what is wrong and why",
"suggestion": "how to mend it"}}]}}

`severity` is `error`, `warning` or `note`.

{fenced(f"{context.task.title}{chr(10)}{chr(10)}{context.task.body}", "TASK")}

{fenced(shown, "CHANGE")}
{more}"""
