"""Who follows the runs of one command behind its screen, from the first run that begins to the command's end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from attrs import define

from peal.jobs.job import Job
from peal.run.awake import Awake
from peal.views.screens import Screen
from peal.views.screens.followed import Followed, Follower


@define
class Followers:
    """Made by the settings of the first job: what later ones say, which may be an agent's word by then, changes nothing."""

    _stack: ExitStack
    _made: tuple[Callable[[str], Follower], ...] | None = None
    """Each gives who follows the run of one plan."""

    def the_screen(self, screen: Screen, job: Job, say: Callable[[str], None]) -> Screen:
        """The screen of a job with everybody behind it who follows; `say` tells a person what is wrong with these."""
        if self._made is None:
            self._made = tuple(self._make(job, say))
        followers = tuple(one(job.key) for one in self._made)
        return Followed(screen, followers) if followers else screen

    def _make(self, job: Job, say: Callable[[str], None]) -> Iterator[Callable[[str], Follower]]:
        settings = job.roster.settings
        if settings.keep_awake:
            is_asked_for = "keep_awake" in settings.origins
            awake = self._stack.enter_context(closing(Awake(is_asked_for, say)))
            yield lambda _: awake


@contextmanager
def followers() -> Iterator[Followers]:
    """For as long as a command goes on; at its end they are let finish."""
    with ExitStack() as stack:
        yield Followers(stack)
