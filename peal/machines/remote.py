"""An attempt's programs carried out on a machine: what they need goes there, what they did comes back into the worktree."""

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import asdict, field

from peal.agents.registry import adapter
from peal.classes import define, frozen
from peal.errors import MachineLost, PealError
from peal.machines.connection import Connection
from peal.machines.equipment import Need
from peal.machines.errand import Errand
from peal.machines.fleet import Fleet
from peal.machines.packs import packed, unpacked
from peal.model.agent import Command, Session
from peal.model.plan import TaskId
from peal.model.process import Ended, Ending, Sign
from peal.model.work import Order
from peal.record.events import Event, ProcessStarted
from peal.sandbox.wanted import Wanted, unusable
from peal.system import git
from peal.system.git_objects import objects_of
from peal.system.process import Cancel, Clocks
from peal.workspaces import Change, Workspace
from peal.worktrees import unconverted
from peal.worktrees.worktree import Worktree


@frozen
class _Place:
    """A tree on a machine, for as long as the connection lasts."""

    machine: Connection
    tree: str


@define(eq=False)
class RemoteDoor:
    """Leads to machines; used from any thread."""

    repo: Path
    repository: str
    """What it is called there."""
    object_format: str
    """See `git.object_format`."""
    fleet: Fleet
    needs: Mapping[str, Need]
    """What each agent needs of a machine."""
    sandbox: Wanted | None
    """What programs are to be started in there."""
    setup: Sequence[str]
    included: Sequence[Path]
    """The person's untracked files that are copied in, relative to the repository's root."""
    committed: Sequence[str]
    """Patterns of paths that are committed though git ignores them."""
    scratch: Path
    put: Callable[[Event | BaseException], None]
    cancel: Cancel
    _latest: dict[TaskId, "_Place"] = field(factory=dict)
    """Where each task's latest attempt ran."""

    @contextmanager
    def lend(self, order: Order, workspace: Workspace | Change) -> Iterator["RemoteSpot"]:
        """A tree on a machine that has room; `MachineLost` if there is none, or the one that was found is lost."""
        with ExitStack() as stack:
            before = self._latest.get(order.task.id) if order.session else None
            first = before.machine.name if before else ""
            machine = self.fleet.take(order.agent, self.needs[order.agent], self.cancel, first)
            stack.callback(self.fleet.give_back, order.agent, machine.name)
            known = machine.call("bases", self.repository, self.object_format)
            if workspace.base not in known:
                self._bring(machine, workspace.base, known)
            tree = before.tree if before and before.machine is machine else ""
            lent = machine.call("take", self.repository, workspace.base, _attempt(order), tree)
            here = _Place(machine, lent["tree"])
            self._latest[order.task.id] = here
            spot = RemoteSpot(
                self, here, order, workspace, Path(lent["path"]), Path(lent["folder"]), here == before
            )
            stack.callback(spot.give_back)
            for name in self.included:
                spot.include(name)
            yield spot

    def _bring(self, machine: Connection, commit: str, known: list[str]) -> None:
        """The machine's own list may name what is gone here, as after a rewritten branch."""
        here = list(filter(objects_of(self.repo).commit_id, known))
        file = self.scratch / f"{machine.name}-{commit}-{threading.get_ident()}.pack"
        try:
            packed(self.repo, commit, here, file)
            machine.call("bring", self.repository, machine.send_file(file), commit, here)
        finally:
            file.unlink(missing_ok=True)


@frozen(eq=False)
class RemoteSpot:
    """A tree there, for one attempt."""

    door: RemoteDoor
    place: _Place
    order: Order
    workspace: Workspace | Change
    path: Path
    folder: Path
    is_as_before: bool
    """The task's attempt before this one was in the same place."""
    _left_out: list[str] = field(factory=list)

    @property
    def machine(self) -> Connection:
        """Where it is."""
        return self.place.machine

    @property
    def tree(self) -> str:
        """What it is called there."""
        return self.place.tree

    @property
    def _attempt(self) -> str:
        return _attempt(self.order)

    @property
    def is_confined(self) -> bool:
        """By what works there."""
        wanted = self.door.sandbox
        return wanted is not None and self.machine.sandbox(wanted).is_known

    def goes_on(self, session: Session) -> bool:  # noqa: ARG002 - an order names none but that of the attempt before
        """If nothing of the place has changed."""
        return self.is_as_before

    def carry_out(
        self,
        command: Command,
        clocks: Clocks,
        prefix: str = "",
        sign: Callable[[str], Sign | None] | None = None,
    ) -> Ending:
        """Its output is in the attempt's folder here, as it comes; `MachineLost` if the machine does not tell the end."""
        name = f"{self._attempt}{f'-{prefix}' if prefix else ''}".strip(".")
        errand = Errand(self.machine, name, f"{self.order.folder}/{prefix}", self.door.cancel)
        with errand.hearing():
            if self.door.cancel.is_set:
                return Ending(Ended.CANCELLED, 0, 0.0)
            prompt = f"{prefix}prompt.md"
            for file in (*command.files, *[prompt] * (self.order.folder / prompt).exists()):
                self._send(self.order.folder / file, f"attempts/{self._attempt}", file)
            order = self._order(name, command, clocks, prefix)
            question = self.machine.ask("carry_out", order)
            self._tell_started()
            return errand.followed(question, sign)

    def _tell_started(self) -> None:
        """Its number there says nothing here."""
        order, number, birth = self.order, 0, ""
        self.door.put(
            ProcessStarted(
                time.time(), order.task.id, order.phase.name, order.number, number, birth, self.machine.name
            )
        )

    def _order(self, errand: str, command: Command, clocks: Clocks, prefix: str) -> dict[str, Any]:
        order = self.order
        env = {
            **command.env,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_EDITOR": "true",
            "PEAL_PHASE": order.phase.name,
            "PEAL_TASK": order.task.id,
            "PEAL_ATTEMPT": str(order.number),
            "PEAL_WORKSPACE": str(self.path),
            **_time_zone(),
        }
        return {
            "life": self.machine.hello.life,
            "errand": errand,
            "repository": self.door.repository,
            "attempt": self._attempt,
            "tree": self.tree,
            "argv": self._argv(command),
            "env": env,
            "prefix": prefix,
            "stdin": f"{prefix}prompt.md" if command.prompt_on_stdin else "",
            "sandbox": self._sandbox(),
            "access": asdict(command.access),
            "clocks": [clocks.timeout, clocks.idle, clocks.flood],
        }

    def _sandbox(self) -> dict[str, Any] | None:
        """The one that works there; none with `auto` where none does. `MachineLost` if there has to be one."""
        if not (wanted := self.door.sandbox):
            return None
        there = self.machine.sandbox(wanted)
        if there.problem and wanted.is_required:
            raise self.machine.lost(f"{unusable(wanted, there.kind)} there: {there.problem}")
        return None if there.problem else wanted.as_json()

    def _argv(self, command: Command) -> list[str]:
        """What is here as it is called there: the attempt's folder, a program of the repository, a coding CLI."""
        program, *words = command.argv
        if command.files:
            words = [word.replace("{folder}", str(self.folder)) for word in words]
        cli = self.door.needs[self.order.agent].cli
        if cli and program in adapter(cli).programs:
            program = self.machine.hello.clis[cli]
        elif Path(program).is_relative_to(self.door.repo):
            program = str(self.path / Path(program).relative_to(self.door.repo))
        return [program, *words]

    def _call(self, method: str, *params: Any) -> Any:
        return self.machine.call(method, self.door.repository, *params)

    def needs_setup(self) -> bool:
        """Whether nobody has readied this tree by the same command."""
        setup = list(self.door.setup)
        return bool(setup) and not self._call("is_set_up", self.tree, setup)

    def mark_set_up(self) -> tuple[str, ...]:
        """It is ready, for as long as it exists; what was copied in went with all that nobody commits."""
        told = self._call("mark_set_up", self.tree, list(self.door.setup))
        for name in self.door.included:
            self.include(name)
        return tuple(told)

    def content(self, file: Path, limit: int) -> bytes | None:
        """Asked for there."""
        found: bytes | None = self._call("read", *self._named(file), limit)
        return found

    def remove(self, file: Path) -> None:
        """There."""
        self._call("remove", *self._named(file))

    def shown(self, file: Path) -> Path:
        """Sent to the attempt's folder there."""
        name = f"{file.parent.name}-{file.name}"
        self._send(file, f"attempts/{self._attempt}", name)
        return self.folder / name

    def include(self, name: Path) -> None:
        """Copy a file of the person's in, until what was done is brought back; a link as what it leads to."""
        self._send(self.door.repo / name, f"trees/{self.tree}", name.as_posix())

    def bring_back(self) -> None:
        """As a commit, which git looks through before anything of it is used."""
        base, name = self.workspace.base, f"{self._attempt}-done"
        file = self.door.scratch / f"{self.machine.name}-{name}.pack"
        with self.machine.taking_file(name, file) as transfer:
            done = self._call("snapshot", self.tree, base, name, list(self.door.committed))
            self._left_out[:] = done["left_out"]
            if done["commit"]:
                if transfer.error:
                    raise transfer.error
                self._have(done, base, file)
        if done["broken"]:
            raise PealError(f"machine `{self.machine.name}`: {done['broken']}")

    def _have(self, done: Mapping[str, Any], base: str, file: Path) -> None:
        """What could not be committed there is here as it was, so that it is kept like any that cannot be."""
        commit, worktree = done["commit"], Worktree(self.door.repo, self.workspace.path)
        try:
            unpacked(self.door.repo, file, commit, [base])
        except (git.GitError, FileNotFoundError) as error:
            if isinstance(error, git.GitError) and error.no_room:
                raise
            raise self.machine.lost(f"what it sent back is not to be used: {error}") from None
        if done["broken"]:
            unconverted.write(worktree, commit)
        worktree.have(commit, base, done["is_staged"])

    def left_out(self) -> tuple[str, ...]:
        """As the machine has told when it was brought back."""
        return tuple(self._left_out)

    def give_back(self) -> None:
        """Nobody needs the tree any more; a machine that is lost has forgotten it anyway."""
        with suppress(MachineLost):
            self._call("give_back", self.tree, self._attempt)

    def _send(self, file: Path, place: str, name: str) -> None:
        transfer = self.machine.send_file(file)
        self._call("put", place, name, transfer, file.stat().st_mode & 0o777)

    def _named(self, file: Path) -> tuple[str, str]:
        if file.is_relative_to(self.folder):
            return f"attempts/{self._attempt}", str(file.relative_to(self.folder))
        return f"trees/{self.tree}", str(file.relative_to(self.path))


def _time_zone() -> dict[str, str]:
    """What makes a program there tell times of day as they are here: that is how they are read. Nothing where it is unknown."""
    name = os.environ.get("TZ") or os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    return {"TZ": name} if name else {}


def _attempt(order: Order) -> str:
    """What an attempt is called there: a plain name, and no other attempt's, whichever plan that is at."""
    mark = hashlib.sha256(str(order.folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{mark}-{re.sub('[^A-Za-z0-9._-]', '_', order.folder.name)[:60]}"
