"""Start-up: `peal --version` against the Python it runs on."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import PYTHON, Ground, alternate, run
from benchmarks.rows import Bound, Row


@frozen
class Version:
    """The quickest command there is."""

    times: int = 6
    """Samples for each repetition: one takes no time and varies much."""
    name: str = "version"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        folder = ground.fresh()
        ours, theirs = alternate(
            ground.repeat * self.times,
            lambda: run([ground.peal, "--version"], folder, ground.env) * 1000,
            lambda: run([PYTHON, "-c", "pass"], folder, ground.env) * 1000,
        )
        yield Row(self.name, "`peal --version`", ours, "`python -c pass`", theirs, "ms", Bound(3))

    def small(self) -> "Version":
        """A sample each."""
        return evolve(self, times=1)
