"""The report of runs as Markdown, as a pull request's text needs it; pure."""

import re
from collections.abc import Iterator, Sequence

from peal.classes import frozen
from peal.reports.evidence import Reported
from peal.reports.run_report import TaskReport
from peal.reports.text import headline
from peal.text.display import count, duration
from peal.views.report import OUTPUT_LINES, dismissed, failure, let_through
from peal.views.status import noted_lines, sandbox_name, spending_lines

LARGEST = 65_000
"""Bytes; what GitHub takes as a text is 65,536 letters, however these are counted."""
_WORD = 160
"""Bytes for a word about what is left out."""
_LONGEST_TITLE = 120
_LONGEST_LINE = 400
_MOST_LINES = 60
_FOLDED = 30
"""A table with more rows is folded."""
_ROW_RANKS = {"failed": 2, "held": 2, "blocked": 2, "done": 5}
"""How much a row of the table matters; 4 where this does not say."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()|~&$#!])")
_REFERENCE = re.compile(r"(?<=[@#!&~%$^])(?=\w)|(?<=GH)(?=-\d)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where a person, an issue or a page would begin to be mentioned."""
_NOTHING = "\u200b"
"""A blank without width."""


@frozen(eq=False)
class _Entry:
    """One thing that is told: as a whole, or not at all."""

    text: str
    rank: int
    """0 is what matters most."""
    of: "_Entry | None" = None
    """The entry that it says more of."""


@frozen
class _Section:
    """A heading with what stands under it."""

    head: str
    noun: str
    """What its entries are, where some are left out."""
    entries: Sequence[_Entry]
    gap: str = "\n\n"
    """Between two entries."""
    tail: str = ""


@frozen(eq=False)
class _Part:
    """A run."""

    head: str
    sections: Sequence[_Section]
    is_good: bool

    @property
    def own_size(self) -> int:
        """Bytes that it takes without any entry."""
        return _size(self.head) + sum(_size(one.head + one.tail) + _WORD for one in self.sections)


def document(several: Sequence[Reported], tells_costs: bool = False, largest: int = LARGEST) -> str:
    """
    What was asked and what came of it: what failed, what waits for a person, what was found, and a table of all tasks.

    At most `largest` bytes: what matters least is left out, with a word about it. Nothing that anybody has written becomes markup,
    mentions a person or refers to an issue.
    """
    parts = [_part(one, tells_costs) for one in several]
    kept = _fitting(parts, largest - _WORD)
    shown = [_shown(part, kept) for part in parts if part in kept]
    left = len(parts) - len(shown)
    more = [f"… and {count(left, 'more run')}; `peal report` tells of all."] if left else []
    return "\n\n".join([*shown, *more]) + "\n"


def _fitting(parts: Sequence[_Part], room: int) -> frozenset[_Part | _Entry]:
    """What matters most, as far as there is room for it."""
    kept = set[_Part | _Entry]()
    for part in sorted(parts, key=lambda part: part.is_good):
        if part.own_size <= room:
            room -= part.own_size
            kept.add(part)
    entries = [
        entry for part in parts if part in kept for section in part.sections for entry in section.entries
    ]
    for entry in sorted(entries, key=lambda entry: entry.rank):
        size = _size(entry.text) + 2
        if size <= room and (entry.of is None or entry.of in kept):
            room -= size
            kept.add(entry)
    return frozenset(kept)


def _shown(part: _Part, kept: frozenset[_Part | _Entry]) -> str:
    return "\n\n".join([part.head, *(_section(one, kept) for one in part.sections)])


def _section(section: _Section, kept: frozenset[_Part | _Entry]) -> str:
    there = [entry.text for entry in section.entries if entry in kept]
    gone = [entry for entry in section.entries if entry not in kept]
    whole = sum(entry.of is None for entry in gone)
    words = [count(whole, f"more {section.noun}")] if whole else ["some details"] if gone else []
    word = f"\n\n… and {words[0]}, for which there is no room here; `peal report` tells all." if words else ""
    return section.head + section.gap.join(there) + section.tail + word


def _size(text: str) -> int:
    return len(text.encode())


def _part(one: Reported, tells_costs: bool) -> _Part:
    run = one.run
    made = (
        _failed(one),
        _waiting(one),
        _let_through(one),
        _table(one),
        _dismissed(one),
        _noted(one),
    )
    return _Part(
        "\n\n".join(_head(one, tells_costs)), [one for one in made if one.entries], run.status.exit_code == 0
    )


def _head(one: Reported, tells_costs: bool) -> Iterator[str]:
    history = one.run.history
    yield f"## {_code(one.run.plan, one)}"
    yield f"**{_plain(headline(one.run), one, _LONGEST_LINE)}**"
    if opened := history.opened:
        into = f", into {_code(opened.branch, one)}" if opened.branch else ""
        typed = ", then ".join(_code(command, one) for command in one.run.commands)
        inside = f", in the sandbox {_code(sandbox_name(opened.sandbox), one)}" if opened.sandbox else ""
        yield f"Asked for with {typed}{into}{inside}."
    if tells_costs and (spent := spending_lines(history)):
        yield "  \n".join(_plain(line, one, _LONGEST_LINE) for line in spent[:_MOST_LINES])


def _failed(one: Reported) -> _Section:
    entries = []
    for task in one.run.tasks:
        if task.status.state == "failed":
            last = task.state.last()
            where = f"{last.phase}, attempt {last.number}: " if last else ""
            line = _Entry(f"{_named(task, one)}: {_plain(where + task.status.reason, one, _LONGEST_LINE)}", 0)
            told = failure(
                task.state, lambda past: one.evidence.last_lines(past, OUTPUT_LINES), one.evidence.folder
            )
            entries += [
                line,
                _Entry(_folded("What was found, and the end of what was printed", told[1:], one), 3, line),
            ]
    return _Section("### Failed\n\n", "task", entries)


def _waiting(one: Reported) -> _Section:
    entries = [
        _Entry(
            f"- {_named(task, one)} is {task.status.state}: {_plain(task.status.reason, one, _LONGEST_LINE)}",
            0,
        )
        for task in one.run.tasks
        if task.status.state in ("held", "blocked")
    ]
    return _Section("### Waits for a person\n\n", "task", entries, "\n")


def _let_through(one: Reported) -> _Section:
    entries = []
    for task in one.run.tasks:
        if task.status.state == "done" and task.found:
            line = _Entry(f"{_named(task, one)}: {count(len(task.found), 'finding')}", 1)
            entries += [line, _Entry(_folded("What was found", let_through(task.state)[1:], one), 3, line)]
    return _Section("### Done, with findings that nobody has mended\n\n", "task", entries)


def _table(one: Reported) -> _Section:
    rows = [_Entry(_row(task, one), _ROW_RANKS.get(task.status.state, 4)) for task in one.run.tasks]
    head = "| task | | state | attempts | findings | time |\n|---|---|---|--:|--:|--:|\n"
    if len(rows) <= _FOLDED:
        return _Section(f"### Tasks\n\n{head}", "task", rows, "\n")
    summary = f"<details><summary>All {count(len(rows), 'task')}</summary>"
    return _Section(f"{summary}\n\n{head}", "task", rows, "\n", "\n\n</details>")


def _row(task: TaskReport, one: Reported) -> str:
    state = task.status.state if task.status.state == "done" else f"**{task.status.state}**"
    found = str(len(task.found)) if task.found else ""
    time = duration(task.worked) if task.attempts else ""
    title = _plain(task.status.title, one)
    return f"| {_plain(task.id, one)} | {title} | {state} | {len(task.attempts)} | {found} | {time} |"


def _dismissed(one: Reported) -> _Section:
    lines = [line.strip() for line in dismissed(one.run.history)[1:]]
    entries = [_Entry(f"- {_plain(line, one, _LONGEST_LINE)}", 6) for line in lines]
    return _Section("### Dismissed, for a person to judge\n\n", "finding", entries, "\n")


def _noted(one: Reported) -> _Section:
    lines = noted_lines((task.id, task.state.notes) for task in one.run.tasks)
    entries = [_Entry(f"- {_plain(line.removeprefix('note: '), one, _LONGEST_LINE)}", 6) for line in lines]
    return _Section("### Notes\n\n", "note", entries, "\n")


def _named(task: TaskReport, one: Reported) -> str:
    title = f": {_plain(task.status.title, one)}" if task.status.title else ""
    return f"**task {_plain(task.id, one)}{title}**"


def _plain(text: str, one: Reported, longest: int = _LONGEST_TITLE) -> str:
    """A text that is read as it is written, on one line."""
    short = _cut(one.evidence.said(text), longest)
    return _MARKUP.sub(r"\\\1", _REFERENCE.sub(_NOTHING, short))


def _code(text: str, one: Reported) -> str:
    """A name or a command as code, on one line."""
    short = _cut(one.evidence.said(text), _LONGEST_LINE)
    ticks = "`" * (_longest_run(short) + 1)
    return f"{ticks}{short}{ticks}" if len(ticks) == 1 else f"{ticks} {short} {ticks}"


def _folded(title: str, lines: Sequence[str], one: Reported) -> str:
    """Lines as they are, to be unfolded by who wants to see them."""
    kept = [_cut(one.evidence.hide(line), _LONGEST_LINE) for line in lines]
    if len(kept) > _MOST_LINES:
        head = _MOST_LINES // 2
        left = len(kept) - _MOST_LINES
        kept = [*kept[:head], f"… {count(left, 'more line')}", *kept[head - _MOST_LINES :]]
    fence = "`" * max(3, _longest_run("\n".join(kept)) + 1)
    text = "\n".join(kept).encode("utf-8", "replace").decode()
    return f"<details><summary>{title}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>"


def _longest_run(text: str) -> int:
    """Of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
