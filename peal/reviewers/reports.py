"""Reports of findings read from JSON: SARIF 2.1.0, and the plain lists that reviewers write."""

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from peal.model.review import Finding, Severity
from peal.text.loose_json import inner, objects, text

_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}
_WORDS: Mapping[str, Severity] = {
    "error": Severity.ERROR, "critical": Severity.ERROR, "high": Severity.ERROR, "fatal": Severity.ERROR,
    "bug": Severity.ERROR, "blocker": Severity.ERROR,
    "warning": Severity.WARNING, "warn": Severity.WARNING, "medium": Severity.WARNING, "moderate": Severity.WARNING,
    "note": Severity.NOTE, "info": Severity.NOTE, "low": Severity.NOTE, "nitpick": Severity.NOTE, "style": Severity.NOTE,
    "hint": Severity.NOTE, "minor": Severity.NOTE,
}  # fmt: skip
_LONGEST = 4000


class Unreadable(Exception):
    """A report that is none; says why."""


def from_sarif(report: Path, reviewer: str, folder: Path) -> tuple[Finding, ...]:
    """The results of every run that are not suppressed, absent, or no failure at all."""
    log = _loaded(report)
    runs = log.get("runs") if isinstance(log, dict) else None
    if not isinstance(runs, list):
        raise Unreadable("its output is no SARIF: there is no list of `runs`")
    source = _Source(folder)
    return tuple(
        _of_sarif(result, run, reviewer, source)
        for run in runs
        if isinstance(run, dict)
        for result in objects(run, "results")
        if _counts(result)
    )


def from_json(report: Path, reviewer: str, folder: Path) -> tuple[Finding, ...]:
    """A list of findings, by itself or under `findings` or `issues`; each with a `message`, and what else it has."""
    found = listed(_loaded(report))
    if found is None:
        raise Unreadable("its output is no list of findings, nor one under `findings` or `issues`")
    source = _Source(folder)
    return tuple(plain(one, reviewer, source.line) for one in found if isinstance(one, dict))


def listed(found: Any) -> list[Any] | None:
    """The list that JSON is, or that it has under `findings` or `issues`; None if there is none."""
    if isinstance(found, dict):
        found = next((found[key] for key in ("findings", "issues") if isinstance(found.get(key), list)), None)
    return found if isinstance(found, list) else None


def plain(one: Mapping[str, Any], reviewer: str, line_at: Callable[[str, int], str]) -> Finding:
    """A finding from an object with a `message`; `line_at` gives the text of a line of a file."""
    path = text(one, "path") or text(one, "file")
    line = next((one[key] for key in ("line", "row") if type(one.get(key)) is int), 0)
    return Finding(
        reviewer,
        (text(one, "message") or json.dumps(one, ensure_ascii=False))[:_LONGEST],
        path=path,
        line=line,
        rule=text(one, "rule") or text(one, "category") or text(one, "code"),
        severity=severity(text(one, "severity") or text(one, "level")),
        context=line_at(path, line),
        suggestion=text(one, "suggestion")[:_LONGEST],
        id=text(one, "id"),
    )


def severity(word: str) -> Severity:
    """What a reviewer's word for it weighs; an unknown word weighs most: better looked at than passed over."""
    return _WORDS.get(word.strip().lower(), Severity.ERROR)


def _loaded(report: Path) -> Any:
    try:
        return json.loads(report.read_bytes() or b"null")
    except OSError as error:
        raise Unreadable(f"its report cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Unreadable("its output is no JSON") from None


def _counts(result: Mapping[str, Any]) -> bool:
    """SARIF 2.1.0 §3.27.9 kind, §3.27.23 suppressions, §3.27.24 baselineState."""
    suppressions = [
        one for one in objects(result, "suppressions") if one.get("status", "accepted") == "accepted"
    ]
    return (
        result.get("kind", "fail") == "fail"
        and result.get("baselineState") not in ("absent", "unchanged")
        and not suppressions
    )


def _of_sarif(result: Mapping[str, Any], run: dict[str, Any], reviewer: str, source: "_Source") -> Finding:
    rule = _rule(result, run)
    physical = inner(next(iter(objects(result, "locations")), {}), "physicalLocation")
    path = source.relative(_uri(physical, run))
    line = inner(physical, "region").get("startLine", 0)
    line = line if type(line) is int else 0
    snippet = text(inner(physical, "region", "snippet"), "text").strip()
    message = _message(result, rule)
    return Finding(
        reviewer,
        message[:_LONGEST],
        path=path,
        line=line,
        rule=text(result, "ruleId") or text(inner(result, "rule"), "id") or text(rule, "id"),
        severity=_level(result, rule),
        context=snippet or source.line(path, line),
        suggestion=text(inner(next(iter(objects(result, "fixes")), {}), "description"), "text")[:_LONGEST],
    )


def _rule(result: Mapping[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The description of the result's rule: by index, or by id, as §3.27.5-7 have it."""
    rules = objects(inner(run, "tool", "driver"), "rules")
    index = result.get("ruleIndex", inner(result, "rule").get("index"))
    if type(index) is int and 0 <= index < len(rules):
        return rules[index]
    wanted = text(result, "ruleId")
    return next((rule for rule in rules if wanted and rule.get("id") == wanted), {})


def _level(result: Mapping[str, Any], rule: dict[str, Any]) -> Severity:
    """§3.27.10: the result's own level, else the rule's default, else `warning`."""
    own = text(result, "level") or text(inner(rule, "defaultConfiguration"), "level")
    return _LEVELS.get(own, Severity.NOTE if own == "none" else Severity.WARNING)


def _message(result: Mapping[str, Any], rule: dict[str, Any]) -> str:
    """§3.11: the text, or the rule's message of that id with its arguments filled in."""
    message = inner(result, "message")
    said = text(message, "text")
    if not said:
        said = text(inner(rule, "messageStrings", text(message, "id")), "text")
        given = message.get("arguments")
        for number, argument in enumerate(given if isinstance(given, list) else []):
            said = said.replace(f"{{{number}}}", str(argument))
    return said or text(inner(rule, "shortDescription"), "text") or "a finding without a message"


def _uri(physical: Mapping[str, Any], run: dict[str, Any]) -> str:
    location = inner(physical, "artifactLocation")
    uri, index = text(location, "uri"), location.get("index")
    artifacts = objects(run, "artifacts")
    if not uri and type(index) is int and 0 <= index < len(artifacts):
        location = inner(artifacts[index], "location")
        uri = text(location, "uri")
    base = text(inner(run, "originalUriBaseIds", text(location, "uriBaseId")), "uri")
    return uri if _split(uri).scheme or not base else base.rstrip("/") + "/" + uri


def _split(uri: str) -> SplitResult:
    """Its parts; what can be no URI is a path."""
    try:
        return urlsplit(uri)
    except ValueError:
        return SplitResult("", "", uri, "", "")


class _Source:
    """The files that findings are about."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._real = os.path.realpath(folder)
        self._lines = cache(self._read)

    def relative(self, uri: str) -> str:
        """The path that a URI names, relative to the folder where it lies in it."""
        parts = _split(uri)
        path = unquote(parts.path) if parts.scheme in ("", "file") else uri
        if path.startswith("/"):
            for root in (str(self._folder), self._real):
                if path.startswith(f"{root}/"):
                    return path[len(root) + 1 :]
        return path.removeprefix("./")

    def line(self, path: str, line: int) -> str:
        """The text of a line, without blanks around it; empty if there is no such line."""
        lines = self._lines(path) if path and line > 0 else []
        return lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""

    def _read(self, path: str) -> list[str]:
        try:
            file = os.path.realpath(os.path.join(self._real, path))  # noqa: PTH118 - may be absolute
            if not file.startswith(f"{self._real}/"):
                return []
            return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
        except (OSError, ValueError):  # also what can be no path
            return []
