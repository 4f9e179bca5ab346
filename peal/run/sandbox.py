"""The sandbox that the programs of a run are started in."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

from attrs import evolve

from peal.agents.registry import surroundings
from peal.classes import frozen
from peal.errors import PealError
from peal.jobs.job import Job
from peal.record.history import History
from peal.run.session import Session
from peal.sandbox.available import best, problem
from peal.sandbox.confinement import Confinement
from peal.sandbox.secret_places import IN_THE_TREE
from peal.sandbox.wanted import Wanted, kept_from_network, left_out, refusal, unusable
from peal.settings import Settings
from peal.settings.pipelines import item_phases, pipelines
from peal.system import git
from peal.system.git_settings import copies_without_ways_out
from peal.text.display import some
from peal.worktrees.guarded import guarded
from peal.worktrees.hooks import Hooks

_GIVEN = ("command line", "environment")
"""Where a word on the sandbox comes from that nobody can have changed during the run."""


def kind_of(job: Job, history: History) -> tuple[str, ...]:
    """As a person says now; what a settings file says does not take away the one that the run began in."""
    settings = job.roster.settings
    before = history.opened.sandbox if history.opened else ()
    is_given = settings.origins.get("sandbox") in _GIVEN
    return before if before and settings.sandbox == ("none",) and not is_given else settings.sandbox


@frozen
class Chosen:
    """The sandbox of a run."""

    here: Confinement | None = None
    """None if programs are started without."""
    wanted: Wanted | None = None
    """What machines are asked for; None for none."""
    told: tuple[str, ...] = ()
    """What a person should know of it."""


def chosen(job: Job, kind: tuple[str, ...], open_now: Session) -> Chosen:
    """PealError if one that is named cannot work here, or nothing could keep somebody from the network who is to have none."""
    settings = job.roster.settings
    phases = item_phases(pipelines(settings)) if job.source.is_open_ended else ()
    cut_off = list(kept_from_network(settings, phases))
    if why := refusal(kind, cut_off):
        raise PealError(why)
    return _tried(settings, kind, open_now, () if job.pool else _guarded(job), has_network=not cut_off)


def chosen_before_a_plan(settings: Settings, open_now: Session) -> Chosen:
    """The same for an agent that reads the tree and writes a plan, which has to have a network."""
    return _tried(settings, settings.sandbox, open_now)


def _tried(
    settings: Settings,
    kind: tuple[str, ...],
    open_now: Session,
    guarded: tuple[str, ...] = (),
    has_network: bool = True,
) -> Chosen:
    if kind == ("none",):
        idle = "`sandbox_hidden` hides nothing, for there is no sandbox; `--sandbox auto` makes one"
        return Chosen(told=(idle,) * bool(settings.sandbox_hidden))
    wanted = Wanted.of(settings, kind, has_network)
    repo_paths = open_now.repo_paths
    repo = repo_paths.repo
    made = evolve(
        Confinement.of(wanted, best(), repo, git.common_folder(repo), repo_paths.root),
        guarded=guarded,
        private=_private(repo),
        instead=copies_without_ways_out(repo, open_now.scratch.folder),
    )
    why = problem(made, open_now.scratch, wanted.has_network)
    if why and wanted.is_required:
        raise PealError(f"{unusable(wanted, made.kind)} here: {why}")
    if why:
        told = f"there is no sandbox, and agents may do whatever you may: {why}"
        return Chosen(None, wanted, (told,))
    return Chosen(made, wanted, tuple(_told(made, wanted, settings.sandbox)))


def _guarded(job: Job) -> tuple[str, ...]:
    """What in a tree that all work in says what is run later."""
    repo = job.repo_paths.repo
    config = Path(job.flags["config"]) if job.flags.get("config") else None
    found = guarded(repo, job.roster.settings, config, Hooks.of(repo).folder)
    names = (*sorted(found.files), *(folder.rstrip("/") for folder in found.folders))
    return tuple(name for name in names if not name.startswith((".git/", ".peal/")))  # nobody writes there


def _private(repo: Path) -> tuple[str, ...]:
    """Files with keys that are in the person's tree and not in git; git does not look into folders that it ignores."""
    listed = git.output(repo, "ls-files", "-z", "--others", "--directory").split("\0")
    return tuple(str(repo / path) for path in listed if fnmatch(PurePath(path).name, IN_THE_TREE))


def _told(made: Confinement, wanted: Wanted, configured: tuple[str, ...]) -> Iterator[str]:
    name = " ".join(made.kind)
    if wanted.kind != configured:
        yield f"this run began in the sandbox `{name}` and goes on there; --sandbox {configured[0]} takes it away"
    given = surroundings()
    if told := left_out(made.kind, sorted(given.keys() - made.environment(given, "").keys())):
        yield told
    for key, names in (("sandbox_hidden", wanted.hidden), ("sandbox_writable", wanted.writable)):
        if names and not made.is_known:
            yield f"`{key}` means nothing to the wrapper `{made.kind[0]}`: what it hides and lets in is in its own words"
        elif missing := made.missing(names):
            yield f"`{key}` makes no difference for what is not there: {some(missing, len(missing))}"
