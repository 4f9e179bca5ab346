"""What has become of a branch that is not there any more under its name."""

import re
import shlex
from pathlib import Path

from peal.system import git
from peal.text.display import harmless

_RENAMED = re.compile(r"^Branch: renamed refs/heads/(\S+) to refs/heads/(\S+)$", re.MULTILINE)


def gone(repo: Path, branch: str, is_named: bool = False) -> str:
    """What to say of a branch that is not there, with the way out; where it `is_named`, whatever is checked out."""
    now, here = renamed(repo, branch), git.branch(repo)
    if now and is_named:
        return f"`{branch}` is called `{now}` now; `peal resume --branch {shlex.quote(now)} --retarget` lands there"
    if now and now == here:
        return f"`{branch}` is called `{now}` now; `peal resume --retarget` lands there"
    if now:
        return f"`{branch}` is called `{now}` now; `git switch {now}`, then `peal resume --retarget`"
    if is_named:
        return (
            f"there is no branch `{branch}` any more; make it again (`git branch {shlex.quote(branch)} COMMIT`), then "
            "`peal resume`, or pass --retarget to have it begun anew"
        )
    other = f", or pass --retarget to land in `{harmless(here)}`, which is checked out" if here else ""
    return f"there is no branch `{branch}` any more; make it again, then `peal resume`{other}"


def renamed(repo: Path, branch: str) -> str:
    """The name that the branch has now, by what git remembers of its branches; empty if none of them was it."""
    told = git.run(repo, "log", "--walk-reflogs", "--all", "--format=%gs").stdout
    renames = dict(reversed(_RENAMED.findall(told.decode("utf-8", "surrogateescape"))))
    name = latest_name(branch, renames)
    return name if name and git.commit_id(repo, f"refs/heads/{name}") else ""


def latest_name(branch: str, renames: dict[str, str]) -> str:
    """The last of the names that follow from one another; empty if there is no other one."""
    name, seen = branch, {branch}
    while (after := renames.get(name)) and after not in seen:
        name = after
        seen.add(after)
    return name if name != branch else ""
