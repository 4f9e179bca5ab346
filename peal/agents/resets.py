"""When a usage limit ends, read from the words of the message that tells of it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

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
    r"(?:\s*\(?(?P<zone>[A-Z][A-Za-z]+(?:/[A-Za-z_+-]+\d*)+|UTC|GMT|Z)\b\)?)?",
    re.IGNORECASE,
)
_SECONDS = {"ms": 0.001, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DAY = 86400
_SLACK = 60
"""Seconds: a time of day is told without its seconds, so the minute that runs may be the one that is meant."""


def reset_time(message: str, at: float) -> float | None:
    """
    The wall-clock second that a message names; None if it names none, or none within a day before and a year after `at`.

    A time of day is the next one after `at`, in the zone it names or else in this machine's.
    """
    return sane(_named(message, at), at)


def sane(moment: float | None, at: float) -> float | None:
    """A moment that a wait can end at; None for what lies days back or years ahead, which nobody means."""
    return moment if moment is not None and at - _DAY < moment < at + 366 * _DAY else None


def seconds_or_milliseconds(moment: float) -> float:
    """A moment given in either, in seconds: no limit lasts until the year 5000."""
    return moment / 1000 if moment > 1e11 else moment


def _named(message: str, at: float) -> float | None:
    if found := _IN.search(message):
        amounts = re.findall(_AMOUNT, found[1], re.IGNORECASE)
        return at + sum(float(many) * _unit(word.lower()) for many, word in amounts)
    if found := _ISO.search(message):
        return _from_iso(found[0])
    if (found := _CLOCK.search(message)) and (found["half"] or found["minute"]):
        # a date that has just passed is not meant for next year
        slack = _DAY if found["month"] else _SLACK
        try:
            return next((one for one in _moments(found, at) if one > at - slack), None)
        except (ValueError, OverflowError):  # the 31st of June, 25:00
            return None
    found = _EPOCH.search(message)
    return float(found[1]) if found else None


def _unit(word: str) -> float:
    """`m` is a minute, unless it begins `ms` or `milliseconds`."""
    return _SECONDS["ms"] if word.startswith(("ms", "mil")) else _SECONDS[word[0]]


def _from_iso(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _moments(found: "re.Match[str]", at: float) -> Iterator[float]:
    """
    The moments that the words can mean, the first first.

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
    if found["month"]:
        month = _MONTHS.index(found["month"].lower()) + 1
        years = [int(found["year"])] if found["year"] else [now.year, now.year + 1]
        days = []
        for year in years:
            with suppress(ValueError):  # not every year has a 29th of February
                days.append(moment.replace(year=year, month=month, day=int(found["date"])))
    elif found["day"]:
        ahead = (_DAYS.index(found["day"].lower()) - now.weekday()) % 7
        days = [moment + timedelta(days=ahead), moment + timedelta(days=ahead + 7)]
    else:
        days = [moment, moment + timedelta(days=1)]
    for day in days:
        yield from (day.replace(fold=fold).timestamp() for fold in (0, 1))


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: there is no such zone, or no zones at all
        return None
