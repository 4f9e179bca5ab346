"""What could not be merged, in words: by the paths it is about, with both sides, and with what git says of it."""

import re
from collections.abc import Iterable, Mapping, Sequence

from peal.classes import frozen
from peal.model.review import Finding
from peal.text.display import harmless

REVIEWER = "git merge"
SIDES = {
    "DD": "both sides deleted it",
    "AU": "only the branch has it",
    "UD": "the task deleted it, the branch changed it",
    "UA": "only the task has it",
    "DU": "the branch deleted it, the task changed it",
    "AA": "both sides added it",
    "UU": "both sides changed it",
}
"""What git-status(1) says of unmerged paths; "us" is the branch, "them" the task."""
_EXCERPT = 120
"""Lines of a conflicting file that a finding shows."""
_HUNK = re.compile(rb"^<{7} .*?^>{7} [^\n]*$", re.MULTILINE | re.DOTALL)
_MOVED = re.compile(
    r"CONFLICT \(file/directory\): directory in the way of (.+) from .+; moving it to (.+) instead\."
)
_TYPES = re.compile(r"CONFLICT \(distinct types\): (.+) had different types on each side")


@frozen
class Conflict:
    """One path that both sides have done something to that does not fit together."""

    path: str
    how: str
    """git's two letters for it, see `SIDES`."""
    real: str = ""
    """The path that it is about, where git has put one side beside it under another name."""

    def told(self, content: bytes | None, lines: Sequence[str]) -> Finding:
        """As a finding: what to do, both sides where the file shows them, and the lines of git's that name the path."""
        hunks = _HUNK.findall(content or b"")
        shown = [harmless(line) for hunk in hunks for line in hunk.decode("utf-8", "replace").splitlines()]
        more = [f"… {len(shown) - _EXCERPT} lines more in the file"] if len(shown) > _EXCERPT else []
        said = [harmless(line) for line in lines if (self.real or self.path) in line]
        return Finding(REVIEWER, "\n".join([self._head(bool(hunks)), *said, *shown[:_EXCERPT], *more]))

    def _head(self, has_hunks: bool) -> str:
        if self.real:
            side = "the branch's" if self.how[0] in "AU" and self.how != "UA" else "the task's"
            return (
                f"conflict in `{harmless(self.real)}`: the two sides have different kinds of things there, and git has put "
                f"{side} at `{harmless(self.path)}`; leave `{harmless(self.real)}` as it should be and `git rm` the other"
            )
        how = f"conflict in `{harmless(self.path)}`: {SIDES[self.how]}"
        return (
            how if has_hunks else f"{how}; leave the file as it should be, then `git add` it, or `git rm` it"
        )


def of(unmerged: Mapping[str, str], lines: Iterable[str]) -> list[Conflict]:
    """The conflicts of a merge: each unmerged path with git's letters, and the lines that git has printed."""
    real = _put_beside(unmerged, lines)
    return [Conflict(path, how, real.get(path, "")) for path, how in unmerged.items()]


def _put_beside(unmerged: Iterable[str], lines: Iterable[str]) -> dict[str, str]:
    """Where git has put one side of a path because the other is there: the path it is about, by that name."""
    paths = set(unmerged)
    found = {}
    for line in lines:
        if moved := _MOVED.match(line):
            found[moved[2]] = moved[1]
        elif (typed := _TYPES.match(line)) and typed[1]:
            found |= {path: typed[1] for path in paths if path.startswith(f"{typed[1]}~")}
    return {path: name for path, name in found.items() if path in paths}
