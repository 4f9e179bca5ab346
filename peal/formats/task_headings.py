"""Reads one heading: is it a task's, with which number, title and marks, or does it only look like one."""

import re

from attrs import evolve

from peal.classes import frozen
from peal.formats.blocks import Heading
from peal.formats.marks import Marked, one_line, unwrapped, without_box, without_leading, without_trailing
from peal.formats.protocol import quoted
from peal.text.names import without_zeros

_LARGEST = 2**31

# What follows a number without a blank belongs to it (`1.1`, `10a`, `1-3`): such a number is refused, not cut.
_TASK = re.compile(r"task (?P<number>\d\w*(?:[.:–—-]\d\w*)*)(?P<rest>.*)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,10}(?:\.\d{1,10})*[a-z]?", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d+)(\w?)", re.ASCII)
_NEARLY = re.compile(r"[^\w]{0,3}task[^\w]{0,3}\d", re.IGNORECASE)
# Before the word or behind the number, how far the task is.
_BOX = re.compile(r"(?:\[(?P<mark>[ xX])\]|(?P<tick>[✅✓✔☑]\ufe0f?))\s+(?=task \d)", re.IGNORECASE)
_TICK = re.compile(r"\s*[✅✓✔☑]\ufe0f?(?:(?=\s*[:：–—-])|(?P<alone>\s+(?=\w)))")
_OPENING_BOLD = re.compile(r"\A\s*\*\*(.+?)\*\*")
_TITLE = re.compile(r" ?(?:[:：–—-]|\.(?= |$)) ?(?P<title>.*)|(?P<remark> ?\(.*)|")


@frozen
class NotTask:
    """A heading of something else."""

    heading: Heading


@frozen
class NearlyTask:
    """A heading that may be meant for a task, but is not written like one."""

    heading: Heading
    message: str


@frozen
class BadTask:
    """A task's heading that can not be taken as it is."""

    heading: Heading
    message: str


@frozen
class ParentHeading:
    """A task's heading above those of others that its number begins: what is worked on are those."""

    heading: Heading
    number: str
    marked: Marked


@frozen
class TaskHeading:
    """A task's heading."""

    heading: Heading
    number: str
    """As it is written, but for zeros in front of a whole one: `1`, `1.2`, `10a`."""
    marked: Marked
    """The title, and the marks around it."""

    @property
    def rank(self) -> tuple[tuple[int, str], ...]:
        """Where the number puts it among others: `1`, `1.2`, `1.10`, `2`, `10`, `10a`."""
        parts = (_PART.fullmatch(part) for part in self.number.split("."))
        return tuple((int(part[1]), part[2]) for part in parts if part)


Read = NotTask | NearlyTask | BadTask | ParentHeading | TaskHeading


def read(heading: Heading) -> Read:
    """What a heading is to a plan."""
    text = one_line(_OPENING_BOLD.sub(r"\1", heading.text, count=1))
    box = _BOX.match(text)
    found = _TASK.fullmatch(text[box.end() :] if box else text)
    if not found:
        message = f"{quoted(text)} looks like a task but is not written like one; write `Task 1: title`, or reword it"
        return NearlyTask(heading, message) if _NEARLY.match(text) else NotTask(heading)
    if message := _number_problem(found["number"]):
        return BadTask(heading, message)
    return _titled(
        heading,
        without_zeros(found["number"]),
        found["rest"],
        is_ticked=bool(box and (box["tick"] or box["mark"] != " ")),
    )


def _number_problem(number: str) -> str:
    way_out = "number the tasks 1, 2, 3"
    digits = number.lstrip("0")
    if not digits:
        return ""
    if digits.isascii() and digits.isdecimal():
        is_small = len(digits) <= len(str(_LARGEST)) and int(digits) <= _LARGEST
        return "" if is_small else f"task number {quoted(number)} is too large; {way_out}"
    is_one = _NUMBER.fullmatch(number)
    return "" if is_one else f"{quoted(number)} is no task number such as `1`, `1.2` or `10a`; {way_out}"


def _titled(heading: Heading, number: str, rest: str, *, is_ticked: bool) -> Read:
    marked = without_leading(rest)
    if tick := _TICK.match(marked.text):
        text = f": {marked.text[tick.end() :]}" if tick["alone"] else marked.text[tick.end() :]
        marked, is_ticked = evolve(marked, text=text), True
    marked = without_trailing(evolve(marked, done=marked.done or is_ticked))
    found = _TITLE.fullmatch(marked.text)
    if not found:
        way_out = f"write `Task {number}: title` if it is a task, or reword it"
        return NearlyTask(
            heading, f"what follows the number in {quoted(heading.text)} is not set off as a title; {way_out}"
        )
    title = unwrapped((found["title"] or found["remark"] or "").strip())
    return TaskHeading(heading, number, without_trailing(without_box(evolve(marked, text=title))))
