"""The page itself: everything that is shown, put into one file whose only script and style are known by their hashes."""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from peal.classes import frozen
from peal.record.spending import amount
from peal.reports.alternatives import Alternative, alternatives
from peal.reports.evidence import Reported
from peal.reports.page.task_details import Caps, TaskShown, bytes_wanted, shown, summary_of
from peal.reports.page.task_graph import TaskGraph, task_graph_of
from peal.reports.page.timeline import Timeline, timeline_of
from peal.reports.page.usage import Shares, shares_of
from peal.reports.patches import Patches
from peal.reports.run_report import RunReport
from peal.text.display import clock, count, duration, printable, stamp
from peal.views.status import sandbox_name

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = '<meta name="generator" content="peal report">'
"""Every page has it near its beginning."""
_MOST = 9_500_000
"""Bytes of a page, as long as it is not its tables alone that need more."""
_SAID = 6_000_000
"""Bytes of it for prompts, replies, outputs and patches: the least that is shown of each is more, once it is HTML."""
_LEAST = 0.01
"""Of less than such a share nobody would learn anything; then only the tables are shown."""
_NAMED = 3
"""Plans that the title names."""
_PHASES = 6
"""Colours; a seventh phase has the first one's again."""


@frozen(slots=False)
class RunShown:
    """A plan's run, or one of the backlog, as the template takes it."""

    run: RunReport
    anchor: str
    flags: str
    """What it was told beside what stands in its commands, as where a batch goes on."""
    alternatives: tuple[Alternative, ...]
    timeline: Timeline
    graph: TaskGraph | None
    """None for phases of items."""
    shares: tuple[Shares, ...]
    phases: tuple[str, ...]
    groups: tuple[tuple[str, tuple[TaskShown, ...]], ...] = ()
    """Tasks under what they belong to; a plan's are one group without a name."""

    @property
    def look(self) -> str:
        """Whether it ended well, as a class of the page's style."""
        state = self.run.status.state.replace(" ", "-")
        return {0: "ended-well", None: state}.get(self.run.status.exit_code, "ended-badly")

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Where each task is on the page."""
        return {task.id: task.anchor for _, tasks in self.groups for task in tasks}

    @cached_property
    def states(self) -> dict[str, TaskShown]:
        """What is shown of each task."""
        return {task.id: task for _, tasks in self.groups for task in tasks}

    @property
    def on_chain(self) -> frozenset[str]:
        """The tasks of the longest chain."""
        return frozenset(self.run.chain)

    def look_of(self, phase: str) -> str:
        """The class of a phase's bars."""
        return f"phase-{self.phases.index(phase) % _PHASES}" if phase in self.phases else ""


def document(several: Sequence[Reported], repo: Path, now: float, link: Callable[[Path], str]) -> str:
    """
    The page about these runs, made at `now`; `link` gives the address of a file as seen from where the page will be.

    It stays below ten megabytes, however much was printed: what is left out is told, with where it is.
    """
    wanted = sum(bytes_wanted(task, Caps()) for one in several for task in one.run.tasks)
    share = min(_SAID / wanted, 1.0) if wanted else 1.0
    drawn = [_drawn(one.run, f"run-{number}") for number, one in enumerate(several)]
    while True:
        page = _page(several, drawn, repo, now, link, share)
        if len(page) * 4 < _MOST or len(page.encode()) <= _MOST or share == 0:
            return page
        share = share / 2 if share > _LEAST else 0.0


def _page(
    several: Sequence[Reported],
    drawn: Sequence[RunShown],
    repo: Path,
    now: float,
    link: Callable[[Path], str],
    share: float,
) -> str:
    with closing(Patches(repo, several[0].evidence.hide)) as patches:
        runs = [
            evolve(run, groups=_groups(one, run.anchor, patches, share))
            for one, run in zip(several, drawn, strict=True)
        ]
    style, script = _text("page.css"), _text("page.js")
    page = (
        _environment(several[0].evidence.hide)
        .get_template("page.html.j2")
        .render(
            runs=runs,
            title=_title([run.run.plan for run in runs]),
            made=now,
            repo=str(repo),
            style=style,
            script=script,
            style_hash=_hash(style),
            script_hash=_hash(script),
            mark=MARK,
            link=link,
        )
    )
    return page.encode("utf-8", "replace").decode()  # a name or a word of an agent's may be no Unicode


def _title(plans: Sequence[str]) -> str:
    left = len(plans) - _NAMED
    return ", ".join([*plans[:_NAMED], *([f"{left} more"] if left > 0 else [])])


def _drawn(run: RunReport, anchor: str) -> RunShown:
    """All but its tasks: that is the same however much is shown of each."""
    return RunShown(
        run=run,
        anchor=anchor,
        flags=_flags(run),
        alternatives=alternatives(run),
        timeline=timeline_of(run),
        graph=None if run.has_items else task_graph_of(run.waits_for),
        shares=shares_of(run),
        phases=tuple(dict.fromkeys(one.phase for task in run.tasks for one in task.attempts)),
    )


def _groups(
    reported: Reported, anchor: str, patches: Patches, share: float
) -> tuple[tuple[str, tuple[TaskShown, ...]], ...]:
    groups = dict[str, list[TaskShown]]()
    for number, task in enumerate(reported.run.tasks):
        made = shown(task, f"{anchor}-task-{number}", reported, patches, share)
        groups.setdefault(task.group, []).append(made)
    return tuple((name, tuple(tasks)) for name, tasks in groups.items())


def _flags(run: RunReport) -> str:
    opened = run.history.opened
    if opened is None:
        return ""
    words = [
        word.partition("=")[0] for command in run.commands for word in command.split() if word[:2] == "--"
    ]
    typed = {word.removeprefix("--").removeprefix("no-").replace("-", "_") for word in words}
    return ", ".join(f"{name} = {value}" for name, value in opened.flags.items() if name not in typed)


@cache
def _text(name: str) -> str:
    return (files("peal.reports.page") / name).read_text(encoding="utf-8")


def _moment(at: float) -> str:
    """A moment in wall-clock seconds with the zone of this machine's clock, by which all times of day on the page are told."""
    return time.strftime("%Y-%m-%d %H:%M %z", time.localtime(at))


def _hash(text: str) -> str:
    """By which a content security policy allows it; see the `hash-source` of CSP level 3."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _environment(hide: Callable[[str], str]) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import DiffLexer

    def told(value: Any) -> Any:
        """What is put into the page: without secrets and controls, if it is not made for it already."""
        return printable(hide(value)) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=PackageLoader("peal.reports.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=told,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    lexer, marked = DiffLexer(stripnl=False), HtmlFormatter(nowrap=True)
    made.filters |= {
        "told": told,
        "duration": duration,
        "clock": clock,
        "stamp": stamp,
        "moment": _moment,
        "amount": amount,
        "count": count,
        "percent": lambda part: f"{part * 100:.3f}%",
        "sandbox": sandbox_name,
        "summary": summary_of,
        "patch": lambda excerpt: Markup(highlight(excerpt.text, lexer, marked)),
        "trusted": Markup,
    }
    return made
