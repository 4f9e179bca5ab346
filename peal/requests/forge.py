"""What a forge is: how its program is asked for requests and what it answers; pure halves around each call."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field

from peal.classes import frozen
from peal.requests.remotes import Place


@frozen
class Request:
    """A request to merge a branch, as the forge has it."""

    number: int
    url: str
    state: str
    """`open`, `closed` or `merged`."""
    title: str
    """Without what marks a draft."""
    text: str
    head: str
    """The commit that the branch was on when the forge last looked."""
    base: str
    """The branch that it is to be merged into."""
    mark: str = ""
    """What stands in front of the title where that is what makes it a draft."""


@frozen
class Wanted:
    """What a request is to say."""

    branch: str
    base: str
    title: str
    text: str
    is_draft: bool = False


@frozen
class Call:
    """One call of the forge's REST interface; its `path` is quoted as addresses are."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@frozen
class Forge:
    """The adapter of a program: what it is called, and the calls that it makes, with their answers."""

    program: str
    noun: str
    """What it calls a request."""
    hosts: Mapping[str, str]
    """Hosts that it always serves, each with the name that the program has for it."""
    host_variables: tuple[str, ...]
    """Variables that name the host it is to serve."""
    login: str
    install: str
    longest_text: int
    """Letters."""
    is_path: Callable[[str], bool]
    """Whether a repository can be there."""
    find: Callable[[Place, str], Call]
    """Asks for the requests of a branch, the newest first."""
    create: Callable[[Place, Wanted], Call]
    change: Callable[[Place, Request, Mapping[str, str]], Call]
    """Gives a request another `title`, `text` or `base`; what is not named stays."""
    read: Callable[[Mapping[str, Any], str], Request | None]
    """A request of an answer; None if it is for no branch of that name in this repository."""
    env: Mapping[str, str] = field(factory=dict)
    """Variables by which it tells nothing but the answer."""

    def argv(self, host: str, call: Call) -> list[str]:
        """The words that make a call; its body comes on standard input."""
        body = ["--header", "Content-Type: application/json", "--input", "-"] if call.body is not None else []
        return [self.program, "api", "--hostname", host, "--method", call.method, *body, call.path]

    def login_question(self, host: str) -> list[str]:
        """The words that end with 0 where somebody is logged in to a host."""
        return [self.program, "auth", "status", "--hostname", host]
