"""Where in the repository something is that a report tells of; pure."""

import posixpath

from peal.model.review import Finding
from peal.reports.run_report import RunReport
from peal.text.display import harmless


def file_of(finding: Finding, run: RunReport) -> str:
    """The file that a finding is about, relative to the repository; empty if it is about none that lies there."""
    return _inside(finding.path, run)


def plan_of(run: RunReport) -> str:
    """The plan, relative to the repository; empty if it lies elsewhere."""
    return _inside(run.plan, run)


def _inside(path: str, run: RunReport) -> str:
    clean = posixpath.normpath(harmless(path.removeprefix(f"{run.history.repo}/")))
    is_outside = clean in (".", "..") or clean.startswith(("/", "../"))
    return "" if is_outside else clean
