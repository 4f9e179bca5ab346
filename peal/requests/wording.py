"""What peal writes into a request, and what stays as people have written it there; pure."""

import hashlib
import re
from collections.abc import Sequence

from peal.classes import frozen
from peal.requests.forge import Request
from peal.text.display import count, harmless

_LONGEST_TITLE = 200
"""Letters; GitHub takes 256, GitLab 255."""
_BEGIN = (
    "<!-- peal:begin title={mark}: `peal pr` writes this part anew each time; write above or below it -->"
)
_END = "<!-- peal:end -->"
_PART = re.compile(
    r"<!-- peal:begin title=(?P<mark>[0-9a-f]*)\b[^\n>]*-->(?:(?!<!-- peal:begin ).)*?<!-- peal:end -->",
    re.DOTALL,
)
"""Never what stands between a mark that is left of one part and the next part."""
_LIKE_A_MARK = re.compile(r"<!--(?=\s*peal:)", re.IGNORECASE)
_LIKE_AN_ORDER = re.compile(r"^(\s*)/(?=\w)", re.MULTILINE)
"""A line that GitLab would carry out: what agents have written is not to give orders there."""
_NOTHING = "\u200b"
"""A blank without width."""


@frozen
class Wording:
    """What peal says of a branch."""

    title: str
    text: str

    def part(self, mark: str = "") -> str:
        """peal's part of a request's text, between two marks; the first says which title peal wrote last."""
        inner = _LIKE_AN_ORDER.sub(rf"\1{_NOTHING}/", _LIKE_A_MARK.sub(f"<!{_NOTHING}--", self.text))
        return f"{_BEGIN.format(mark=mark or _mark(self.title))}\n\n{inner.strip()}\n\n{_END}"


def title_of(titles: Sequence[str]) -> str:
    """The title of a request for plans with these titles: the first one's, and how many there are besides."""
    more = f" and {count(len(titles) - 1, 'more plan')}" if len(titles) > 1 else ""
    first = harmless(titles[0]).encode("utf-8", "replace").decode().strip() or "A plan"
    room = _LONGEST_TITLE - len(more)
    return f"{first if len(first) <= room else first[: room - 1].rstrip() + '…'}{more}"


def changes(request: Request, wording: Wording) -> dict[str, str]:
    """
    What of a request is to be another: its title if peal wrote the one that is there, and peal's part of its text.

    What people wrote stays; peal's part comes behind it where they have taken it out.
    """
    before, mark, after = _parted(request.text)
    is_title_ours = mark == _mark(request.title)
    text = f"{before}{wording.part('' if is_title_ours or not mark else mark)}{after}"
    new = {"title": wording.title} if is_title_ours and request.title != wording.title else {}
    return new if _unix(text) == _unix(request.text) else {**new, "text": text}


def by_people(request: Request) -> int:
    """Letters of a request's text that are not peal's."""
    before, _, after = _parted(request.text)
    return len(before) + len(after)


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before peal's part of a text, the mark of that, and what stands after it."""
    if found := _PART.search(text):
        return text[: found.start()], found["mark"], text[found.end() :]
    kept = text.rstrip()
    return f"{kept}\n\n" if kept else "", "", ""


def _mark(title: str) -> str:
    return hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:12]


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
