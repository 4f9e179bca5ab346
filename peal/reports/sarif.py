"""The report of runs as SARIF 2.1.0, of the findings that remain; pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from peal import __version__
from peal.model.review import Finding
from peal.reports.evidence import Evidence, Reported
from peal.reports.places import file_of, plan_of
from peal.reports.run_report import RunReport, TaskReport

MARK = '"driver": {\n     "name": "peal"'
"""In the first lines of each such file."""
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
"""What GitHub, among others, takes for the root of the repository."""


def document(several: Sequence[Reported]) -> str:
    """
    What reviewers still found of tasks that were let through or have failed, each by a rule that is named after its reviewer.

    One tool, peal, and not one for each reviewer: code scanning closes the alerts of a tool when its next upload comes, so those of
    a reviewer that finds nothing any more would stay, and a linter's own upload and this one would close each other's. It refuses
    results without a place, so what is about no file stands at the plan.
    """
    found = [(one, task, finding) for one in several for task in one.run.tasks for finding in task.found]
    rules = dict.fromkeys(_rule_of(finding, one.evidence) for one, _, finding in found)
    places = {rule: place for place, rule in enumerate(rules)}
    results = [_result(one, task, finding, places) for one, task, finding in found]
    driver = {"name": "peal", "version": __version__, "rules": list(map(_descriptor, rules))}
    base = {_ROOT: {"description": {"text": "The root of the repository."}}}
    run = {"tool": {"driver": driver}, "originalUriBaseIds": base, "results": results}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule_of(finding: Finding, evidence: Evidence) -> str:
    return evidence.said("/".join(filter(None, (finding.reviewer, finding.rule))))


def _descriptor(rule: str) -> dict[str, Any]:
    text = f"Found by {rule}"
    return {
        "id": rule,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": text},
    }


def _result(one: Reported, task: TaskReport, finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    rule = _rule_of(finding, one.evidence)
    told = {"plan": one.run.plan, "task": task.id, "state": task.status.state}
    return {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": str(finding.severity),
        "message": {"text": "\n".join(_message(finding, one))},
        "locations": [{"physicalLocation": _location(finding, one)}],
        "partialFingerprints": _fingerprints(finding, one.run),
        "properties": {name: one.evidence.said(value) for name, value in told.items()},
    }


def _message(finding: Finding, one: Reported) -> Iterator[str]:
    """Line by line; what is about a place outside of the repository begins with that."""
    said = one.evidence.said
    if finding.path and not file_of(finding, one.run):
        yield said(f"{finding.path}:{finding.line}" if finding.line else finding.path)
    yield from map(said, finding.message.splitlines() or [finding.rule or finding.reviewer])
    if finding.suggestion:
        yield from ("", *map(said, finding.suggestion.splitlines()))


def _location(finding: Finding, one: Reported) -> dict[str, Any]:
    path = file_of(finding, one.run) or plan_of(one.run) or PurePath(one.run.plan).name
    location: dict[str, Any] = {
        "artifactLocation": {"uri": quote(one.evidence.said(path)), "uriBaseId": _ROOT}
    }
    return {**location, "region": {"startLine": finding.line}} if _has_line(finding, one.run) else location


def _has_line(finding: Finding, run: RunReport) -> bool:
    return finding.line > 0 and bool(file_of(finding, run))


def _fingerprints(finding: Finding, run: RunReport) -> dict[str, str]:
    """
    peal's own, which is the same wherever its line moves.

    Code scanning knows `primaryLocationLineHash` only, and makes it itself of the line's text; without a line nobody does, and all
    findings at one plan would be one.
    """
    own = {"peal/v1": finding.fingerprint}
    return own if _has_line(finding, run) else {**own, "primaryLocationLineHash": finding.fingerprint}
