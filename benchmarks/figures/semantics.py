"""Whether parallel work that clashes is noticed, and what lands then; git is asked, not peal."""

import subprocess
from collections.abc import Iterator

from attrs import frozen

from benchmarks.ground import Ground, Repository
from benchmarks.plans import reviewed_by, scripts
from benchmarks.rows import Promise

_INNOCENT = tuple(f"mkdir -p out; echo {number} >out/{number}" for number in (3, 4))
_LIMITS = "# Limits\nlimit = 10\n# End\n"
_PATCH = """\
--- a/limits.txt
+++ b/limits.txt
@@ -1,3 +1,3 @@
 # Limits
-limit = 10
+limit = {}
 # End
"""
_LIBRARY = """\
greet() { echo "hello $1"; }
"""
_TEST = """\
set -e
. ./library.sh
for script in ./use-*.sh; do . "$script"; done
"""


@frozen
class Semantics:
    """Four tasks at once: 1 and 2 clash, 3 and 4 have nothing to do with it."""

    name: str = "semantics"

    def rows(self, ground: Ground) -> Iterator[Promise]:
        """A row for each scenario."""
        yield self._conflict_done_anew(ground)
        yield self._conflict_for_good(ground)
        yield self._broken_merge(ground)

    def _conflict_done_anew(self, ground: Ground) -> Promise:
        """Task 2 sets the line whatever stands there; done once more on what has landed, it fits."""
        works = [f"sed -i.bak 's/^limit = .*/limit = {n}/' limits.txt && rm limits.txt.bak" for n in (20, 30)]
        repository = ground.project(scripts(*works, *_INNOCENT), files={"limits.txt": _LIMITS})
        happened = _happened(repository)
        limit = repository.git("show", "main:limits.txt").split("\n")[1]
        return Promise(
            self.name,
            "two edit one line; the second fits when done anew",
            f"{happened}, {limit}",
            "1, 2, 3, 4 landed, exit 0, kept: none, limit = 30",
        )

    def _conflict_for_good(self, ground: Ground) -> Promise:
        """Task 2 applies a patch that fits nothing but the old line."""
        patches = {f"{n}.patch": _PATCH.format(n) for n in (20, 30)}
        works = [f"git apply {name}" for name in patches]
        files = {"limits.txt": _LIMITS, **patches}
        repository = ground.project(scripts(*works, *_INNOCENT), files=files)
        happened = _happened(repository)
        limit = repository.git("show", "main:limits.txt").split("\n")[1]
        return Promise(
            self.name,
            "two edit one line; the second never fits",
            f"{happened}, {limit}",
            "1, 3, 4 landed, exit not 0, kept: 2, limit = 20",
        )

    def _broken_merge(self, ground: Ground) -> Promise:
        """Task 1 renames a function, task 2 adds a caller of the old name: each is fine alone."""
        works = (
            "for file in library.sh use-1.sh; do sed -i.bak s/greet/welcome/ $file && rm $file.bak; done",
            "echo greet everybody >use-2.sh",
        )
        files = {"library.sh": _LIBRARY, "use-1.sh": "greet you\n", "test.sh": _TEST}
        repository = ground.project(scripts(*works, *_INNOCENT), reviewed_by("sh test.sh"), files)
        happened = _happened(repository)
        repository.git("reset", "--quiet", "--hard", "main")
        return Promise(
            self.name,
            "one renames a function, one calls it: broken only when merged",
            f"{happened}, tests {'pass' if _passes(repository) else 'fail'}",
            "1, 3, 4 landed, exit not 0, kept: 2, tests pass",
        )

    def small(self) -> "Semantics":
        """It is small, and says what it says at any size."""
        return self


def _happened(repository: Repository) -> str:
    code, _ = repository.ending("run", "plan.md", "--agent", "shell", "--max-parallel", "4")
    landed = ", ".join(map(str, repository.landed()))
    refs = repository.git("for-each-ref", "--format=%(refname)", "refs/heads/peal").split("\n")
    kept = ", ".join(ref.rpartition("/")[2] for ref in refs if ref) or "none"
    return f"{landed} landed, exit {'not 0' if code else 0}, kept: {kept}"


def _passes(repository: Repository) -> bool:
    argv = ["sh", "test.sh"]
    done = subprocess.run(argv, cwd=repository.path, env=repository.env, capture_output=True, check=False)
    return done.returncode == 0
