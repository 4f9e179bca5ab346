"""`peal report` for those who did not look on: JUnit XML and SARIF."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Repo, end_all, untouched
from junitparser import JUnitXml

from peal.text.redaction import HIDDEN

SECRET = "hu_nter2*%,:words"
PLAN = f"""\
# A plan

## Task 1 (parallel): Make one

```sh
echo one >one; echo did it
```

## Task 2 (parallel): Fail <b>badly</b> | {SECRET} @someone fixes #12

```sh
printf 'before\\n```\\n</details>\\n::error::mine\\n%s\\n' "$MY_API_KEY" >&2; exit 3
```

## Task 3 (parallel): Leave something

```sh
echo bad >"$MY_API_KEY.py"
```

## Task 4 (parallel): Get in the way

```sh
echo theirs >mine.txt
```

## Task 5 (after 2): Come later

```sh
echo later >later
```
"""
REVIEWER = f"""\
import glob, json
found = [{{"message": "100% bad\\nand {SECRET}", "path": name, "line": 1, "rule": "B1", "severity": "warning"}} for name in glob.glob("hu*.py")]
found += [{{"message": "elsewhere", "path": "/etc/passwd", "line": 3, "suggestion": "{SECRET}"}}] if found else []
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, templates: dict[str, Path]) -> Iterator[Repo]:
    """A repository in which a plan was run: one task done, one failed, one with findings, one held, one not reached."""
    path = tmp_path_factory.mktemp("told") / "ein repo ü"
    shutil.copytree(templates["committed"], path)
    made = Repo(path, {**untouched(), "MY_API_KEY": SECRET, "PEAL_ON_FINDINGS_REMAINING": "warn"})
    made.write("plans/first things.md", PLAN)
    made.write("review.py", REVIEWER)
    made.write("peal.toml", '[[reviewers]]\nname = "lint"\nformat = "json"\ncommand = "python3 review.py"\n')
    made.git("add", ".")
    made.git("commit", "-qm", "the plan")
    made.write("mine.txt", "mine")
    words = ("--agent", "shell", "--max-parallel", "4", "--max-address-rounds", "0")
    made.peal("run", "plans/first things.md", *words, "--continue-with-remaining-tasks", code=4)
    yield made
    end_all(made.started)


# Each form, of that run


def test_junit_has_a_case_for_each_task(told: Repo, tmp_path: Path) -> None:
    told.peal("report", "--junit", str(tmp_path / "out" / "peal.xml"))

    (suite,) = JUnitXml.fromfile(str(tmp_path / "out" / "peal.xml"))
    cases = list(suite)
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (
        "plans/first things.md", 5, 1, 0, 2
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", suite.timestamp)
    assert suite.hostname is None
    assert {case.classname for case in cases} == {"plans.first things"}
    assert [type(case.result[0]).__name__ if case.result else "passed" for case in cases] == [
        "passed", "Failure", "passed", "Skipped", "Skipped"
    ]  # fmt: skip
    failed, let_through, held, lost = cases[1:]
    assert failed.result[0].message == f"exit status 3: {HIDDEN}"
    assert "execute, attempt 1: exit status 3" in failed.result[0].text
    assert failed.system_out.splitlines()[:2] == ["before", "```"]
    assert "let through with 2 findings" in let_through.system_err
    assert "100% bad" in let_through.system_err
    assert held.result[0].message.startswith("held: your own `mine.txt` would be overwritten")
    assert lost.result[0].message == "not begun: not reached: it comes after task 2, which failed"
    assert cases[0].system_out == "did it"
    assert suite.time == pytest.approx(told_by_summary(told)["seconds"], abs=1.0)


def told_by_summary(told: Repo) -> dict[str, Any]:
    """What the run itself wrote down of its end."""
    found: dict[str, Any] = json.loads((told.memory() / "run_summary.json").read_text(encoding="utf-8"))
    return found


def test_sarif_has_the_findings_that_remain(told: Repo) -> None:
    log = json.loads(told.peal("report", "--sarif", "-").stdout)

    (run,) = log["runs"]
    ruled, elsewhere = run["results"]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "peal")
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["lint/B1", "lint"]
    assert [(one["ruleId"], one["ruleIndex"], one["level"]) for one in (ruled, elsewhere)] == [
        ("lint/B1", 0, "warning"), ("lint", 1, "error")
    ]  # fmt: skip
    place = ruled["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1}
    assert place["artifactLocation"] == {"uri": "%5Bhidden%5D.py", "uriBaseId": "%SRCROOT%"}
    assert ruled["message"]["text"] == f"100% bad\nand {HIDDEN}"
    assert list(ruled["partialFingerprints"]) == ["peal/v1"]
    place = elsewhere["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "plans/first%20things.md", "uriBaseId": "%SRCROOT%"}}
    assert elsewhere["message"]["text"] == f"/etc/passwd:3\nelsewhere\n\n{HIDDEN}"
    assert set(elsewhere["partialFingerprints"]) == {"peal/v1", "primaryLocationLineHash"}
    assert "%SRCROOT%" in run["originalUriBaseIds"]
    assert "uri" not in run["originalUriBaseIds"]["%SRCROOT%"]
