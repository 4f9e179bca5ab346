"""Plans that list their tasks a second time, to keep there what is done: a table, or a list with ticks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from peal.formats.document import Document
from peal.formats.marks import bare
from peal.formats.protocol import quoted
from peal.formats.status_lines import is_word_for_done
from peal.model.plan import Problem, Task
from peal.text.display import count

_KIND = r"(?:task|phase|step|任务|阶段|步骤|タスク|フェーズ)"
_NUMBERED = re.compile(
    rf"\W*(?P<kind>{_KIND})?\s*#?(?P<number>\d{{1,10}}(?:\.\d{{1,10}})*[a-z]?)\b", re.IGNORECASE
)
_HEADER = re.compile(rf"\W*{_KIND}", re.IGNORECASE)
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,4}[.)])\s+(?P<box>\[.\]\s+)?(?P<text>.*)")
_TICK = re.compile(r"\A\W{0,8}[✅☑✔]|[✅☑✔]\W{0,8}\Z")


def said_to_be_done(document: Document, tasks: Sequence[Task], parts: Iterable[range]) -> Iterator[Problem]:
    """A word on open tasks that a row or an item outside of these lines says are done, for it does not count."""
    waiting: dict[str, Task] = {task.id: task for task in tasks if not task.done}
    inside = {line for part in parts for line in part} if waiting else set()
    header = ""
    found = []
    for line, text in enumerate(document.lines, 1):
        is_row = text.count("|") > 1
        header = (header or text) if is_row else ""
        if line not in inside and not document.hider(line):
            said = _by_row(text, header, waiting) if is_row else _by_item(text, waiting)
            found += [line] if said else []
    if found:
        shown = quoted(document.lines[found[0] - 1].strip())
        more = f" and {count(len(found) - 1, 'other line')}" if found[1:] else ""
        message = (
            f"by {shown}{more} a task is done, but not by its heading or boxes; "
            "it is worked on: if it is done, write ✅ at the end of its heading"
        )
        yield Problem(found[0], message)


def _by_row(text: str, header: str, waiting: Mapping[str, Task]) -> bool:
    """Whether a row is about one of these tasks, by its kind or title, and has a cell that says done."""
    first, *others = [cell.strip() for cell in text.strip().strip("|").split("|")]
    found = _NUMBERED.match(first)
    task = waiting.get(found["number"]) if found else None
    if not found or not task or not any(_TICK.search(one) or is_word_for_done(one) for one in others):
        return False
    title = bare(task.title).casefold()
    is_same = any(bare(one).casefold() == title for one in others)
    return bool(found["kind"] or is_same or _HEADER.match(header.strip().strip("|")))


def _by_item(text: str, waiting: Mapping[str, Task]) -> bool:
    """Whether an item names one of these tasks by its kind, with a tick."""
    found = _ITEM.fullmatch(text)
    named = _NUMBERED.match(found["text"]) if found else None
    if not found or not named or not named["kind"] or named["number"] not in waiting:
        return False
    is_ticked = (found["box"] or "").strip() in ("[x]", "[X]") or _TICK.search(found["text"])
    return bool(is_ticked) or is_word_for_done(re.split("[:：]", found["text"])[-1])
