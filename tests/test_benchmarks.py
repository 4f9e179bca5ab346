"""Every figure of `python -m benchmarks` can be measured; nothing here looks at how long anything takes."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import sample

ROOT = Path(__file__).parents[1]
NAMES = (
    "version", "processes", "uneven", "recording", "reading", "status", "resume", "screen",
    "isolated", "overhead", "as-ready", "graph", "batch", "backlog-status", "phases", "look-ahead", "report",
    "machines", "more-machines", "sandbox", "semantics", "flood", "far-output", "large",
)  # fmt: skip

QUICK = ("version", "recording")
"""A quick one of each kind, by commands and within this process; others are for `make torture`."""


def benchmarks(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that turns samples into a table."""
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.rows")


@pytest.mark.parametrize("name", sample(NAMES, *QUICK))
def test_a_figure_prints_its_row(name: str) -> None:
    """At a small size; one that needs what is not installed says so."""
    done = benchmarks(name, "--small", "--repeat", "1")

    assert done.returncode == 0, done.stdout + done.stderr
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert {row[0] for row in found} == {name}
    for _, what, *numbers, _verdict in found:
        assert what.startswith("skipped: ") or all(numbers)


def test_every_figure_is_tried_here() -> None:
    """The names are those that the command knows."""
    told = " ".join(benchmarks("--help").stdout.split()).replace("- ", "-")  # a line may end behind a hyphen

    assert f"one of {', '.join(NAMES)};" in told


def test_an_older_peal_is_measured_as_the_peer() -> None:
    """Whatever the commit is called; what did not exist is told."""
    if subprocess.run(
        ["git", "cat-file", "-e", "HEAD:peal"], cwd=ROOT, check=False, capture_output=True
    ).returncode:
        pytest.skip("this is no clone of the repository")
    done = benchmarks("version", "--small", "--repeat", "2", "--against", "HEAD", "--most", "9")
    unknown = benchmarks("version", "--small", "--repeat", "1", "--against", "no-such-commit")

    assert done.returncode == 0, done.stdout + done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[2].split("|")[1:-1]]
    _figure, what, _ours, peer, theirs, ratio, bound, _verdict = cells
    assert (what, peer, bound) == ("`peal --version`", "peal HEAD", "9 x"), done.stdout
    assert theirs.endswith("ms")
    assert ratio.endswith("x")
    assert unknown.returncode == 1
    assert "failed: there is no peal of `no-such-commit`" in unknown.stdout


def test_an_unknown_figure_is_refused() -> None:
    """With the names there are."""
    done = benchmarks("no-such-figure")

    assert done.returncode == 2
    assert "there is no figure `no-such-figure`; known are version" in done.stderr


def test_a_row_judges_medians(rows: ModuleType) -> None:
    """One outlier changes nothing; the bound itself is not over."""
    quick = rows.Row("f", "w", (2.0, 90.0, 1.0), "p", (2.0, 1.0, 3.0), "ms", rows.Bound(1))
    slow = rows.Row("f", "w", (2.1,), "p", (2.0,), "ms", rows.Bound(1))

    assert (quick.ratio, rows.is_bad(quick)) == (1.0, False)
    assert rows.is_bad(slow)
    assert not rows.is_bad(slow, judging=False)


def test_a_bound_may_be_on_the_amount_itself(rows: ModuleType) -> None:
    """Whatever the peer needs."""
    bound = rows.Bound(100, rows.Judged.OURS)

    assert not rows.is_bad(rows.Row("f", "w", (99.0,), "p", (1.0,), "MB", bound))
    assert rows.is_bad(rows.Row("f", "w", (101.0,), "p", (200.0,), "MB", bound))


def test_a_figure_that_cannot_be_measured_is_bad_only_if_it_failed(rows: ModuleType) -> None:
    """A peer that is not installed is no fault."""
    assert not rows.is_bad(rows.Unmeasured("f", "skipped: no peer"))
    assert rows.is_bad(rows.Unmeasured("f", "failed: exit 1", is_bad=True), judging=False)


def test_a_promise_is_kept_or_bad_at_any_size(rows: ModuleType) -> None:
    """It is no matter of time; the table tells what was promised instead."""
    kept = rows.Promise("f", "w", "1 landed", "1 landed")
    broken = rows.Promise("f", "w", "1 landed", "none landed")

    assert not rows.is_bad(kept)
    assert rows.is_bad(broken, judging=False)
    assert "| 1 landed | promised | none landed | -     | -     | broken |" in rows.table([kept, broken])


def test_the_table_is_aligned(rows: ModuleType) -> None:
    """And markdown."""
    row = rows.Row("f", "what", (1.5,), "peer", (3.0,), "ms", rows.Bound(1))

    assert rows.table([row, rows.Unmeasured("long name", "skipped: no peer")]).splitlines() == [
        "| figure    | what is measured | peal    | peer |         | ratio  | bound |    |",
        "|-----------|------------------|---------|------|---------|--------|-------|----|",
        "| f         | what             | 1.50 ms | peer | 3.00 ms | 0.50 x | 1 x   | ok |",
        "| long name | skipped: no peer |         |      |         |        |       |    |",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.000123, "0.000123"),
        (0.9996, "1.000"),
        (1.5, "1.50"),
        (12.345, "12.3"),
        (1234.5, "1234"),
        (-2, "-2.00"),
    ],
)
def test_numbers_keep_three_digits(rows: ModuleType, value: float, text: str) -> None:
    """The whole part is never cut."""
    assert rows.rounded(value) == text
