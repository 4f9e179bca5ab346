"""Files that list work but are no plan, or not one that can be known: refused by name, with what would work."""

import json
import re
from collections.abc import Callable

from peal.classes import frozen
from peal.formats import front_matter
from peal.formats.document import Document
from peal.formats.json_text import JsonText
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem

name = "trackers"

_WAY_OUT = "write each task as `## Task 1: title`"
_BEADS = {"issue_type", "dependencies", "status"}
_SPRINT = re.compile(r"development_status:\s*$")
_STORY = re.compile(r"\s+(?:epic-\d+|\d+-\d+-[\w-]+)(?:-retrospective)?:\s")
_ROADMAP_PHASE = re.compile(r"\**Phase \d+(?:\.\d+)?:", re.IGNORECASE)
_ROADMAP_PLAN = re.compile(r"(?:\*\*|`)?\d\d(?:\.\d+)?-\d\d(?:-PLAN\.md)?\b")
_LOG = re.compile(r"\W*(?:progress (?:log|report)|session log|work ?log|进度日志|進度日誌)\W*", re.IGNORECASE)
_SESSION = re.compile(r"\W*(?:session|会话|會話)\b|\W*\d{4}-\d\d-\d\d", re.IGNORECASE)
_TRACK = re.compile(r"(?:\[[ xX~]\]\s*)?(?:\*\*)?Track:")


@frozen
class _Seen:
    line: int
    what: str
    way_out: str


def evidence(document: Document) -> Evidence | None:
    """What tells a tracker, or JSON that is no plan."""
    seen = _seen(document)
    return Evidence(seen.line, seen.what) if seen else None


def read(document: Document) -> Reading:
    """Nothing but the problem that says what this is."""
    seen = _seen(document)
    if not seen:
        return Reading(problems=(Problem(1, f"nothing here tells what this is; {_WAY_OUT}"),))
    return Reading(
        problems=(_json_problem(document) or Problem(seen.line, f"this is {seen.what}; {seen.way_out}"),)
    )


def _json_problem(document: Document) -> Problem | None:
    text = JsonText.of(document)
    return text.problem() if text and not _beads(document) else None


def _seen(document: Document) -> _Seen | None:
    finders: tuple[Callable[[Document], _Seen | None], ...] = (
        *(_beads, _json, _sprint, _epic, _roadmap, _tracks, _log),
    )
    return next((seen for find in finders if (seen := find(document))), None)


def _beads(document: Document) -> _Seen | None:
    lines = [(at, line) for at, line in enumerate(document.lines, 1) if line.strip()][:2]
    issues = [_object(line) for _, line in lines]
    if not issues or not all(issue and "id" in issue and _BEADS & issue.keys() for issue in issues):
        return None
    if len(issues) == 1 and "issue_type" not in issues[0]:
        return None
    what = "a tracker of beads, which lists issues and is no plan"
    return _Seen(lines[0][0], what, f"{_WAY_OUT}, for those that are to be done")


def _object(line: str) -> dict[str, object]:
    try:
        found = json.loads(line) if line.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(document: Document) -> _Seen | None:
    text = JsonText.of(document)
    if not text:
        return None
    names = [quoted(key) for key, _ in text.members(text.begin)][:4]
    held = f"with {', '.join(names)}" if names else "without a name in it"
    what = f"JSON {held}, which is no kind of plan that peal knows"
    way_out = (
        'name its list of tasks `"userStories"`, each with `id`, `title` and `passes`, or write each task as'
    )
    return _Seen(text.line(text.begin), what, f"{way_out} `## Task 1: title` in a markdown file")


def _sprint(document: Document) -> _Seen | None:
    begin = next((at for at, line in enumerate(document.lines, 1) if _SPRINT.match(line)), 0)
    if not begin or not any(map(_STORY.match, document.lines[begin : begin + 20])):
        return None
    what = "BMAD's status of a sprint, which lists stories and is no plan"
    return _Seen(begin, what, "name the file of a story that is ready: `peal run STORY.md`")


def _epic(document: Document) -> _Seen | None:
    keys = front_matter.keys(document)
    if not keys.keys() >= {"name", "status", "progress", "prd"}:
        return None
    what = "an epic of ccpm, which lists its tasks more than once"
    return _Seen(keys["prd"], what, "name the folder with its tasks: `peal run .claude/epics/…`")


def _roadmap(document: Document) -> _Seen | None:
    if not any(_ROADMAP_PHASE.match(heading.text) for heading in document.headings):
        return None
    phases = [box for box in document.boxes if _ROADMAP_PHASE.match(box.text)]
    plans = any(_ROADMAP_PLAN.match(box.text) for box in document.boxes)
    if not phases or not (plans or any("**Depends on" in line for line in document.lines)):
        return None
    what = "a roadmap as of GSD, which lists the same work as phases and again as plans"
    return _Seen(
        phases[0].line, what, "name the file of one plan: `peal run .planning/phases/…/01-01-PLAN.md`"
    )


def _tracks(document: Document) -> _Seen | None:
    boxes = [box.line for box in document.boxes if _TRACK.match(box.text)]
    headings = [heading.line for heading in document.headings if _TRACK.match(heading.text)]
    links = any("tracks/" in line for line in document.lines)
    if not (boxes or headings) or not links:
        return None
    what = "Conductor's list of tracks, which is no plan"
    return _Seen(min(boxes + headings), what, "name the plan of one: `peal run conductor/tracks/…/plan.md`")


def _log(document: Document) -> _Seen | None:
    title = document.headings[0] if document.headings else None
    if not title or title.level > 1 or not _LOG.fullmatch(title.text):
        return None
    if not any(heading.level == 2 and _SESSION.match(heading.text) for heading in document.headings):
        return None
    what = "a log of what has been done, session by session, which is no plan"
    return _Seen(title.line, what, "name the plan that it was written for, such as `task_plan.md`")
