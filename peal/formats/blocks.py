"""The blocks of a markdown text that plans are made of: headings, list items with boxes, code, HTML and comments."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache

from attrs import field
from markdown_it import MarkdownIt
from markdown_it.token import Token

from peal.classes import frozen
from peal.formats.source import tabs_expanded
from peal.model.plan import Problem

# Deeper nesting is not a plan any more, and the parser goes down one Python frame or two for each level.
_DEEPEST = 100

_OPEN_WORDS = (
    *("pending", "todo", "in_progress", "in progress", "in-progress", "not_started", "not started"),
    *("planned", "blocked", "wip"),
)
_DONE_WORDS = ("completed", "complete", "done")
# Marks too, but whether what is left out that way is ever to be done, they do not say.
_UNSURE_WORDS = ("skipped", "deferred", "cancelled", "canceled", "failed")
_WORDS = (*_OPEN_WORDS, *_DONE_WORDS, *_UNSURE_WORDS)
# One letter or digit in brackets is no mark: `[P]` is explained in legends, `[1]` is a footnote.
_BOX = re.compile(
    rf"\[(?P<mark>[ xX]|[^\w\s\[\]…]|{'|'.join(_WORDS)})\](?P<star>\\?\*)?(?=\s|$)", re.IGNORECASE
)
_DONE = ("x", *_DONE_WORDS)
_OPEN = (" ", "~", "/", "-", ">", "!", *_OPEN_WORDS)
_START = re.compile(r"[-*+] {1,4}\S|#{1,6} +\S")
_BULLETS = ("- [", "* [", "+ [")
_HEADING = re.compile(r"(?P<marks>#{1,6}) +(?P<text>[^#]+)")
_PART = 400
"""Lines that are parsed at once, or a few more."""
_TICKS = re.compile(r"`+")
_RAW_HTML = re.compile(r"\s*<(pre|script|style|textarea)\b", re.IGNORECASE)


@frozen
class Heading:
    """An ATX heading that stands outside lists, quotes, code and HTML."""

    level: int
    text: str
    line: int


@frozen
class Box:
    """A list item that begins with a mark such as `[ ]` or `[x]`, and does not stand in a quote."""

    line: int
    end: int
    """The last line of the item, with all that is nested in it."""
    paragraph_end: int
    """The last line of its first paragraph."""
    depth: int
    """How many list items it stands in."""
    mark: str
    text: str
    """The first line, without the mark."""
    indent: int
    """The column where what belongs to the item begins."""
    is_optional: bool = False
    """A star stands right behind the mark, `[ ]*`: Kiro's way to say that the task can be left out."""

    @property
    def is_ticked(self) -> bool:
        """`[x]` or a word that says so; what is cut (`[-]`), queued (`[~]`) or under way (`[/]`) is not."""
        return self.mark.lower() in _DONE

    @property
    def is_known(self) -> bool:
        """Whether the mark is one that some tool writes."""
        return self.is_ticked or self.mark.lower() in _OPEN


@frozen
class Hidden:
    """Lines that are code or HTML, or that seem to be."""

    line: int
    end: int
    kind: str
    """`fence`, `code` (by its indent), `html` or `comment`."""
    is_closed: bool = True


@frozen
class Blocks:
    """What stands in a text, in file order; lines are counted from 1."""

    headings: list[Heading] = field(factory=list)
    boxes: list[Box] = field(factory=list)
    hidden: list[Hidden] = field(factory=list)
    """Code and HTML."""
    comments: list[Hidden] = field(factory=list)
    """Comments that markdown does not take for comments down to their end."""
    problems: list[Problem] = field(factory=list)


def blocks_of(plain: Sequence[str], lines: Sequence[str]) -> Blocks:
    """
    The blocks of a text: `plain` is what markdown is to see, `lines` as they stand in the file.

    The text is parsed in parts, for a token of the parser takes twenty times the room of what is kept of it; and an item of
    one line, of which long lists consist, is understood without the parser.
    """
    found = Blocks()
    closings = [at for at, line in enumerate(lines, 1) if "-->" in line]
    parsed = 0  # up to that line, counted from 0
    unparsed: range | None = None

    def parse(part: range) -> int:
        tokens, end = _tokens(plain, part)
        found.headings.extend(_headings(tokens))
        found.boxes.extend(_boxes(tokens, plain))
        found.hidden.extend(_hidden(tokens, lines))
        found.comments.extend(_open_comments(tokens, closings))
        found.problems.extend(_too_deep(tokens))
        return end

    for piece in _pieces(plain):
        if piece.start < parsed:
            continue  # it stands in code or HTML that began before it
        block = _understood(plain, piece)
        if block is None or unparsed is not None:
            unparsed = range(unparsed.start if unparsed is not None else piece.start, piece.stop)
        if unparsed is not None and (block is not None or len(unparsed) >= _PART):
            parsed, unparsed = parse(unparsed), None
        elif isinstance(block, Heading):
            found.headings.append(block)
        elif block is not None:
            found.boxes.append(block)
    if unparsed is not None:
        parse(unparsed)
    return found


def _pieces(plain: Sequence[str]) -> Iterator[range]:
    """The lines of a text, cut at each bullet or heading at the left margin: there everything before it ends, but code and HTML."""
    start = 0
    for at, line in enumerate(plain):
        if at and _START.match(line):
            yield range(start, at)
            start = at
    if plain:
        yield range(start, len(plain))


def _understood(plain: Sequence[str], piece: range) -> Heading | Box | None:
    """The heading, or the item with a box, that a piece consists of; None where it may hold anything else."""
    line = plain[piece.start]
    if len(piece) > 1 and any(map(str.strip, plain[piece.start + 1 : piece.stop])):
        return None
    if "<" in line or "\0" in line:
        return None
    at = piece.start + 1
    if not line.startswith(_BULLETS):
        heading = _HEADING.fullmatch(line)
        return Heading(len(heading["marks"]), heading["text"].strip(), at) if heading else None
    box = _BOX.match(line, 2)
    if box is None:
        return None
    return Box(at, piece.stop, at, 0, box["mark"], line[box.end() :].strip(), 2, bool(box["star"]))


def _tokens(plain: Sequence[str], part: range) -> tuple[list[Token], int]:
    """The tokens of a part of the text, made longer until no code or HTML goes on behind it; and where it ends then."""
    end = part.stop
    while True:
        tokens = _parser().parse("\n".join(plain[part.start : end]))
        if end == len(plain) or not _goes_on(tokens, plain[part.start : end]):
            break
        least = part.start + 2 * (end - part.start)
        end = next((at for at in range(least, len(plain)) if _START.match(plain[at])), len(plain))
    for token in tokens:
        if token.map is not None:
            token.map = [line + part.start for line in token.map]
    return tokens, end


def _goes_on(tokens: Sequence[Token], lines: Sequence[str]) -> bool:
    """Whether code or HTML may go on after these tokens; of the kinds of HTML see 4.6 of the CommonMark specification."""
    last = tokens[-1] if tokens else None
    if last is None or last.map is None:
        return False
    if last.type == "fence":
        return not _is_closed(last, lines[last.map[0] : last.map[1]])
    if last.type != "html_block":
        return False
    begins = last.content.lstrip()
    if begins.startswith("<!--") or _RAW_HTML.match(begins):
        return not _is_closed(last, ())
    return begins.startswith(("<?", "<!")) or bool(lines[-1].strip())


@cache
def _parser() -> MarkdownIt:
    # Only block structure is asked for. Reference definitions and underlined headings mean nothing here,
    # and left in, they would take `[x]: ...` and a line above `---` for something else than text.
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).disable(["reference", "lheading"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _span(token: Token) -> tuple[int, int]:
    assert token.map is not None, "block tokens know their lines"
    return token.map[0] + 1, token.map[1]


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            yield Heading(len(token.markup), tokens[at + 1].content, _span(token)[0])


def _boxes(tokens: list[Token], lines: Sequence[str]) -> Iterator[Box]:
    depth = quotes = 0
    for at, token in enumerate(tokens):
        if token.type.startswith("blockquote"):
            quotes += token.nesting
        elif token.type == "list_item_close":
            depth -= 1
        elif token.type == "list_item_open":
            box = None if quotes else _box(token, tokens[at + 2 : at + 3], depth, lines)
            depth += 1
            if box:
                yield box


def _box(item: Token, first: list[Token], depth: int, lines: Sequence[str]) -> Box | None:
    if not first or first[0].type != "inline" or first[0].level != item.level + 2:
        return None
    begin, end = _span(item)
    paragraph_begin, paragraph_end = _span(first[0])
    found = _BOX.match(first[0].content)
    if not found or paragraph_begin != begin:
        return None
    text = first[0].content.split("\n", 1)[0][found.end() :].strip()
    indent = tabs_expanded(lines[begin - 1]).find(found[0])
    return Box(begin, end, paragraph_end, depth, found["mark"], text, indent, bool(found["star"]))


def _hidden(tokens: list[Token], lines: Sequence[str]) -> Iterator[Hidden]:
    for token in tokens:
        if kind := _kind(token):
            line, end = _span(token)
            is_closed = token.level > 0 or _is_closed(token, lines[line - 1 : end])
            yield Hidden(line, end, kind, is_closed)


def _kind(token: Token) -> str | None:
    if token.type == "html_block":
        return "comment" if token.content.lstrip().startswith("<!--") else "html"
    return {"fence": "fence", "code_block": "code"}.get(token.type)


def _is_closed(block: Token, lines: Sequence[str]) -> bool:
    if block.type == "fence":
        last = lines[-1].strip()
        return len(lines) > 1 and last.startswith(block.markup) and not last.strip(block.markup[0])
    if raw := _RAW_HTML.match(block.content):
        return f"</{raw[1]}>".lower() in block.content.lower()
    return not _leaves_comment_open(block.content)


def _leaves_comment_open(text: str) -> bool:
    return text.rfind("<!--") > text.rfind("-->")


def _open_comments(tokens: list[Token], closings: Sequence[int]) -> Iterator[Hidden]:
    # Markdown ends a comment with its block if it began in the middle of a line or in a list item,
    # while a reader sees it go on to `-->`.
    for token in tokens:
        if token.type not in ("inline", "html_block") or not _leaves_comment_open(token.content):
            continue
        if _leaves_comment_open(_without_code(token.content)):
            line, end = _span(token)
            after = bisect_right(closings, end)
            yield Hidden(line, closings[after] if after < len(closings) else line, "comment")


def _without_code(text: str) -> str:
    """The text without spans of code: each from a run of backticks to the next of the same length."""
    runs = list(_TICKS.finditer(text))
    after: dict[int, int] = {}
    closes: list[int | None] = [None] * len(runs)
    for at in range(len(runs) - 1, -1, -1):
        length = len(runs[at][0])
        closes[at] = after.get(length)
        after[length] = at
    kept, begin, at = [], 0, 0
    while at < len(runs):
        end = closes[at]
        if end is not None:
            kept.append(text[begin : runs[at].start()])
            begin, at = runs[end].end(), end
        at += 1
    return "".join((*kept, text[begin:]))


def _too_deep(tokens: list[Token]) -> Iterator[Problem]:
    containers = ("list_item_open", "blockquote_open")
    for token in tokens:
        if token.level >= _DEEPEST - 1 and token.type in containers:
            yield Problem(
                _span(token)[0], "lists or quotes are nested too deep to be read; nest them less deep"
            )
            return
