"""The marks that people write around a task's title: `(parallel)`, `(after 1, 2)`, `(agent: codex)`, `DONE`, bold type."""

import re

from attrs import evolve

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.text.names import without_zeros

_DONE_WORD = (
    r"(?:DONE|COMPLETED?|COMPLETAD[OA]|CONCLU[IÍ]D[OA]|TERMINÉE?|ERLEDIGT|ABGESCHLOSSEN|ЗАВЕРШЕНО|ВЫПОЛНЕНО)"
)
_TICK = r"[✅✓✔☑]\ufe0f?"
_ANY_CASE = r"(?i:done|completed?|finished)"
_DAY = r"(?:[ ,:]{0,2}[(\[]?\d{4}-\d\d-\d\d[)\]]?)"
_DONE = re.compile(
    rf"(?:[(（](?:已?完成|完了|已實施|已实施)[)）]|(?:^| ){_DONE_WORD}|(?:[(\[]|\*\*)(?:✅\ufe0f? ?)?{_DONE_WORD}(?:[)\]]|\*\*)"
    # Set off by brackets, a dash or a tick, it is no word of the title in small letters either.
    rf"|(?:\*\*)?[(\[](?:{_TICK} ?)?{_ANY_CASE}{_DAY}?[)\]](?:\*\*)?|(?<=\S) [–—-] {_ANY_CASE}"
    rf"|{_TICK}(?: {_ANY_CASE})?{_DAY}?|[(\[]{_TICK}[)\]]|(?:^| )\[[xX]\])$"
)
_LEADING_BOX = re.compile(r"(?:\[(?P<mark>[ xX])\]|[(\[](?P<word>DONE|COMPLETED?)[)\]])\s+(?=\S)")
_FIRST_REMARK = re.compile(r" ?(?P<bold>\*\*)?\((?P<remark>[^()]*)\)(?(bold)\*\*)")
_SIDE_BY_SIDE = "[P]"
"""How spec-kit marks a task that may run beside others."""
_AFTER = re.compile(r"(?:after|depends? on)\b:? ?(?P<which>.*)", re.IGNORECASE)
_BY = re.compile(r"(?P<what>agent|model): ?(?P<name>[\w.:/@-]+)", re.IGNORECASE)
_ID = r"\d{1,10}(?:\.\d{1,10})*[a-z]?"
_TASK = rf"(?:tasks? )?#?{_ID}"
_WHICH = re.compile(rf"{_TASK}(?:(?: ?[,+&] ?| and |, and ){_TASK})*", re.ASCII | re.IGNORECASE)

_NEARLY_DONE = re.compile(rf"\A(?:{_TICK}|~~|\(?{_ANY_CASE}\)?:)|(?:🟢 {_ANY_CASE}|`\[[xX]\]`|~~)\Z")
_MOST = 20
"""Marks beside a title that are looked at: each costs as much as the title is long."""

# Longer than any mark, so that looking for one costs the same however long a title is.
_TAIL = 40


@frozen
class Marked:
    """A text, and what the marks say that were taken out of it."""

    text: str
    parallel: bool = False
    done: bool = False
    after: tuple[TaskId, ...] = ()
    is_planned: bool = True
    agent: str = ""
    model: str = ""


def one_line(text: str) -> str:
    """The text with every run of blanks, of whatever kind, as one blank."""
    joined = " ".join(text.split())
    return text if joined == text else joined  # so a long list has each title once in memory


def unwrapped(text: str) -> str:
    """The text without a pair of `**` around all of it."""
    if not text.startswith("**"):
        return text
    bare = text[2:-2].strip()
    return bare if text == f"**{text[2:-2]}**" and bare and "**" not in bare else text


def bare(text: str) -> str:
    """A heading's text without what is drawn before it, and without bold type around or at its beginning."""
    return " ".join(re.sub(r"^[^\w\[(`]+", "", text.replace("**", "")).split())


def says_done(text: str) -> bool:
    """Whether a text ends with a mark of what is done."""
    return _DONE.search(text.rstrip()[-_TAIL:]) is not None


def is_nearly_done(title: str) -> bool:
    """Whether something in a title may be meant to say that the task is done, and may as well be a word of it."""
    return _NEARLY_DONE.search(title) is not None


def without_leading(text: str) -> Marked:
    """The text after the remarks it begins with, as far as they are marks."""
    bare = text.lstrip().removeprefix(_SIDE_BY_SIDE)
    marked = Marked(text) if bare == text.lstrip() else Marked(bare, parallel=True)
    for _ in range(_MOST):
        found = _FIRST_REMARK.match(marked.text)
        if not found:
            break
        read = _with_remark(marked, found["remark"])
        if read is None:
            break
        marked = evolve(read, text=marked.text[found.end() :])
    return marked


def without_box(marked: Marked) -> Marked:
    """The text behind a box or a word in brackets that says how far it is."""
    found = _LEADING_BOX.match(marked.text)
    if not found:
        return marked
    return evolve(marked, text=marked.text[found.end() :], done=marked.done or found["mark"] != " ")


def without_trailing(marked: Marked) -> Marked:
    """The text before the marks it ends with."""
    for _ in range(_MOST):
        shorter = _without_last(evolve(marked, text=marked.text.rstrip()))
        if not shorter:
            break
        marked = shorter
    return evolve(marked, text=marked.text.strip())


def without_remarks(text: str) -> Marked:
    """The text before the marks in brackets that it ends with; every other mark stays."""
    marked = Marked(text)
    for _ in range(_MOST):
        shorter = _without_last_remark(marked)
        if not shorter:
            break
        marked = shorter
    return marked


def _without_last(marked: Marked) -> Marked | None:
    if found := _DONE.search(marked.text[-_TAIL:]):
        return evolve(marked, text=marked.text[: -len(found[0])].rstrip(" :-–—"), done=True)
    if marked.text.endswith(f" {_SIDE_BY_SIDE}"):
        return evolve(marked, text=marked.text.removesuffix(_SIDE_BY_SIDE), parallel=True)
    return _without_last_remark(marked)


def _without_last_remark(marked: Marked) -> Marked | None:
    text = marked.text.rstrip()
    if not text.endswith((")", ")**")):
        return None
    bold = "**" if text.endswith("**") else ""
    before, _, remark = text.removesuffix(bold).rpartition("(")
    if not remark.endswith(")") or ")" in remark[:-1] or not before.endswith(bold):
        return None
    read = _with_remark(marked, remark[:-1])
    return evolve(read, text=before.removesuffix(bold).rstrip()) if read else None


def _with_remark(marked: Marked, remark: str) -> Marked | None:
    words = one_line(remark)
    if words.lower() == "parallel":
        return evolve(marked, parallel=True)
    if words.lower() == "no plan":
        return evolve(marked, is_planned=False)
    if by := _BY.fullmatch(words):
        is_agent = by["what"].lower() == "agent"
        return evolve(marked, agent=by["name"]) if is_agent else evolve(marked, model=by["name"])
    found = _AFTER.fullmatch(words)
    if not found or not _WHICH.fullmatch(found["which"]):
        return None
    numbers = re.findall(rf"\b{_ID}", found["which"], re.ASCII | re.IGNORECASE)
    named = (TaskId(without_zeros(number)) for number in numbers)
    return evolve(marked, after=tuple(dict.fromkeys((*marked.after, *named))))
