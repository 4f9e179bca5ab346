"""What passes between peal and an agent: the command, the reply, what it has used, what went wrong."""

from enum import StrEnum

from attrs import field

from peal.classes import frozen
from peal.model.access import Access


@frozen
class Usage:
    """What an attempt has used of one model; each token counts once."""

    model: str = ""
    """As the agent calls it; empty if it does not say."""
    input: int = 0
    """Tokens read afresh."""
    cached: int = 0
    """Tokens read from the provider's cache."""
    written: int = 0
    """Tokens read and put into that cache, where they are told apart from `input`."""
    output: int = 0
    """Tokens written, thoughts included."""
    cost: float | None = None
    """US dollars; None if unknown."""

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input + self.cached + self.written + self.output


@frozen
class Session:
    """A conversation that an agent can go on in, in the place where it began."""

    id: str
    workspace: str
    used: tuple[Usage, ...]
    """What it has used so far, for agents that report totals."""


@frozen
class Command:
    """A process an agent wants started."""

    argv: tuple[str, ...]
    prompt_on_stdin: bool = False
    env: dict[str, str] = field(factory=dict)
    files: dict[str, str] = field(factory=dict)
    """Small files to write into the attempt's folder first; `{folder}` in `argv` names it."""
    access: Access = Access()
    """What it needs of a sandbox."""


class Fault(StrEnum):
    """What kind of thing an agent reports to have gone wrong."""

    FAILED = "failed"
    TOO_LONG = "too long"
    TRANSIENT = "transient"
    LIMITED = "limited"
    UNAUTHENTICATED = "not logged in"
    MISCONFIGURED = "set up wrongly"


@frozen
class Trouble:
    """What an agent reports to have gone wrong."""

    fault: Fault
    message: str
    until: float | None = None
    """When it is expected to be over, in wall-clock seconds; None if the agent does not say."""


@frozen
class Reply:
    """What an agent answered, and what it says about how it went."""

    text: str
    session: str = ""
    usage: tuple[Usage, ...] = ()
    counts_session: bool = False
    """`usage` is the whole session's, not this run's."""
    trouble: Trouble | None = None
    is_finished: bool = True
    """It came to its own end, as far as its output can tell."""
    refusals: tuple[str, ...] = ()
    """What it wanted to do and was not permitted to."""
    folder: str = ""
    """Where it says that it worked; empty if it does not say."""


@frozen
class Declined:
    """An agent has nothing it could do in this phase, and says why."""

    reason: str
