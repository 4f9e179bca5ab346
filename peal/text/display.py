"""Text made safe to show."""

import codecs
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

# CSI, OSC and the short escape sequences of ECMA-48, then what is left of the C0 and C1 controls.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]+"
)
_HALF_OF_A_PAIR = re.compile(rb"\0[\t\n\r -~]|[\t\n\r -~]\0")


def decoded(raw: bytes) -> str:
    """
    The text in a file that a person wrote, with LF line ends and without a byte order mark.

    ValueError says what it is if it is no UTF-8, with the way out.
    """
    if is_utf16(raw):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        return unix(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8; save it as UTF-8") from None


def is_utf16(raw: bytes) -> bool:
    """Whether it begins as what other programs call Unicode: with a mark of that, or with an ASCII letter in two bytes."""
    return (
        raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _HALF_OF_A_PAIR.match(raw) is not None
    )


def unix(text: str) -> str:
    """The text with LF line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def harmless(text: str) -> str:
    """One line that no terminal obeys: escape sequences dropped, controls and line ends as one blank."""
    return text if text.isascii() and text.isprintable() else _uncontrolled(text).strip()


def printable(text: str) -> str:
    """Several lines that no terminal and no browser obeys: escape sequences dropped, controls as blanks; tabs and line ends stay."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "\n".join("\t".join(map(_uncontrolled, line.split("\t"))) for line in unix(text).split("\n"))


def _uncontrolled(text: str) -> str:
    return _CONTROLS.sub(" ", _ESCAPES.sub("", text))


def last_line(raw: bytes) -> str:
    """The last line with something to read in the tail of an output; progress bars that use CR count."""
    for line in reversed(re.split(r"[\r\n]+", raw.decode("utf-8", "replace"))):
        if shown := harmless(line).strip():
            return shown
    return ""


def tail(raw: bytes, lines: int) -> list[str]:
    """The last lines of an output, made harmless one by one, blank ones at the end left out."""
    kept = [harmless(line) for line in raw.decode("utf-8", "replace").splitlines()]
    while kept and not kept[-1].strip():
        kept.pop()
    return kept[-lines:]


def fenced(text: str, label: str) -> str:
    """`text` between two lines that cannot occur in it, so that it cannot end its own quotation."""
    runs = re.finditer("-+", text)
    longest = max((len(run[0]) for run in runs if text.startswith(f" {label}", run.end())), default=0)
    dashes = "-" * max(longest + 1, 5)
    return f"{dashes} {label} begins {dashes}\n{text.rstrip(chr(10))}\n{dashes} {label} ends {dashes}"


def some(names: Sequence[str], at_most: int) -> str:
    """`` `a`, `b` and 3 more ``: names made harmless, as many as a line has room for."""
    shown = ", ".join(f"`{harmless(name)}`" for name in names[:at_most])
    left = len(names) - at_most
    return f"{shown} and {left} more" if left > 0 else shown


def by_reason(reasons: Iterable[tuple[str, str]], became: str, at_most: int) -> str:
    """`` `a`, `b` failed: why; `c` failed: why else ``: each reason once, as many as a line has room for, with what `became` so."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons:
        names.setdefault(reason, []).append(name)
    shown = [f"{some(few, at_most)} {became}: {harmless(why)}" for why, few in list(names.items())[:at_most]]
    left = sum(map(len, list(names.values())[at_most:]))
    return "; ".join([*shown, *([f"and {left} more"] if left else [])])


def count(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(octets: int) -> str:
    """A number of bytes a person reads at a glance: `312 bytes`, `48 kB`, `1.2 GB`."""
    amount, unit = float(octets), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "bytes" and amount < 10 else f"{amount:.0f} {unit}"


def clock(at: float, now: float) -> str:
    """A moment in wall-clock seconds as this machine's clock shows it: `15:10`, `Tue 15:10`, `2026-12-24 06:00`."""
    away = abs(at - now)
    shown = (
        "%H:%M:%S"
        if away < 600
        else "%H:%M"
        if away < 12 * 3600
        else "%a %H:%M"
        if away < 6 * 86400
        else "%Y-%m-%d %H:%M"
    )
    return time.strftime(shown, time.localtime(at))


def stamp(at: float) -> str:
    """A moment in wall-clock seconds for programs: RFC 3339, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def duration(seconds: float) -> str:
    """A time a person reads at a glance: `0.4s`, `12s`, `3m05s`, `2h07m`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"
