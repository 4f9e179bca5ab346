"""From the bytes of a file to its lines, and from lines to the text of a task."""

import re
from collections.abc import Sequence

from peal.model.plan import Problem
from peal.text.display import is_utf16, unix

_KEY = re.compile(r"[A-Za-z_][\w .-]*:(?:\s|$)")
_NOT_YAML = re.compile(r"##|[-*+] \[[ xX]\] ")


def decoded(raw: bytes) -> tuple[str, list[Problem]]:
    """The text with LF line ends, without a byte order mark; what is no UTF-8 is replaced, and a problem."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if is_utf16(raw):
        return unix(raw.decode("utf-8", "replace")), [Problem(1, "the file is UTF-16; save it as UTF-8")]
    try:
        return unix(raw.decode()), []
    except UnicodeDecodeError as error:
        line = 1 + unix(raw[: error.start].decode()).count("\n")
        message = f"byte `0x{raw[error.start]:02x}` is not valid UTF-8; save the file as UTF-8"
        return unix(raw.decode("utf-8", "replace")), [Problem(line, message)]


def whole_letters(text: str) -> str:
    """The text without halves of letters (`\\ud800`), which escapes can write and nothing can save."""
    return text.encode("utf-8", "replace").decode()


def front_matter_end(lines: Sequence[str]) -> int:
    """How many lines the settings between `---` and `---` at the top take, with these two; 0 if there are none."""
    # A rule (`---`) may open a file too, so what follows has to look like settings and not like a plan.
    if lines[0].rstrip() != "---":
        return 0
    closing = (at for at, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "..."))
    end = next(closing, 0)
    settings = [line for line in lines[1:end] if not re.match(r"#(?!#)", line)]
    looks_right = not settings or (_KEY.match(settings[0]) and not any(map(_NOT_YAML.match, settings)))
    return end + 1 if end and looks_right else 0


def trimmed(text: str) -> str:
    """Without blanks at both ends; but code that is indented keeps the indent of its first line."""
    bare = text.strip()
    before = text[: len(text) - len(text.lstrip())]
    indent = before[before.rfind("\n") + 1 :]
    return indent + bare if bare and len(indent.expandtabs(4)) >= 4 else bare


def dedented(lines: Sequence[str], indent: int) -> str:
    """Lines of a list item as they would stand outside it; what is indented less stays where it is."""
    if not any(map(str.strip, lines)):
        return ""
    spaced = [tabs_expanded(line) for line in lines]
    shifted = [line[min(indent, _indent(line)) :] for line in spaced]
    common = min((_indent(line) for line in shifted if line.strip()), default=0)
    return trimmed("\n".join(line[common:] for line in shifted))


def tabs_expanded(line: str) -> str:
    """The line with blanks for the tabs it begins with."""
    bare = line.lstrip(" \t")
    return line[: len(line) - len(bare)].expandtabs(4) + bare


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
