"""When a usage limit ends, read from the words of the message that tells of it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from enum import Enum
from zoneinfo import ZoneInfo

from peal.classes import frozen

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BEGINS = r"(?:reset(?:s|ting)?|try again|retry(?:ing)?|available(?: again)?|refresh(?:es)?|renews?|continue)"
_AMOUNT = (
    r"(\d+(?:\.\d+)?)\s*"
    r"(ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])"
)  # fmt: skip
_IN = re.compile(rf"{_BEGINS}[^.;]{{0,12}}?\b(?:in|after)\s+((?:{_AMOUNT}(?:[\s,]|and\b)*)+)", re.IGNORECASE)
_EPOCH = re.compile(r"\b(1[0-9]{9})(?:[0-9]{3})?\b")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?\d*)?(?:Z|[+-]\d\d:?\d\d)?")
_CLOCK = re.compile(
    rf"{_BEGINS}\W{{0,3}}(?:at|on|by|:)?\s*"
    r"(?:(?:on\s+)?(?P<day>mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s*(?:at\s+)?)?"
    r"(?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<date>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,?\s+(?P<year>\d{4}))?,?\s*(?:at\s+)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<half>[ap]\.?m\b\.?)?"
    r"(?:\s*\(?(?P<zone>[A-Z][A-Za-z]+(?:/[A-Za-z_+-]+\d*)+|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?|Z|[PMCE][SD]?T)\b\)?)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:UTC|GMT)([+-])(\d{1,2}):?(\d\d)?", re.IGNORECASE)
_AMERICAN = {
    "P": "America/Los_Angeles", "M": "America/Denver", "C": "America/Chicago", "E": "America/New_York",
}  # fmt: skip
"""What `PST`, `PDT` and `PT` begin with, and the like: the services are at home there."""
_SECONDS = {"ms": 0.001, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DAY = 86400.0
_MINUTE = 60.0
"""Seconds: a time of day is told without its seconds, so the minute that runs may be the one that is meant."""
LATE = 3700.0
"""
Seconds, an hour and a little more, that a time of day may have passed and still be meant, rather than the same time
tomorrow: clocks differ, and services go on for a while telling of a limit that is over.
"""
LONGEST = 366 * _DAY
"""Seconds: a time further ahead is a mistake of somebody's, and the agent is asked again before."""


class Form(Enum):
    """How a message tells of an end."""

    WAIT = "an amount of time from now"
    CLOCK = "a time of day or a date, as people have them"
    STAMP = "a moment as programs have it"


@frozen
class Told:
    """The end that a message names; it may have passed."""

    moment: float
    """In wall-clock seconds."""
    form: Form


def told(message: str, at: float) -> Told | None:
    """
    The end that a message names, as seen from `at`; None if it names none.

    A time of day is the first that is not over for longer than `LATE`, in the zone it names or else in this machine's; a
    date without a year is in the year that brings it nearest.
    """
    if found := _IN.search(message):
        amounts = re.findall(_AMOUNT, found[1], re.IGNORECASE)
        return Told(at + sum(float(many) * _unit(word.lower()) for many, word in amounts), Form.WAIT)
    if (found := _CLOCK.search(message)) and (found["half"] or found["minute"]):
        moment = _from_clock(found, at)
        return None if moment is None else Told(moment, Form.CLOCK)
    if found := _ISO.search(message):
        return _stamp(_from_iso(found[0]))
    found = _EPOCH.search(message)
    return _stamp(float(found[1])) if found else None


def told_as_number(moment: float | None) -> Told | None:
    """An end that is told as a number of seconds or milliseconds since 1970."""
    return _stamp(None if moment is None else seconds_or_milliseconds(moment))


def told_by_header(value: str, at: float) -> Told | None:
    """The end that HTTP's `Retry-After` tells: so many seconds, none or fewer if it has passed, or a date."""
    if re.fullmatch(r"-?\d{1,12}(\.\d+)?", value.strip()):
        return Told(at + float(value), Form.WAIT)
    try:
        return _stamp(parsedate_to_datetime(value).timestamp())
    except (ValueError, OverflowError):
        return None


def sane(end: Told | None, at: float) -> float | None:
    """The moment of an end that can be meant: no more than a day over, and no further ahead than `LONGEST`."""
    return end.moment if end is not None and at - _DAY < end.moment <= at + LONGEST else None


def is_too_far(end: Told | None, at: float) -> bool:
    """Whether an end lies where nobody waits for it."""
    return end is not None and end.moment > at + LONGEST


def seconds_or_milliseconds(moment: float) -> float:
    """A moment given in either, in seconds: no limit lasts until the year 5000."""
    return moment / 1000 if moment > 1e11 else moment


def _stamp(moment: float | None) -> Told | None:
    return None if moment is None else Told(moment, Form.STAMP)


def _from_clock(found: "re.Match[str]", at: float) -> float | None:
    try:
        days = [sorted(moments) for moments in _moments(found, at)]
    except (ValueError, OverflowError):  # 25:00
        return None
    if found["month"]:
        days.sort(key=lambda moments: abs(moments[-1] - at))
    else:
        days = [moments for moments in days if moments[-1] >= at - LATE]
    return next((one for one in days[0] if one > at - _MINUTE), days[0][-1]) if days else None


def _unit(word: str) -> float:
    """`m` is a minute, unless it begins `ms` or `milliseconds`."""
    return _SECONDS["ms"] if word.startswith(("ms", "mil")) else _SECONDS[word[0]]


def _from_iso(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _moments(found: "re.Match[str]", at: float) -> Iterator[tuple[float, float]]:
    """
    The moments that the words can mean, day by day, before and after `at`.

    Reckoned on the wall clock, as people do: the day after the clocks change is no 24 hours away, and when they are set
    back an hour comes twice (`fold`).
    """
    zone = _zone(found["zone"])
    now = datetime.fromtimestamp(at, zone) if zone else datetime.fromtimestamp(at).astimezone()
    if zone is None:
        now = now.replace(tzinfo=None)  # without a zone it is this machine's, with its changes of the clock
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower().startswith("p") else 0)
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    for day in _days(found, moment):
        yield day.replace(fold=0).timestamp(), day.replace(fold=1).timestamp()


def _days(found: "re.Match[str]", moment: datetime) -> Iterator[datetime]:
    """The time of day on each day that the words can mean."""
    if found["month"]:
        month = _MONTHS.index(found["month"].lower()) + 1
        years = [int(found["year"])] if found["year"] else range(moment.year - 1, moment.year + 2)
        for year in years:
            with suppress(ValueError):  # not every year has a 29th of February, and none a 31st of June
                yield moment.replace(year=year, month=month, day=int(found["date"]))
    elif found["day"]:
        ahead = (_DAYS.index(found["day"].lower()) - moment.weekday()) % 7
        yield from (moment + timedelta(days=ahead + week) for week in (-7, 0, 7))
    else:
        yield from (moment + timedelta(days=day) for day in (-1, 0, 1))


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if found := _OFFSET.fullmatch(name):
        away = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-away if found[1] == "-" else away)
    try:
        return ZoneInfo(name if "/" in name else _AMERICAN[name[0].upper()])
    except (OSError, ValueError, KeyError):  # KeyError: there is no such zone, or no zones at all
        return None
