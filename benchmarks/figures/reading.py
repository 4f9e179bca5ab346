"""What it costs to read long plans: `peal check` of five megabytes, against the markdown parser alone on the same text."""

from collections.abc import Callable, Iterator

from attrs import evolve, frozen

from benchmarks.ground import PYTHON, Ground, alternate, run
from benchmarks.rows import Bound, Judged, Row

_TEXT = (
    "Look up where the limit is set, write the new one there, and keep the order of the entries as it is.\n"
    * 4
)
_PARSER = (
    "import sys; from pathlib import Path; from markdown_it import MarkdownIt; "
    "MarkdownIt('commonmark').parse(Path('plan.md').read_text())"
)


@frozen
class Reading:
    """Plans in two formats, and one with forty boxes in each task."""

    tasks: int = 10_000
    name: str = "reading"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row each."""
        shapes: tuple[tuple[str, Callable[[int], str], float], ...] = (
            ("tasks under headings", lambda n: f"## Task {n}: Number {n}\n\n{_TEXT}\n", 2),
            ("tasks of spec-kit", lambda n: f"- [ ] T{n:05} [P] Number {n}\n\n  {_TEXT.strip()}\n", 2),
            ("tasks with 40 boxes each", lambda n: f"## Task {n}: Number {n}\n\n" + "- [ ] a step\n" * 40, 5),
        )
        for what, task, most in shapes:
            repository = ground.repository("# A plan\n\n" + "\n".join(map(task, range(1, self.tasks + 1))))
            ours, theirs = alternate(
                ground.repeat,
                lambda: repository.peal("check", "plan.md"),  # noqa: B023 - called at once
                lambda: run([PYTHON, "-c", _PARSER], repository.path, ground.env),  # noqa: B023
            )
            bound = Bound(most, Judged.OURS)
            yield Row(
                self.name, f"`peal check`, {self.tasks} {what}", ours, "markdown-it alone", theirs, "s", bound
            )

    def small(self) -> "Reading":
        """A few tasks."""
        return evolve(self, tasks=20)
