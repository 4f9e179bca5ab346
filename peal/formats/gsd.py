"""GSD's `01-02-PLAN.md`: each `<task type="auto">` is a task, and a checkpoint is one for a person."""

import re
from collections.abc import Iterator, Sequence

from peal.classes import frozen
from peal.formats import front_matter
from peal.formats.document import Document
from peal.formats.entries import Entry, context_around, with_numbers
from peal.formats.marks import one_line
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.source import trimmed
from peal.model.plan import Problem, Task, TaskId

name = "gsd"

# These plans have no mark for what is done: GSD tells that in other files, a summary beside each plan.
marked = None

# These plans are no XML: code and bare `<` stand in them. Tags count where a line begins or ends with them.
_OPENING = re.compile(r"\s{0,8}<task(?P<attributes>(?:\s[^<>]*)?)>")
_CLOSING = re.compile(r"</task>\s*$")
_TYPE = re.compile(r"\btype\s*=\s*[\"']([^\"']*)[\"']")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})(.*)")
_NUMBERED = re.compile(
    r"Task (?P<number>\d+(?:\.\d+)*[a-z]?)(?:\s*[:.–—-]\s*|\s+|$)(?P<title>.*)", re.IGNORECASE
)
_PATH = re.compile(r"[\w@~./*\[\](){}+-]*[\w*/)\]}]")
_ALONE = re.compile(r"`([^`]+)`")
_FOR_AGENTS = ("auto", "tdd")
_CHECKPOINT = "checkpoint:"
_TO_DO = ("how-to-verify", "instructions", "action", "decision", "what-built")
"""Where a checkpoint says what a person has to do; the first that is there."""


@frozen
class _Block:
    """From one `<task …>` to its `</task>`."""

    line: int
    end: int
    type: str
    text: str
    """What stands between the two tags."""
    is_closed: bool

    def inner(self, tag: str) -> str:
        """What stands between these tags; empty if they are not there."""
        begin = self.text.find(f"<{tag}>")
        end = self.text.find(f"</{tag}>", begin)
        return trimmed(self.text[begin + len(tag) + 2 : end]) if 0 <= begin < end else ""


def evidence(document: Document) -> Evidence | None:
    """A line that begins with `<task type="…">`."""
    lines = document.lines
    if not any("<task" in line for line in lines):
        return None
    line = next((block.line for block in _blocks(lines) if block.type), None)
    # A file whose tasks are all in code that never ends is one of these too; it is read, and refused for that.
    line = line or next(
        (one for one, is_wrong in _strays(lines, ()) if is_wrong and _TYPE.search(lines[one - 1])), None
    )
    return Evidence.of_line(document, line) if line else None


def read(document: Document) -> Reading:
    """The tasks as they stand; what stands between and around them is the context."""
    blocks = list(_blocks(document.lines))
    told = [_NUMBERED.match(one_line(block.inner("name"))) for block in blocks]
    names = with_numbers([found["number"] if found else "" for found in told])
    tasks = [_task(block, name) for block, name in zip(blocks, names, strict=True)]
    strays = list(_strays(document.lines, blocks))
    entries = [Entry(task, block.end) for block, task in zip(blocks, tasks, strict=True)]
    return Reading(
        tasks=tuple(tasks),
        context=context_around(document, entries),
        problems=(*_problems(blocks), *_stray(document.lines, strays)),
        is_markdown=False,
        notes=(*_notes(document), *_examples(strays)),
    )


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    fence, begin, opening = "", 0, None
    for line, text in enumerate(lines, 1):
        if begin:
            another = _OPENING.match(text)
            if another or _CLOSING.search(text):
                yield _block(lines, begin, line - bool(another), opening, is_closed=not another)
                begin, opening = (line, another) if another else (0, None)
        elif not (fence := _fence_after(fence, text)) and (opening := _OPENING.match(text)):
            begin = line
        if begin == line and opening and _CLOSING.search(text):
            yield _block(lines, begin, line, opening, is_closed=True)
            begin, opening = 0, None
    if begin:
        yield _block(lines, begin, len(lines), opening, is_closed=False)


def _fence_after(fence: str, line: str) -> str:
    """The fence that code is in behind this line; an example of a task may stand in one."""
    found = _FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found[1]
    return "" if found[1].startswith(fence) and not found[2].strip() else fence


def _block(
    lines: Sequence[str], begin: int, end: int, opening: re.Match[str] | None, is_closed: bool
) -> _Block:
    assert opening, "a block begins with its tag"
    kind = _TYPE.search(opening["attributes"])
    text = "\n".join(lines[begin - 1 : end])[opening.end() :]
    text = text.rstrip().removesuffix("</task>") if is_closed else text
    return _Block(begin, end, kind[1] if kind else "", text, is_closed)


def _task(block: _Block, name: TaskId) -> Task:
    told = one_line(block.inner("name"))
    numbered = _NUMBERED.match(told)
    return Task(
        id=name,
        title=numbered["title"] if numbered else told,
        body=trimmed(block.text),
        by_person=_to_do(block) if block.type.startswith(_CHECKPOINT) else "",
        files=tuple(_files(block)),
        checks=tuple(_checks(block)),
        line=block.line,
    )


def _to_do(block: _Block) -> str:
    found = next(filter(None, map(block.inner, _TO_DO)), "")
    return found or one_line(block.inner("name")) or "look at what was done, and go on if it is good"


def _files(block: _Block) -> Iterator[str]:
    for part in re.split(r"[,\n]", block.inner("files")):
        path = part.strip().removeprefix("- ").strip("` ")
        if _PATH.fullmatch(path):
            yield path


def _checks(block: _Block) -> Iterator[str]:
    """Commands that are told apart from prose: in `<automated>`, or alone in backticks."""
    verify = block.inner("verify")
    begin, end = verify.find("<automated>"), verify.find("</automated>")
    if 0 <= begin < end:
        command = verify[begin + len("<automated>") : end].strip().strip("`").strip()
        if command and "\n" not in command and not command.startswith("MISSING"):
            yield command
    elif alone := _ALONE.fullmatch(verify):
        yield alone[1].strip()


def _problems(blocks: Sequence[_Block]) -> Iterator[Problem]:
    for block in blocks:
        if not block.is_closed:
            yield Problem(
                block.line,
                "this `<task>` is not closed before the next one begins or the file ends; write `</task>`",
            )
        if block.type not in ("", *_FOR_AGENTS) and not block.type.startswith(_CHECKPOINT):
            known = '`type="auto"`, or `type="checkpoint:human-verify"` for a person'
            yield Problem(
                block.line, f"the type {quoted(block.type)} of this task is not known; write {known}"
            )


def _strays(lines: Sequence[str], blocks: Sequence[_Block]) -> Iterator[tuple[int, bool]]:
    """Lines outside all tasks that end one, or begin one within code; and whether that code goes on to the end of the file."""
    inside = {line for block in blocks for line in range(block.line, block.end + 1)}
    fence, in_code = "", list[int]()
    for line, text in enumerate(lines, 1):
        if line not in inside:
            fence = _fence_after(fence, text)
            if not fence and _CLOSING.search(text):
                yield line, True
            if fence and _OPENING.match(text):
                in_code.append(line)
            if not fence:
                yield from ((one, False) for one in in_code)
                in_code = []
    yield from ((one, True) for one in in_code)


def _stray(lines: Sequence[str], strays: Sequence[tuple[int, bool]]) -> Iterator[Problem]:
    for line, is_wrong in strays:
        if is_wrong and _CLOSING.search(lines[line - 1]) and not _OPENING.match(lines[line - 1]):
            yield Problem(line, 'no task is open here; begin it with a line like `<task type="auto">`')
        elif is_wrong:
            yield Problem(
                line, "this stands in code that is never closed, so it is no task; close the code before it"
            )


def _examples(strays: Sequence[tuple[int, bool]]) -> Iterator[Problem]:
    lines = [line for line, is_wrong in strays if not is_wrong]
    if lines:
        more = f", as do {len(lines) - 1} more" if lines[1:] else ""
        yield Problem(lines[0], f"this `<task>` stands in code{more}: no task")


def _notes(document: Document) -> Iterator[Problem]:
    line = front_matter.keys(document).get("depends_on")
    if not line:
        return
    setting, *below = document.front_matter[line - front_matter.FIRST :]
    which = setting.partition(":")[2].split("#")[0].strip()
    is_list_below = not which and bool(below) and below[0].lstrip().startswith("- ")
    if which not in ("", "[]") or is_list_below:
        shown = f" ({which})" if which else ""
        yield Problem(
            line, f"`depends_on`{shown} names other plans, which are to be carried out before this one"
        )
