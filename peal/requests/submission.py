"""A branch is pushed, and the request for it opened or brought up to date."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import field

from peal.classes import frozen
from peal.errors import PealError
from peal.requests.forge import Request, Wanted
from peal.requests.programs import Programs, environment_of_git
from peal.requests.prospect import Prospect
from peal.requests.service import Service, service_of
from peal.requests.wording import Wording, by_people, changes
from peal.system import git
from peal.text.display import count, harmless, some

_ROOM = 1000
"""Letters for what stands around peal's part of a text."""
_SHOWN = 3


@frozen
class Action:
    """What is to become of the request for a branch."""

    request: Request | None = None
    """The one that there is; None where one is to be opened."""
    is_over: bool = False
    """It was merged as the branch is: there is nothing to do."""


@frozen
class Submission:
    """One branch on its way."""

    repo: Path
    prospect: Prospect
    programs: Programs
    say: Callable[[str], None]
    seconds: float
    """How long a push may take, with the person's hook."""
    is_rehearsed: bool = False
    """Nothing is sent; what would be is said."""
    service: Service = field(init=False)

    @service.default
    def _find_service(self) -> Service:
        return service_of(self.prospect.remote, self.repo, self.programs)

    def carry_out(self, wording_of: Callable[[int], Wording], is_draft: bool) -> None:
        """Push, then open or change; `wording_of` gives what is to be said in so many letters. PealError where that cannot be."""
        forge, prospect = self.service.forge, self.prospect
        action = planned(self._found(), prospect.tip, prospect.base)
        if action.is_over and action.request:
            self.say(f"{action.request.url} was merged as `{prospect.branch}` is: nothing is left to do")
            return
        if not prospect.bringing:
            raise PealError(
                f"there is nothing in `{prospect.branch}` that `{prospect.base}` does not have; `peal status` shows what has landed"
            )
        if prospect.may_be_shared and not action.request:
            raise PealError(_may_be_shared(prospect))
        taken = by_people(action.request) if action.request else 0
        wording = wording_of(forge.longest_text - taken - _ROOM)
        self._push()
        if action.request:
            self._change(action.request, wording)
        else:
            self._open(wording, is_draft)

    def _found(self) -> list[Request]:
        """The newest first; PealError for an answer that nothing can be made of, as it may hide one."""
        service, branch = self.service, self.prospect.branch
        answer = service.answer(service.forge.find(service.place, branch), "look for")
        if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
            raise PealError(
                f"what answers at {service.place} is no list of {service.forge.noun}s; `{service.forge.program} auth status` tells "
                "who it is there; mend that, or name another remote with --remote"
            )
        return [request for one in answer if (request := service.forge.read(one, branch))]

    def _push(self) -> None:
        """The commit that was looked at, and nothing that came since; git refuses what is no fast-forward."""
        branch, remote = self.prospect.branch, self.prospect.remote
        if self.prospect.is_there:
            return
        others = f", not to {some(remote.others, _SHOWN)}" if remote.others else ""
        what = f"`{branch}` to `{remote.name}`{others}: {count(len(self.prospect.lacking), 'new commit')}"
        if self.is_rehearsed:
            self.say(f"would push {what}")
            return
        words = ("--no-follow-tags", "--recurse-submodules=check", "--", remote.name)
        argv = git.plain(self.repo, "push", *words, f"{self.prospect.tip}:refs/heads/{branch}")
        ran = self.programs.run(argv, self.repo, environment_of_git(), self.seconds)
        if not ran.is_clean:
            name = f"git push {shlex.quote(remote.name)} {shlex.quote(branch)}"
            raise PealError(
                f"`{branch}` cannot be pushed: {ran.said}; `{name}` has to work without a question"
            )
        self.say(f"pushed {what}")

    def _open(self, wording: Wording, is_draft: bool) -> None:
        forge, prospect = self.service.forge, self.prospect
        kind = f"{'draft ' if is_draft else ''}{forge.noun}"
        if self.is_rehearsed:
            into = f"into `{prospect.base}` of {self.service.place}"
            self.say(f"would open a {kind} {into} by `{forge.program}`: {harmless(wording.title)}")
            return
        wanted = Wanted(prospect.branch, prospect.base, wording.title, wording.part() + "\n", is_draft)
        answer = self.service.answer(forge.create(self.service.place, wanted), "open")
        request = forge.read(answer, prospect.branch) if isinstance(answer, dict) else None
        self.say(f"opened a {kind} into `{prospect.base}`: {request.url if request else self.service.place}")

    def _change(self, request: Request, wording: Wording) -> None:
        forge = self.service.forge
        new = changes(request, wording)
        if self.prospect.is_base_asked and request.base != self.prospect.base:
            new = {**new, "base": self.prospect.base}
        if len(new.get("text", "")) > forge.longest_text:
            raise PealError(f"the text of {request.url} leaves no room for peal's part; make it shorter")
        if self.is_rehearsed:
            self.say(f"would bring {request.url} up to date: {', '.join(new) or 'nothing is to be changed'}")
        elif new:
            self.service.answer(forge.change(self.service.place, request, new), "change")
            self.say(f"brought {request.url} up to date: {', '.join(new)}")
        else:
            self.say(f"{request.url} is up to date")


def _may_be_shared(prospect: Prospect) -> str:
    name, remote = shlex.quote(prospect.branch), prospect.remote.name
    return (
        f"the plan has landed in `{prospect.branch}`, which was checked out, and `{remote}` has a branch of that name that no request "
        f"is open for; others may work in it: `peal pr --branch {name}` pushes there all the same; else `git branch NEW {name}` and "
        '`peal pr --branch NEW`; the next run lands in a branch of its own with --branch "feature/{plan}"'
    )


def planned(found: Sequence[Request], tip: str, base: str) -> Action:
    """
    What is to become of the request for a branch, given those that there are, the newest first.

    One that is open is brought up to date, rather one for the same base; a new one is opened where the branch has moved since the
    latest was merged or closed. PealError where a person has closed it and nothing has come since.
    """
    still_open = [one for one in found if one.state == "open"]
    if still_open:
        return Action(next((one for one in still_open if one.base == base), still_open[0]))
    if not found or found[0].head != tip:
        return Action()
    if found[0].state == "merged":
        return Action(found[0], is_over=True)
    raise PealError(
        f"{found[0].url} was closed, and nothing has come into the branch since; open it again there"
    )
