"""What `peal machine` offers to the peal at the other end of its pipe; all of it ends with the pipe."""

import os
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field

from peal import __version__
from peal.agents import probe
from peal.agents.cli import program_of
from peal.agents.registry import adapter, adapters, surroundings
from peal.classes import define
from peal.errors import PealError
from peal.machines import rpc, stores
from peal.machines.protocol import ANSWERS, PROTOCOL
from peal.machines.trees import GIT, Store, inside
from peal.model.access import Access
from peal.sandbox.appeared import Appeared, Place
from peal.sandbox.available import best, problem
from peal.sandbox.confinement import Confinement
from peal.sandbox.wanted import Wanted
from peal.system import git, removal
from peal.system.files import content
from peal.system.git import GitError
from peal.system.git_settings import copies_without_ways_out
from peal.system.process import Cancel, Clocks, Launch
from peal.system.scratch import Scratch

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LOOK = 0.2
"""Seconds between looks at what a program has printed."""


@define(eq=False)
class Site:
    """Used from many threads at once."""

    home: Path
    scratch: Scratch
    life: str
    peer: rpc.Peer = field(init=False)
    _stores: dict[str, Store] = field(factory=dict)
    _cancels: dict[str, Cancel] = field(factory=dict)
    """Of what runs, by its errand."""
    _to_end: dict[str, bool] = field(factory=dict)
    """Errands of which the end came before the beginning, each with whether at once."""
    _is_over: bool = False
    """Nothing begins any more."""
    _sandboxes: dict[Wanted, dict[str, Any]] = field(factory=dict)
    """What was found of those that were asked about."""
    _confinements: dict[tuple[Path, Wanted], Confinement] = field(factory=dict)
    """Those of each store: they remember what takes long to be found."""
    _appeared: Appeared = field(factory=Appeared)
    _trying: threading.Lock = field(factory=threading.Lock)
    """Held while one is tried."""
    _lock: threading.Lock = field(factory=threading.Lock)
    _putting: threading.Lock = field(factory=threading.Lock)
    """Held while a file is copied in."""

    def methods(self) -> rpc.Methods:
        """What may be asked here, each by a method of its name."""
        calls: dict[str, Callable[..., Any]] = {name: getattr(self, name) for name in ANSWERS}
        return rpc.Methods(calls, {"piece": self.piece, "cancel": self.cancel})

    def end(self) -> None:
        """End what runs, and wipe what was copied in; what is asked for from now on is refused."""
        with self._putting, self._lock:
            self._is_over = True
            for cancel in self._cancels.values():
                cancel.set(hard=True)
            stores = list(self._stores.values())
        for store in stores:
            store.wipe_all()

    # --- what is asked

    def hello(self) -> dict[str, Any]:
        """Who this is, and which coding CLIs are here."""
        return {
            "life": self.life,
            "peal": __version__,
            "protocol": PROTOCOL,
            "git": list(git.version()),
            "room": shutil.disk_usage(self.home).free,
            "clis": {name: program for name, cli in adapters().items() if (program := program_of(cli))},
        }

    def programs(self, words: list[str]) -> dict[str, bool]:
        """Which of these programs are here."""
        return {word: shutil.which(word) is not None for word in words}

    def sandbox(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """
        What a sandbox that is wanted is here, as `SandboxThere` has it: it is tried, once.

        Here nothing of any repository is known yet, so it stands around an empty folder.
        """
        asked = Wanted.from_json(wanted)
        with self._trying:
            if asked not in self._sandboxes:
                made = Confinement.of(asked, best(), self.home, self.home, self.scratch.folder)
                given = surroundings()
                left_out = sorted(given.keys() - made.environment(given, "").keys())
                why = problem(made, self.scratch, asked.has_network)
                self._sandboxes[asked] = {"kind": list(made.kind), "problem": why, "left_out": left_out}
            return self._sandboxes[asked]

    def agents(self, names: list[str]) -> list[dict[str, Any]]:
        """What is here of these coding CLIs, as `Found` has it."""
        found = probe.look(self.scratch, [adapter(name) for name in names], probe.LOOK_SEC)
        return [asdict(one) for one in found]

    def stores(self, repository: str) -> list[dict[str, Any]]:
        """What is kept here of a repository, as `StoreFound` has it."""
        return [asdict(one) for one in stores.find(self.home, _plain(repository))]

    def remove_stores(self, repository: str) -> list[dict[str, Any]]:
        """Remove what is kept of it and nobody uses, as `StoreRemoved` has it."""
        return [asdict(one) for one in stores.remove(self.home, _plain(repository))]

    def bases(self, repository: str, object_format: str) -> list[str]:
        """The commits of a repository that are here already."""
        return self._store(repository).bases(object_format)

    def piece(self, transfer: str, data: bytes) -> None:
        """More of a file that `bring` or `put` will name."""
        with self._transfer(transfer).open("ab") as file:
            file.write(data)

    def bring(self, repository: str, transfer: str, commit: str, known: list[str]) -> None:
        """Take a commit in."""
        file = self._transfer(transfer)
        try:
            self._store(repository).bring(file, commit, known)
        finally:
            file.unlink(missing_ok=True)

    def take(self, repository: str, commit: str, attempt: str, first: str = "") -> dict[str, str]:
        """Lend a clean tree to an attempt, the `first` of that name if nobody has it, with a folder of its own."""
        store = self._store(repository)
        folder = store.folder / "attempts" / _plain(attempt)
        removal.remove(folder)
        folder.mkdir(parents=True)
        tree = store.take(commit, first)
        return {"tree": tree, "path": str(store.tree(tree)), "folder": str(folder)}

    def give_back(self, repository: str, tree: str, attempt: str) -> None:
        """The attempt is over."""
        store = self._store(repository)
        removal.remove(store.folder / "attempts" / _plain(attempt))
        store.give_back(_plain(tree))

    def put(self, repository: str, place: str, name: str, transfer: str, mode: int) -> None:
        """Put a file that has come into a tree, or an attempt's folder."""
        store, target = self._store(repository), inside(self._place(repository, place), name)
        file = self._transfer(transfer)
        file.touch()
        file.chmod(mode & 0o777)
        with self._putting:
            self._check_goes_on()
            if place.startswith("trees/"):
                store.note(place.removeprefix("trees/"), name)
            target.parent.mkdir(parents=True, exist_ok=True)
            removal.remove(target)
            shutil.move(file, target)

    def read(self, repository: str, place: str, name: str, limit: int) -> bytes | None:
        """What a small file there holds; None if there is none."""
        return content(inside(self._place(repository, place), name), limit)

    def remove(self, repository: str, place: str, name: str) -> None:
        """Take a file there away."""
        removal.remove(inside(self._place(repository, place), name))

    def is_set_up(self, repository: str, tree: str, by: list[str]) -> bool:
        """Whether this command has readied a tree."""
        return self._store(repository).worktree(_plain(tree)).was_set_up_by(tuple(by))

    def mark_set_up(self, repository: str, tree: str, by: list[str]) -> list[str]:
        """It has, just now; what is to be told of that."""
        return self._store(repository).mark_set_up(_plain(tree), tuple(by))

    def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry a program out to its end; what it prints is told while it runs."""
        if order["life"] != self.life:
            raise ValueError("this was meant for an earlier life of this machine")
        errand = _plain(order["errand"])
        folder, tree = self._place(order["repository"], f"attempts/{order['attempt']}"), order["tree"]
        cwd = self._place(order["repository"], f"trees/{tree}")
        temporary = self.scratch.folder / errand
        temporary.mkdir()
        own = {**order["env"], "PWD": str(cwd), "TMPDIR": str(temporary)}
        own["GIT_CEILING_DIRECTORIES"] = str(cwd.parent)
        made, access = self._confinement(order), Access(**order["access"])
        argv, env = _confined(made, access, order, own, cwd) if made else _plain_start(order, own)
        launch = Launch(
            argv,
            cwd,
            {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
            f"{folder}/{order['prefix']}stdout",
            f"{folder}/{order['prefix']}stderr",
            stdin=f"{folder}/{order['stdin']}" if order["stdin"] else None,
            clocks=Clocks(*order["clocks"]),
            tells_signals=made is not None and made.tells_signals,
        )
        cancel = Cancel()
        with self._lock:
            self._check_goes_on()
            self._cancels[errand] = cancel
            if errand in self._to_end:
                cancel.set(self._to_end.pop(errand))
        places = made.places(access, cwd) if made else []
        self._appeared.begin(places)
        told: tuple[str, ...] = ()
        over = threading.Event()
        teller = threading.Thread(target=self._tell_output, args=(errand, launch, over), daemon=True)
        try:
            teller.start()
            ending = self.scratch.carry_out(errand, launch, cancel)
        finally:
            over.set()
            teller.join()
            told = self._put_right(places, order["repository"])
            with self._lock:
                del self._cancels[errand]
            cancel.close()
            for folder in (temporary, Path(f"{temporary}.own")):
                removal.remove(folder)
        how = {"how": str(ending.how), "code": ending.exit_code, "seconds": ending.seconds}
        return {**how, "notes": list(told)}

    def cancel(self, errand: str, hard: bool) -> None:
        """End what runs for an errand."""
        with self._lock:
            if cancel := self._cancels.get(errand):
                cancel.set(hard)
            else:
                self._to_end[errand] = hard

    def snapshot(
        self, repository: str, tree: str, base: str, errand: str, committed: list[str]
    ) -> dict[str, Any]:
        """
        The commit of what was done in a tree, with its objects told first; empty if nothing was, or the tree is broken past that.

        What was copied in from the person's tree is no work of the attempt's, and goes.
        """
        file, store = self.scratch.folder / f"{_plain(errand)}.pack", self._store(repository)
        store.wipe(_plain(tree))
        try:
            found = store.snapshot(tree, base, committed, file)
            if found.commit:
                rpc.sent(file, partial(self.peer.tell, "piece", errand))
        except GitError:
            raise
        except PealError as error:
            return {"commit": "", "is_staged": False, "left_out": [], "broken": str(error)}
        finally:
            file.unlink(missing_ok=True)
        return asdict(found)

    # --- inside

    def _confinement(self, order: dict[str, Any]) -> Confinement | None:
        """The sandbox that a program is to have; nothing is looked for where none was asked for."""
        if not order["sandbox"]:
            return None
        folder, wanted = self._store(order["repository"]).folder, Wanted.from_json(order["sandbox"])
        with self._trying:
            if (folder, wanted) not in self._confinements:
                instead = copies_without_ways_out(folder / GIT, self.scratch.folder)
                made = Confinement.of(wanted, best(), folder, folder / GIT, folder)
                found = evolve(made, instead=instead, appeared=self._appeared)
                self._confinements[folder, wanted] = found
            return self._confinements[folder, wanted]

    def _put_right(self, places: list[Place], repository: str) -> tuple[str, ...]:
        """What has appeared where code is run later is kept with the store, for the attempt's folder goes; what is to be told."""
        if not places:
            return ()
        kept = self._store(repository).folder / "appeared"
        kept.mkdir(exist_ok=True)
        told = self._appeared.end(places, kept)
        with suppress(OSError):  # as good as always empty
            kept.rmdir()
        return told

    def _check_goes_on(self) -> None:
        if self._is_over:
            raise ValueError("this machine is ending")

    def _tell_output(self, errand: str, launch: Launch, over: threading.Event) -> None:
        told = {launch.stdout: 0, launch.stderr: 0}
        is_over = False
        while not is_over:
            is_over = over.wait(_LOOK)
            for name, path in (("stdout", launch.stdout), ("stderr", launch.stderr)):
                with suppress(FileNotFoundError):
                    tell = partial(self.peer.tell, "output", errand, name)
                    told[path] = rpc.sent(Path(path), tell, told[path])

    def _store(self, repository: str) -> Store:
        with self._lock:
            if repository not in self._stores:
                self._stores[repository] = Store.open(self.home, _plain(repository))
            return self._stores[repository]

    def _place(self, repository: str, place: str) -> Path:
        kind, _, name = place.partition("/")
        if kind not in ("trees", "attempts"):
            raise ValueError(f"there is no place `{place}`")
        return self._store(repository).folder / kind / _plain(name)

    def _transfer(self, name: str) -> Path:
        return self.scratch.folder / f"{_plain(name)}.part"


def _plain_start(order: dict[str, Any], own: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The words and the variables of a program that is in no sandbox."""
    return order["argv"], {**surroundings(), **own}


def _confined(
    made: Confinement, access: Access, order: dict[str, Any], own: dict[str, str], cwd: Path
) -> tuple[list[str], dict[str, str]]:
    """Those of one that is in a sandbox."""
    env = {**made.environment(surroundings(), access.cli), **own}
    argv = made.wrapped(order["argv"], access, cwd, own["TMPDIR"], env.get("PATH", ""), own["PEAL_PHASE"])
    return argv, env


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise ValueError(f"`{name[:60]!r}` is no plain name")
    return name
