"""The sandbox of one program of a repository: what is there of all that may be touched or is hidden, on this machine."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import evolve, field

from peal.agents.registry import adapters
from peal.classes import frozen
from peal.model.access import Access
from peal.sandbox import bubblewrap, seatbelt, secret_places, wrapper
from peal.sandbox.appeared import Appeared, Place
from peal.sandbox.rules import Rule, Sandbox, Touch, in_order
from peal.sandbox.services import is_socket, listening
from peal.sandbox.variables import let_in
from peal.sandbox.wanted import Wanted

_CACHES = {
    "XDG_CACHE_HOME": "", "npm_config_cache": "npm", "YARN_CACHE_FOLDER": "yarn", "PIP_CACHE_DIR": "pip", "UV_CACHE_DIR": "uv",
    "GOCACHE": "go-build", "GOMODCACHE": "go-mod", "GRADLE_USER_HOME": "gradle", "CARGO_HOME": "cargo",
    "COREPACK_HOME": "corepack", "DENO_DIR": "deno", "npm_config_store_dir": "pnpm",
}  # fmt: skip
"""Variables that tell package managers where to keep what they have fetched, and the folder below peal's own for each."""


@frozen
class Confinement:
    """Wraps the programs of one repository's attempts."""

    kind: tuple[str, ...]
    """`bubblewrap`, `seatbelt`, or the words of a wrapper."""
    repo: Path
    """The person's tree, or a store of its commits."""
    git: Path
    """The repository's git folder."""
    caches: Path
    """Where package managers keep what they fetch; the person's own are not theirs to write."""
    guarded: tuple[str, ...] = ()
    """Paths in the tree that say what is run in it later."""
    writable: tuple[str, ...] = ()
    """What a person has added to what may be written; it is shown, too."""
    hidden: tuple[str, ...] = ()
    """The same of what is hidden."""
    private: tuple[str, ...] = ()
    """Files in the person's tree that are only theirs."""
    instead: tuple[tuple[str, str], ...] = ()
    """Files of which programs see others in their place: the settings of git without what leads elsewhere."""
    variables: tuple[str, ...] = ()
    """Patterns of variables that are let in."""
    services: tuple[str, ...] = ()
    """Sockets by which programs outside could be told to do what may not be done inside."""
    appeared: Appeared = field(factory=Appeared)
    """What programs make where nothing can be mounted, for nothing is there."""
    home: str = field(factory=lambda: os.path.realpath(os.path.expanduser("~")))
    _seen: dict[tuple[str, str], tuple[Rule, ...]] = field(factory=dict)
    """What is to be seen for a program and a PATH, which nobody moves while a run goes on."""

    @property
    def is_known(self) -> bool:
        """Whether it is one of which peal knows what it does, and not a person's own wrapper."""
        return len(self.kind) == 1

    @property
    def tells_signals(self) -> bool:
        """See `Launch.tells_signals`."""
        return self.kind == ("bubblewrap",)

    @classmethod
    def of(cls, wanted: Wanted, best: str, repo: Path, git: Path, own: Path) -> "Confinement":
        """What is wanted, where `best` is what works on such a system; `own` is peal's own folder there."""
        kind = (best,) if wanted.is_auto else wanted.kind
        return cls(
            kind,
            repo,
            git,
            own / "cache",
            writable=wanted.writable,
            hidden=wanted.hidden,
            variables=wanted.variables,
            services=listening(),
        )

    def environment(self, variables: Mapping[str, str], cli: str) -> dict[str, str]:
        """What of these variables a program is given, with places for what package managers fetch."""
        own = adapters()[cli] if cli else None
        found = let_in(variables, own.variables if own else (), self.variables)
        moved = {state.variable for state in (own.state if own else ())}
        caches = {name: str(self.caches / folder) for name, folder in _CACHES.items() if name not in moved}
        return {**found, **caches}

    def wrapped(
        self,
        argv: Iterable[str],
        access: Access,
        workspace: Path,
        scratch: str,
        path: str,
        phase: str = "execute",
    ) -> list[str]:
        """
        The words that run a program in its sandbox: `scratch` is its folder for temporary files, `path` its variable PATH; `phase` is
        for wrappers that ask for it.

        What it needs is made where it is missing, before it starts: a wrapper takes nothing that is not there.
        """
        program = list(argv)
        own = f"{scratch}.own"
        os.makedirs(own, exist_ok=True)
        self.caches.mkdir(parents=True, exist_ok=True)
        seen = program[0], path
        if seen not in self._seen:
            self._seen[seen] = tuple(self._shown(*seen))
        rules = [*self._seen[seen], *self._hidden(access, workspace), *self._writable(access)]
        rules += [
            Rule(os.path.realpath(scratch), Touch.WRITE),
            *self._of_workspace(workspace, access.may_write),
        ]
        values = () if self.is_known else self._values(access, workspace, scratch, phase)
        found = Sandbox(os.path.realpath(workspace), in_order(rules), own, access.has_network, values)
        return [*_words(self.kind, found), *program]

    def _values(
        self, access: Access, workspace: Path, scratch: str, phase: str
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What placeholders in a wrapper's words stand for; where there is no git folder of its own, what may be written anyway."""
        own_git = _own_git(workspace)
        has_git = workspace != self.repo and own_git.is_dir()
        found: dict[str, tuple[str, ...]] = {
            "workspace": (os.path.realpath(workspace),),
            "repo": (str(self.repo),),
            "git": (str(self.git),),
            "own_git": (os.path.realpath(own_git if has_git else scratch),),
            "scratch": (os.path.realpath(scratch),),
            "home": (self.home,),
            "state": tuple(place for place, _ in self._states(access.cli)),
            "phase": (phase,),
        }
        return tuple(found.items())

    def _states(self, cli: str) -> list[tuple[str, tuple[str, ...]]]:
        """The folders in which a coding CLI keeps its state, each with the settings in it; none for any other program."""
        found = adapters()[cli].state if cli else ()
        return [(os.path.realpath(state.place(self.home, os.environ)), state.settings) for state in found]

    def places(self, access: Access, workspace: Path) -> list[Place]:
        """Where something may appear that is run later, outside of any sandbox."""
        found = [
            Place(f"{place}/{name}", f"which your own `{access.cli}` obeys")
            for place, settings in self._states(access.cli)
            for name in settings
        ]
        return [*found, *self._places_in_tree()] if workspace == self.repo and access.may_write else found

    def _places_in_tree(self) -> Iterator[Place]:
        meaning = "by which peal or git is told what to run"
        for name in self.guarded:
            yield Place(str(self.repo / name), meaning)
        for above in sorted({above for name in self.guarded for above in self._above(name)}):
            yield Place(above, meaning, is_way=True)

    def _above(self, name: str) -> Iterator[str]:
        """The folders between the tree and something in it that an agent may write in."""
        return (str(self.repo / above) for above in Path(name).parents if above.name)

    def _shown(self, program: str, path: str) -> Iterator[Rule]:
        """What is to be seen though it lies where all else is out of sight."""
        yield from _rules(secret_places.TEMPORARY, Touch.OWN)
        yield from _rules(secret_places.SOCKETS, Touch.HIDE)
        yield from _rules(secret_places.NEEDED_OF_SOCKETS, Touch.READ)
        folders = [folder for folder in path.split(os.pathsep) if folder.startswith("/")]
        shown = [*folders, *_installed(program, folders, self.repo), sys.prefix, sys.base_prefix]
        yield from _rules(
            [*shown, str(self.repo), str(self.git), self.home],
            Touch.READ,
        )

    def _hidden(self, access: Access, workspace: Path) -> Iterator[Rule]:
        below = (f"{self.home}/{name}" for name in secret_places.BELOW_HOME)
        own = adapters()[access.cli].secrets if access.cli else ()
        others = [cli for cli in adapters().values() if cli.name != access.cli]
        states = (state.place(self.home, os.environ) for cli in others for state in cli.state)
        keys = (f"{self.home}/{name}" for cli in others for name in cli.secrets if name not in own)
        of_root = (place for place in secret_places.OF_THE_MACHINE if os.access(place, os.R_OK))
        services = (
            path for path in self.services if is_socket(path) and not Path(path).is_relative_to(workspace)
        )
        yield from _rules(
            [*of_root, *below, *states, *keys, *services, *map(self._named, self.hidden)], Touch.HIDE
        )
        if workspace != self.repo or not access.may_write:
            in_tree = map(str, self.repo.glob(secret_places.IN_THE_TREE))
            yield from _rules([*in_tree, *self.private], Touch.HIDE)
        for place, shown in self.instead:
            for rule in _rules([place], Touch.HIDE):
                yield evolve(rule, instead=shown)

    def _writable(self, access: Access) -> Iterator[Rule]:
        """State folders with what in them is not to be changed, caches, and what a person has named."""
        for place, settings in self._states(access.cli):
            os.makedirs(place, mode=0o700, exist_ok=True)
            yield Rule(place, Touch.WRITE)
            yield from _rules([f"{place}/{name}" for name in settings], Touch.READ)
        yield from _rules([str(self.caches), *map(self._named, self.writable)], Touch.WRITE)

    def _of_workspace(self, workspace: Path, may_write: bool) -> Iterator[Rule]:
        yield Rule(os.path.realpath(workspace), Touch.WRITE if may_write else Touch.READ)
        own_git = _own_git(workspace)
        if workspace == self.repo:
            yield from _rules(
                [str(self.repo / ".peal"), *(str(self.repo / name) for name in self.guarded)], Touch.READ
            )
            if may_write:  # what has something mounted on it cannot be renamed, with what is guarded in it
                yield from self._held()
        elif own_git.is_dir():
            yield Rule(os.path.realpath(own_git), Touch.WRITE)
        yield from _rules([str(workspace / ".git"), str(self.git)], Touch.READ)

    def _held(self) -> Iterator[Rule]:
        outside = (str(self.git), str(self.repo / ".peal"))
        for rule in _rules({above for name in self.guarded for above in self._above(name)}, Touch.WRITE):
            is_in_tree = rule.path.startswith(f"{self.repo}/")
            if is_in_tree and not any(f"{rule.path}/".startswith(f"{one}/") for one in outside):
                yield rule

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of a person's paths at which nothing is, so that no rule is made for them."""
        return [name for name in names if not os.path.exists(self._named(name))]

    def _named(self, name: str) -> str:
        """A path as a person has it: from the repository or from the home folder."""
        return str(self.repo / (self.home + name[1:] if name == "~" or name.startswith("~/") else name))


def _words(kind: tuple[str, ...], sandbox: Sandbox) -> list[str]:
    """What stands in front of a program's own words."""
    match kind:
        case ("bubblewrap",):
            return bubblewrap.words(sandbox, os.geteuid() == 0)
        case ("seatbelt",):
            return seatbelt.words(sandbox)
        case _:
            return wrapper.words(kind, sandbox)


def _own_git(workspace: Path) -> Path:
    return workspace.with_name(f"{workspace.name}.git")


def _rules(paths: Iterable[str], touch: Touch) -> Iterator[Rule]:
    """A rule for what is there of these, by its real name."""
    for path in paths:
        if os.path.exists(path):  # most are not there, and it takes long to look through links
            real = os.path.realpath(path)
            yield Rule(real, touch, os.path.isdir(real))


def _installed(program: str, folders: Iterable[str], repo: Path) -> Iterator[str]:
    """The folder that holds all of a program which lies below one for temporary files: nobody knows what else it needs."""
    places = [program] if "/" in program else [f"{folder}/{program}" for folder in folders]
    for place in places:
        for real in {place, os.path.realpath(place)} if os.path.exists(place) else ():
            if not Path(real).is_relative_to(repo):
                yield from (
                    _first_below(top, real) for top in secret_places.TEMPORARY if real.startswith(f"{top}/")
                )


def _first_below(top: str, path: str) -> str:
    return f"{top}/{path.removeprefix(f'{top}/').partition('/')[0]}"
