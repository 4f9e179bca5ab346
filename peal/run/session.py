"""What a command holds open once while it works on plans: the lock, a watched folder, where events and signals come in."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field

from peal.classes import define
from peal.executors import Happened
from peal.executors.threads import Inbox
from peal.landing import rollback
from peal.model.plan import NO_WORD, Word
from peal.record import journal, lock, store
from peal.record.events import Event, PlanRead
from peal.record.providers import Providers
from peal.settings import Settings
from peal.system import process, strays
from peal.system.layout import RepoPaths
from peal.system.scratch import Scratch, scratch
from peal.work.programs import Programs
from peal.worktrees import leftovers

if TYPE_CHECKING:
    from peal.machines.fleet import Fleet
    from peal.sandbox.confinement import Confinement


@define(slots=False)
class Session:
    """One peal at work in a repository; `session` opens it."""

    repo_paths: RepoPaths
    say: Callable[[str], None]
    """Is told what had to be put right."""
    name: str
    """Marks everything that is started, and the spending that is counted together."""
    renew: Callable[[], None]
    """Makes the lock good again if somebody has taken its file away."""
    providers: Providers = field(factory=Providers)
    """Whose usage limit is reached and what was spent, whichever plan met it."""
    inbox: Inbox = field(factory=Inbox)
    """Where all that happens comes in, of whatever plan."""
    _told: set[str] = field(factory=set)
    _stack: ExitStack = field(factory=ExitStack)
    _plans: int = 0
    _fleet: "Fleet | None" = None

    @cached_property
    def scratch(self) -> Scratch:
        """Made when the first program is to be started: who only takes the lock needs none."""
        return self._stack.enter_context(scratch(self.name, self._tell))

    def _tell(self, text: str) -> None:
        """To whoever is told at that time."""
        self.say(text)

    def news(self, texts: Iterable[str]) -> Iterator[str]:
        """Those of some notices that were not given here before: what holds for several plans is told once."""
        for text in texts:
            if text not in self._told:
                self._told.add(text)
                yield text

    def programs(
        self, plan: str, fence: Mapping[str, str], confinement: "Confinement | None" = None
    ) -> Programs:
        """What starts the programs for a plan, with a temporary folder of its own; PealError if there can be none."""

        def put(event: Event | BaseException) -> None:
            self.inbox.put(event if isinstance(event, BaseException) else Happened(event, plan))

        return self._programs(put, fence, confinement)

    def programs_before(self, confinement: "Confinement | None" = None) -> Programs:
        """The same for what is asked before there is a plan; nobody hears of them."""
        return self._programs(lambda _: None, {}, confinement)

    def _programs(
        self,
        put: Callable[[Event | BaseException], None],
        fence: Mapping[str, str],
        confinement: "Confinement | None",
    ) -> Programs:
        self._plans += 1
        folder = self.scratch.folder / str(self._plans)
        return Programs(self.name, folder, put, self.scratch.watch, fence, confinement)

    def fleet(self, settings: Settings) -> "Fleet":
        """The machines that the first plan names are those of all plans; loaded only where there are some."""
        if self._fleet is None:
            from peal.machines.named import fleet_of

            self._fleet = fleet_of(settings, self.repo_paths, self.scratch.watch)
            self._stack.callback(self._fleet.close)
        return self._fleet

    @contextmanager
    def plan(
        self, reading: PlanRead, fresh: bool = False, word: Word = NO_WORD, goes_on: bool = False
    ) -> Iterator[journal.Journal]:
        """
        The open memory of a plan that was read.

        What a dead run left running is ended first. A plan whose file was moved takes its memory along. `fresh` sets the
        old memory aside, `word` is a person's on tasks of which it cannot be told which are done; what was spent before
        counts if the run `goes_on`. PealError if the memory cannot be read or written, or if it cannot be told what of it
        is this plan's.
        """
        opened = store.open_memory(self.repo_paths, reading, self.say, fresh, word)
        opened.renew = self.renew
        try:
            for task in opened.history.running:
                process.end_group(*opened.history.processes.get(task, (0, "")), strays.GRACE)
            for text in opened.said:
                self.say(text)
            self.providers.take_in(opened.history.providers, goes_on)
            opened.history.providers = self.providers
            yield opened
        finally:
            opened.close()


@contextmanager
def session(repo_paths: RepoPaths, say: Callable[[str], None], name: str = "") -> Iterator[Session]:
    """
    The repository's lock in hand; `Busy` if another peal is at work.

    First, whatever a dead run left running is ended, a landing that was cut off is taken back, and what is left in worktrees is
    kept as patches.
    """
    with lock.hold(repo_paths, name, first=_taking_over(repo_paths)) as renew:
        for text in _put_right(repo_paths):
            say(text)
        opened = Session(repo_paths, say, name, renew)
        with opened._stack:
            yield opened


Opener = Callable[[Callable[[str], None]], Session]
"""Opens the session, if it is not open yet, for whoever is told what from now on."""


@contextmanager
def session_when_needed(repo_paths: RepoPaths) -> Iterator[Opener]:
    """A session that is opened when somebody needs it: what is refused before takes no lock and leaves nothing."""
    with ExitStack() as stack:
        opened: list[Session] = []

        def open_now(say: Callable[[str], None]) -> Session:
            if not opened:
                opened.append(stack.enter_context(session(repo_paths, say, uuid.uuid4().hex[:12])))
            opened[0].say = say
            return opened[0]

        yield open_now


def _put_right(repo_paths: RepoPaths) -> Iterator[str]:
    """Take back a landing that was cut off, and keep as patches what a dead run left in worktrees; a line for each."""
    if told := rollback.undo(repo_paths.repo).told():
        yield told
    yield from leftovers.rescue_all(repo_paths.repo, repo_paths.worktrees)


def _taking_over(repo_paths: RepoPaths) -> Callable[[lock.Owner], None]:
    """What has to be done by whoever takes the lock after an owner that died with it, whatever plan that was at work on."""

    def take_over(dead: lock.Owner) -> None:
        strays.end(dead.pid, dead.run)
        for plan_paths in repo_paths.known_plans():
            with suppress(OSError):  # the plan's own next run tells of it
                journal.catch_up(plan_paths)

    return take_over
