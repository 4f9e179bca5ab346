"""An item's file as a person edits it: kept until it is taken, and brought up to date if the item changes meanwhile."""

from pathlib import Path

from peal.backlog.store import Kept
from peal.classes import frozen
from peal.system import git
from peal.system.files import replace

_UNDECIDED = (b"<<<<<<< ", b">>>>>>> ")
_SIDES = ("what you wrote", "before", "the item as it is")


@frozen
class Draft:
    """A copy of an item's file, with what it was made of beside it."""

    path: Path

    @classmethod
    def of(cls, folder: Path, kept: Kept) -> "Draft":
        """That of an item; there may be none yet."""
        return cls(folder / kept.path.name)

    @property
    def _base(self) -> Path:
        return self.path.with_name(f"{self.path.name}.before")

    def opened(self, kept: Kept) -> bool:
        """
        Make it, or bring an earlier one up to date with the item; says whether there was one. OSError if that cannot be written.

        Where both have changed the same lines, both are there, between git's marks.
        """
        if not (self.path.exists() and self._base.exists()):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._base, kept.raw)
            replace(self.path, kept.raw)
            return False
        if self._base.read_bytes() != kept.raw:
            sides = [word for side in _SIDES for word in ("-L", side)]
            files = map(str, (self.path, self._base, kept.path))
            replace(self.path, git.run(kept.path.parent, "merge-file", "--stdout", *sides, *files).stdout)
            replace(self._base, kept.raw)
        return True

    @property
    def raw(self) -> bytes:
        """What is in it."""
        return self.path.read_bytes()

    @property
    def is_undecided(self) -> bool:
        """Whether marks of a merge are left in it."""
        return any(line.startswith(_UNDECIDED) for line in self.raw.splitlines())

    def drop(self) -> None:
        """It is no longer needed."""
        self.path.unlink(missing_ok=True)
        self._base.unlink(missing_ok=True)
