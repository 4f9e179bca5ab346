"""What the checks look at: a repository, what is remembered in it and how it is set up, each thing read once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field

from peal import settings
from peal.backlog import checks as backlog_checks
from peal.backlog.checks import Problem
from peal.backlog.parsed_items import ParsedItems
from peal.backlog.place import Place
from peal.backlog.store import Backlog, Kept, twins
from peal.classes import define, frozen
from peal.errors import Damaged, PealError
from peal.model.plan import Plan
from peal.record import batch_file, journal, state_file
from peal.record.history import History, fold
from peal.record.lock import Owner
from peal.settings import Readable
from peal.settings.pipelines import pipelines
from peal.system import git
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless
from peal.text.redaction import HIDDEN
from peal.workspaces import preflight

_NOTHING = journal.Recording((), ())


@frozen
class PlanFiles:
    """How plans are read, and found where they were moved."""

    read: Callable[[Path], Plan]
    """The plan in a file; PealError if it is not fit to run."""
    find: Callable[[Path], Path]
    """Where a plan that is remembered is now; PealError if it is gone."""


@frozen
class Asked:
    """The run that is asked for; nothing, where the repository as a whole is looked at."""

    flags: Mapping[str, Any] = field(factory=dict)
    plan_file: Path | None = None
    is_fresh: bool = False
    """Whatever is remembered of the plan does not matter."""
    is_backlog: bool = False
    """The backlog is to be worked on, and `plan_file` is its folder."""

    @property
    def config(self) -> Path | None:
        """The settings file that was named."""
        return Path(self.flags["config"]) if self.flags.get("config") else None

    @property
    def keys(self) -> dict[str, Any]:
        """The keys that were given as flags, but for those whose secret is not written down."""
        given = {name: value for name, value in self.flags.items() if name not in settings.NO_KEYS}
        return {name: value for name, value in given.items() if HIDDEN not in str(value)}

    @property
    def sets(self) -> Sequence[str]:
        """What was given by `--set`."""
        return [text for text in self.flags.get("sets", ()) if HIDDEN not in text]


@define(slots=False)
class Memory:
    """What is remembered of one plan, whole or damaged."""

    plan_paths: PlanPaths
    journal_damage: Damaged | None = None
    state_damage: Damaged | None = None
    unreadable: OSError | None = None
    recording: journal.Recording = _NOTHING
    known: state_file.State | None = None

    @classmethod
    def of(cls, plan_paths: PlanPaths) -> "Memory":
        """A look at both files."""
        memory = cls(plan_paths)
        try:
            memory.known = state_file.read(plan_paths.state)
        except Damaged as error:
            memory.state_damage = error
        except OSError as error:
            memory.unreadable = error
        try:
            memory.recording = journal.load(plan_paths.journal)
        except Damaged as error:
            memory.journal_damage = error
        except OSError as error:
            memory.unreadable = error
        return memory

    @cached_property
    def history(self) -> History:
        """What the journal adds up to, as far as it can be trusted."""
        return fold(self.recording.events)

    @property
    def is_whole(self) -> bool:
        """Whether both files could be read."""
        return not (self.journal_damage or self.state_damage or self.unreadable)

    @property
    def is_unfinished(self) -> bool:
        """Whether the latest run left something to be gone on with; that of a backlog, whether it was cut short."""
        opened, closed = self.history.opened, self.history.closed
        enough = state_file.BY_ITSELF if self.is_of_backlog else (0,)
        return opened is not None and not (closed and closed.code in enough)

    @property
    def is_of_backlog(self) -> bool:
        """Whether it is about items, which say themselves how far they are, and not about the tasks of a plan."""
        return self.history.opened is not None and self.history.opened.is_open_ended


@define(slots=False)
class Look:
    """A repository as it is now; looking makes and changes nothing."""

    repo_paths: RepoPaths
    owner: Owner | None
    """Who holds the lock, or died with it."""
    files: PlanFiles
    asked: Asked = Asked()
    damage: str = ""
    """What keeps git from working here."""
    _read: dict[Path, Plan | PealError] = field(factory=dict)

    @property
    def repo(self) -> Path:
        """Its root."""
        return self.repo_paths.repo

    @cached_property
    def is_live(self) -> bool:
        """Whether a run goes on: what its files say may be half said, and is nobody else's to judge."""
        return self.owner is not None and self.owner.is_alive

    def told(self, path: Path) -> str:
        """A path as it is shown: seen from the repository, if it lies there."""
        return str(path.relative_to(self.repo)) if path.is_relative_to(self.repo) else str(path)

    def read(self, path: Path) -> Plan:
        """The plan in a file, read once; PealError if it is not fit to run."""
        if path not in self._read:
            try:
                self._read[path] = self.files.read(path)
            except PealError as error:
                self._read[path] = error
        if isinstance(found := self._read[path], PealError):
            raise found
        return found

    @cached_property
    def unusable(self) -> PealError | None:
        """Why there can be no memory here; None if there can be one."""
        try:
            self.repo_paths.check()
        except PealError as error:
            return error
        return None

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        """What is remembered: of the plan that is asked for, or of all."""
        if self.unusable or self.asked.is_fresh:
            return ()
        try:
            known = self.repo_paths.known_plans()
        except OSError:  # told by the check whose matter that is
            return ()
        if self.asked.plan_file:
            known = [one for one in known if one == self.repo_paths.plan(self.asked.plan_file)]
        return tuple(map(Memory.of, known))

    @cached_property
    def plans(self) -> dict[Path, Memory | None]:
        """The files of the plan that is asked for, or of all that are unfinished, each with what is remembered of it."""
        if self.asked.is_backlog:
            return {}
        if self.asked.plan_file:
            return {self.asked.plan_file: next(iter(self.memories), None)}
        return {
            self.repo_paths.plan_file(memory.history.plan): memory
            for memory in self.memories
            if memory.is_unfinished and not memory.is_of_backlog
        }

    @property
    def landing(self) -> Iterable[Path]:
        """The files of those plans, or the folder of the backlog: what lands somewhere."""
        return (self.asked.plan_file,) if self.asked.is_backlog and self.asked.plan_file else self.plans

    @cached_property
    def place(self) -> Place:
        """Where the backlog is; PealError if it can be nowhere."""
        return Place.of(self.repo_paths, self.readable.settings.backlog)

    @cached_property
    def backlog(self) -> Backlog | None:
        """The items as they are; None where nobody keeps any, or a plan is to be run. PealError if they cannot be looked at."""
        if self.asked.plan_file and not self.asked.is_backlog:
            return None
        found = Backlog.of(self.place.folder, ParsedItems.of(self.repo_paths.backlog_cache))
        is_kept = found.kept or "backlog.folder" in self.readable.settings.origins
        return found if is_kept or self.asked.is_backlog else None

    @cached_property
    def stores(self) -> Mapping[str, Any | PealError]:
        """What each machine of the settings keeps of the repository, as `StoreFound` has it, or why it does not say."""
        return self.ask_machines("stores") if self.readable.settings.run_on else {}

    def ask_machines(self, method: str) -> Mapping[str, Any | PealError]:
        """What each machine of the settings answers when it is asked about the repository, or why it does not."""
        from peal.machines.asking import LOOK_SEC, ask_each, of_all  # only here: most have no machines
        from peal.machines.named import called

        settings, name = self.readable.settings, called(self.repo)
        return of_all(
            ask_each(
                settings.run_on,
                settings,
                self.repo_paths,
                lambda machine: machine.told(method, name, within=LOOK_SEC),
                everywhere=True,
            )
        )

    @cached_property
    def twins(self) -> Mapping[str, tuple[Kept, Kept]]:
        """The two items that have one id, by the file of the second as it is told."""
        kept = self.backlog.kept if self.backlog else ()
        return {harmless(self.told(two[1].path)): two for two in twins(kept)}

    @cached_property
    def problems_of_backlog(self) -> tuple[Problem, ...]:
        """What is wrong with it; nothing about pipelines where the settings that have them cannot be read."""
        try:
            kept = self.backlog.kept if self.backlog else ()
        except PealError:  # told by the check whose matter that is
            return ()
        if not kept:
            return ()
        in_force = pipelines(self.readable.settings)
        files = backlog_checks.present(self.repo, in_force)
        found = backlog_checks.preflight(self.repo, kept, in_force, files)
        is_known = not self.readable.problems
        return tuple(one for one in found if is_known or one.code not in backlog_checks.BY_SETTINGS)

    @cached_property
    def usual(self) -> Asked:
        """What is asked for, or with what a plan was run last, or a batch begun: by that a person uses peal here."""
        if self.asked.plan_file:
            return self.asked
        runs = [one.history.opened for one in self.memories if one.history.opened]
        if latest := max(runs, key=lambda opened: opened.at, default=None):
            return Asked(latest.flags)
        with suppress(Damaged):  # told by the check whose matter that is
            if batch := batch_file.read(self.repo_paths.batch):
                return Asked(batch.flags)
        return self.asked

    @cached_property
    def readable(self) -> Readable:
        """The settings: what is written down over the flags of the latest run, or under those of the run that is asked for."""
        if self.asked.plan_file:
            return self._readable(self.asked.keys, self.asked)
        written = settings.readable(self.repo, {})
        return self._readable(
            {name: value for name, value in self.usual.keys.items() if name not in written.settings.origins},
            Asked({"sets": self.usual.sets}),
        )

    @cached_property
    def as_run_last(self) -> Readable:
        """The settings as `peal resume` takes them."""
        return self._readable(self.usual.keys, self.usual)

    def _readable(self, keys: Mapping[str, Any], of: Asked) -> Readable:
        return settings.readable(self.repo, keys, of.sets, of.config)

    @cached_property
    def lands(self) -> bool:
        """Whether tasks get worktrees and commits; as by default where the settings contradict themselves."""
        try:
            return preflight.lands(self.readable.settings)
        except PealError:
            return True

    @cached_property
    def branch(self) -> str:
        """The branch that is checked out; empty for none."""
        return git.branch(self.repo)
