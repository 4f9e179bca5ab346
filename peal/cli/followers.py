"""Who follows the runs of one command behind its screen, from the first run that begins to the command's end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from peal.classes import define
from peal.jobs.job import Job
from peal.model.decision import Halt
from peal.model.notification import Cause
from peal.run.after_run import broken_off
from peal.run.awake import Awake
from peal.views.screens import Screen
from peal.views.screens.followed import Followed, Follower
from peal.views.screens.terminal import Terminal

if TYPE_CHECKING:
    from peal.notify.notifier import Notifier
    from peal.notify.sending import Sending


@define
class Followers:
    """Made by the settings of the first job: what later ones say, which may be an agent's word by then, changes nothing."""

    terminal: Terminal | None
    """Where a person looks on, if one does."""
    _stack: ExitStack
    _made: tuple[Callable[[str], Follower], ...] | None = None
    """Each gives who follows the run of one plan."""
    _notifier: "Notifier | None" = None

    def the_screen(self, screen: Screen, job: Job, say: Callable[[str], None]) -> Screen:
        """The screen of a job with everybody behind it who follows; `say` tells a person what is wrong with these."""
        if self._made is None:
            self._made = tuple(self._make(job, say))
        followers = tuple(one(job.key) for one in self._made)
        return Followed(screen, followers) if followers else screen

    def over(self, halt: Halt) -> None:
        """The command has come to its end, but for what is said and done afterwards."""
        if self._notifier:
            self._notifier.over(halt)

    def broken_off(self, error: BaseException) -> None:
        """An error ends the command."""
        if self._notifier:
            self._notifier.broken_off(broken_off(error))

    def _make(self, job: Job, say: Callable[[str], None]) -> Iterator[Callable[[str], Follower]]:
        settings = job.roster.settings
        if settings.keep_awake:
            is_asked_for = "keep_awake" in settings.origins
            awake = self._stack.enter_context(closing(Awake(is_asked_for, say)))
            yield lambda _: awake
        terminal = None if self.terminal is None else self._stack.enter_context(closing(self.terminal))
        if terminal and settings.notify.title:
            from peal.notify.titled import Titled

            yield Titled(terminal).of
        ring = terminal.ring if terminal and settings.notify.bell else None
        if ring or settings.notify.command or settings.notify.urls:
            yield self._notifier_of(job, say, ring).of

    def _notifier_of(
        self, job: Job, say: Callable[[str], None], ring: Callable[[], None] | None
    ) -> "Notifier":
        from peal.notify.notifier import Notifier  # only here: most runs tell nobody

        settings, repo, hide = job.roster.settings.notify, job.repo_paths.repo, job.roster.hide

        def open_sending() -> "Sending":
            from peal.notify.channels import sending_of  # only here: most runs have long to go yet

            return sending_of(settings, repo, hide)

        made = Notifier(frozenset(map(Cause, settings.on)), str(repo), open_sending, say, ring)
        self._notifier = self._stack.enter_context(closing(made))
        return made


@contextmanager
def followers(terminal: Terminal | None) -> Iterator[Followers]:
    """For as long as a command goes on; at its end they are let finish."""
    with ExitStack() as stack:
        made = Followers(terminal, stack)
        try:
            yield made
        except BaseException as error:
            made.broken_off(error)
            raise
