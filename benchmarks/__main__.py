"""`python -m benchmarks [NAME...]`: measure, print one table, end with 1 if a figure is over its bound."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from benchmarks.figures import FIGURES, Figure
from benchmarks.ground import Broken, Ground, Missing, machine, open_ground
from benchmarks.older import against
from benchmarks.rows import Line, Unmeasured, is_bad, table


def main(words: Sequence[str] | None = None) -> int:
    """Measure what was asked for; the exit code."""
    asked = _asked(words)
    figures = [figure for figure in FIGURES if not asked.names or figure.name in asked.names]
    if asked.small:
        figures = [figure.small() for figure in figures]
    with open_ground(asked.repeat) as ground:
        print(machine(ground), file=sys.stderr)
        found = [row for figure in figures for row in _measured(figure, ground, asked)]
    judging = not asked.small
    print(table(found, judging))
    return int(any(is_bad(row, judging) for row in found))


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says; ends the program if that is nonsense."""
    names = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure what peal itself costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}; default: all")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="how often; medians are shown")
    parser.add_argument(
        "--small", action="store_true", help="only show that the figures can be measured; judges nothing"
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        help="measure the peal of that commit as the peer, instead of any other",
    )
    parser.add_argument(
        "--most", type=float, default=1.0, metavar="RATIO", help="what may be needed of what that needs"
    )
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.names if name not in names]:
        parser.error(f"there is no figure `{unknown[0]}`; known are {', '.join(names)}")
    if asked.repeat < 1:
        parser.error("--repeat must be at least 1")
    return asked


def _measured(figure: Figure, ground: Ground, asked: argparse.Namespace) -> Iterator[Line]:
    print(f"measuring {figure.name} ...", file=sys.stderr, flush=True)
    try:
        if asked.against:
            yield from against(figure, ground, asked.against, asked.most)
        else:
            yield from figure.rows(ground)
    except Missing as missing:
        yield Unmeasured(figure.name, f"skipped: {missing}")
    except Broken as broken:
        yield Unmeasured(figure.name, f"failed: {broken}", is_bad=True)


if __name__ == "__main__":
    sys.exit(main())
