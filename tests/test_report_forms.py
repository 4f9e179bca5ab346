"""`peal report` for those who did not look on: JUnit XML, SARIF, annotations of GitHub's, Markdown; and what a run says to GitHub."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import test_backlog_run
from attrs import evolve
from conftest import Repo, commit_plan, end_all, examples, run_plan, untouched
from hypothesis import example, given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from pages import tree_of
from stories import Limits, Remembered, Run, Script, opened, tasks_of, work_of
from test_backlog_run import TWO, Wishes, ready

from peal.model.review import Finding, Severity
from peal.model.work import Result
from peal.record.events import PlanRead, StepEnded
from peal.reports import github, junit, markdown, page, sarif
from peal.reports.evidence import Evidence, Reported
from peal.reports.places import file_of
from peal.reports.run_report import report_of
from peal.system.layout import PlanPaths
from peal.text.redaction import HIDDEN, redactor
from peal.views.status import STATES

ROOT = Path(__file__).parents[1]
wishes = test_backlog_run.wishes
SECRET = "hu_nter2*%,:words"
PART_OF_IT = "nter2"
HOSTILE = "\x1b[31ma\x00\ufffe\udc80\ud800]]>\r\n::error::,%0A| `</details>` <!-- **b** -->\n```\n"
FORMS: dict[str, Callable[[list[Reported]], str]] = {
    "junit": junit.document,
    "sarif": sarif.document,
    "markdown": markdown.document,
    "github": lambda several: "\n".join(github.commands(several)) + github.summary(several, 1_000_000),
    "page": lambda several: page.document(several, ROOT, 1e9, Path.as_uri),
}
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
    begun = {(one["task"], one["phase"]): one["at"] for one in told.recorded("StepStarted")}
    took = [(one["task"], one["at"] - begun[one["task"], one["phase"]]) for one in told.recorded("StepEnded")]
    for number, case in enumerate(cases, 1):
        assert case.time == pytest.approx(sum(seconds for task, seconds in took if task == number), abs=0.01)


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


def test_github_is_told_of_tasks_first_and_of_each_finding(told: Repo, tmp_path: Path) -> None:
    step = tmp_path / "summary.md"
    step.write_text("# Before\n")

    said = told.peal("report", "--github", GITHUB_STEP_SUMMARY=str(step)).stdout

    failed, elsewhere, held, found = [command(line) for line in said.splitlines()]
    assert failed == (
        "error",
        {
            "file": "plans/first things.md",
            "title": f"task 2 failed: Fail <b>badly</b> | {HIDDEN} @someone fixes #12",
        },
        f"exit status 3: {HIDDEN}",
    )
    assert elsewhere == ("error", {"title": "lint (task 3)"}, "/etc/passwd\nelsewhere")
    assert held[0] == "warning"
    assert held[1]["title"] == "task 4 is held: Get in the way"
    assert found == (
        "warning",
        {"file": f"{HIDDEN}.py", "line": "1", "title": "lint B1 (task 3)"},
        f"100% bad\nand {HIDDEN}",
    )
    summary = step.read_text()
    assert summary.startswith("# Before\n")
    assert "### Failed" in summary


def test_markdown_says_what_failed_and_what_waits_before_the_table(told: Repo) -> None:
    document = told.peal("report", "--markdown").stdout

    assert re.findall("^##.*", document, re.MULTILINE) == [
        "## `plans/first things.md`",
        "### Failed",
        "### Waits for a person",
        "### Done, with findings that nobody has mended",
        "### Tasks",
    ]
    assert "Asked for with `peal run 'plans/first" not in document  # as typed, not as a shell would quote it
    assert "into `main`" in document
    assert [row[:1] + row[2:5] for row in rows(document)] == [
        ["1", "done", "4", ""],
        ["2", "failed", "2", ""],
        ["3", "done", "4", "2"],
        ["4", "held", "4", ""],
        ["5", "not begun", "0", ""],
    ]
    assert "used:" not in document


@pytest.mark.parametrize("words", [("--junit", "-"), ("--sarif", "-"), ("--markdown",), ("--github",), ()])
def test_no_form_tells_a_secret(words: tuple[str, ...], told: Repo, tmp_path: Path) -> None:
    """In titles, reasons, findings, paths, suggestions and what was printed, and however a form escapes it."""
    step = tmp_path / "summary.md"

    said = told.peal("report", *words, GITHUB_STEP_SUMMARY=str(step)).stdout

    said += step.read_text() if step.exists() else ""
    assert PART_OF_IT not in said
    assert "hidden" in said


def test_several_forms_are_written_at_once_whatever_becomes_of_the_others(told: Repo, tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text("<mine/>")
    package = tmp_path / "package.json"
    package.write_text('{"name": "peal"}')
    good = tmp_path / "-good.sarif"

    refused = told.peal("report", "--junit", str(other), "--sarif", str(good), code=1)
    told.peal("report", "--junit", str(other), "--github", code=1, GITHUB_STEP_SUMMARY=str(tmp_path))
    told.peal("report", "--sarif", str(good))
    told.peal("report", "--sarif", str(package), code=1)

    assert "is no such report; name another file, or remove it" in refused.stderr
    assert refused.stdout == ""
    assert json.loads(good.read_text())["runs"]
    assert (other.read_text(), package.read_text()) == ("<mine/>", '{"name": "peal"}')


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--markdown", "--github"), "--markdown and --github would print into each other"),
        (("--junit", "-", "--sarif", "-"), "--junit and --sarif would print into each other"),
        (("--costs",), "--costs is about --markdown"),
        (("--markdown", "--run", "nope"), "there was no run `nope`"),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], why: str, told: Repo) -> None:
    refused = told.peal("report", *words, code=1)

    assert why in refused.stderr
    assert refused.stdout == ""


# GitHub's own, while a run is at its end


def test_a_run_in_a_workflow_annotates_itself(project: Repo, tmp_path: Path) -> None:
    commit_plan(project, "echo no >&2; exit 3")
    step = tmp_path / "summary.md"
    project.env |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step)}

    said = run_plan(project, code=1)

    assert [line for line in said.splitlines() if line.startswith("::")] == [
        "::error file=plan.md,title=task 1 failed%3A number 1::exit status 3: no"
    ]
    assert step.read_text().count("## `plan.md`") == 1
    assert "::error" in project.peal("report").stdout
    assert step.read_text().count("## `plan.md`") == 2
    unwritable = project.peal("resume", code=1, GITHUB_STEP_SUMMARY=str(tmp_path)).stdout
    assert f"GitHub is not told of the run: `{tmp_path}` cannot be written: Is a directory" in unwritable
    assert "::error" not in project.peal("resume", code=1, GITHUB_ACTIONS="false").stdout
    for flags in (("--json",), ("--dry-run",), ("--no-github",)):
        assert "::error" not in project.peal("resume", *flags, code=None).stdout
    assert "::error" not in project.peal("report", "--markdown").stdout
    assert step.read_text().count("## `plan.md`") == 2


def test_each_plan_of_a_batch_is_told_to_github(project: Repo, tmp_path: Path) -> None:
    step = tmp_path / "summary.md"
    for name, script in (("a", "true"), ("b", "exit 4"), ("c", "true")):
        project.write(f"plans/{name}.md", f"## Task 1: {name}\n\n```sh\n{script}\n```\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plans")
    project.env |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step)}

    said = project.peal("run", "plans", "--agent", "shell", code=None).stdout
    document = project.peal("report", "plans/a.md", "plans/b.md", "--markdown").stdout
    suites = JUnitXml.fromstring(
        project.peal("report", "plans/a.md", "plans/b.md", "--junit", "-").stdout.encode()
    )

    assert "  plans/c.md: not reached\n" in project.peal("report", GITHUB_ACTIONS="").stdout
    assert said.count("::error ") == 1
    assert re.findall("^## .*", step.read_text(), re.MULTILINE) == ["## `plans/a.md`", "## `plans/b.md`"]
    assert re.findall("^## .*", document, re.MULTILINE) == ["## `plans/a.md`", "## `plans/b.md`"]
    assert [(suite.name, suite.failures) for suite in suites] == [("plans/a.md", 0), ("plans/b.md", 1)]
    assert (suites.tests, suites.failures) == (2, 1)


def test_a_run_of_the_backlog_has_its_items_as_classes(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0", feature=TWO)
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-002-prd", "echo trouble >&2; answer failed")

    said = wishes.run(GITHUB_ACTIONS="true")
    (suite,) = JUnitXml.fromstring(wishes.repo.peal("report", "--junit", "-").stdout.encode())

    assert "title=task WRK-002/prd failed%3A A wish::" in said
    assert [(case.classname, case.name, bool(case.result)) for case in suite] == [
        ("WRK-001", "prd: A wish", False),
        ("WRK-001", "build: A wish", False),
        ("WRK-002", "prd: A wish", True),
    ]
    assert "| WRK-002/prd | A wish | **failed** |" in wishes.repo.peal("report", "--markdown").stdout


# Pure


def command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it."""
    found = re.fullmatch(r"::(error|warning|notice) ([^:]*)::([^\r\n]*)", line)
    assert found, line
    properties = dict(part.split("=", 1) for part in found[2].split(","))
    assert set(properties) <= {"file", "line", "title"}
    return found[1], {name: unquote(value) for name, value in properties.items()}, unquote(found[3])


def rows(document: str) -> list[list[str]]:
    """The cells of the tables in Markdown, row by row, without their headings."""
    cells: list[list[str]] = []
    is_body = False
    for token in MarkdownIt("commonmark").enable("table").parse(document):
        is_body = token.type == "tbody_open" or (is_body and token.type != "tbody_close")
        if is_body and token.type == "tr_open":
            cells.append([])
        elif is_body and token.type == "inline":
            cells[-1].append("".join(child.content for child in token.children or ()))
    return cells


def played(
    tasks: str,
    says: dict[str, str] | None = None,
    until: int | None = None,
    selected: tuple[str, ...] | None = None,
    **limits: Any,
) -> Remembered:
    """A plan that was carried out in this way, as far as it got."""
    memory = Remembered()
    read = tasks_of(tasks)
    memory.append(PlanRead(0.0, read, "plans/a.md", "/repo"))
    rules = Limits(max_parallel=4, lands=True, **{"continue_with_remaining_tasks": True, **limits})
    Run(memory, Script(says or {}), cut_at=until).go(work_of(read, selected), opened(1.0, rules, selected))
    return memory


def reported(memory: Remembered, tmp_path: Path, *secrets: str) -> Reported:
    """The report of that run, whose attempts have left nothing."""
    run = report_of(memory.events, is_alive=False, now=1e9)
    assert run is not None
    return Reported(run, Evidence(PlanPaths(tmp_path), redactor(secrets), str))


def with_findings(memory: Remembered, *findings: Finding) -> Remembered:
    """The same, with these found wherever anything was."""
    changed = Remembered()
    for event in memory.events:
        if isinstance(event, StepEnded) and (
            event.outcome.findings or event.outcome.result is Result.REJECTED
        ):
            event = evolve(event, outcome=evolve(event.outcome, findings=findings))  # noqa: PLW2901
        changed.append(event)
    return changed


def test_each_state_has_its_place_in_each_form(tmp_path: Path) -> None:
    """As the table of docs/reports.md says."""
    text = (ROOT / "docs/reports.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## What each state becomes\n")
    listed = {row[0]: row[1:] for row in rows(section.partition("\n## ")[0])}
    found: dict[str, tuple[str, str]] = {}
    says = {
        "2 address": "passes with findings",
        "3 execute": "fails",
        "4 land": "is held",
        "6 plan": "is cut short",
    }
    over = reported(played("1p 2p 3p 4p 5<3", says), tmp_path)
    cut = reported(played("1 2", until=3), tmp_path)
    waits = reported(
        played("1", {"1 execute": "is limited"}, agents={"execute": ("claude",)}, wait=False), tmp_path
    )
    for one in (over, cut, waits):
        (suite,) = JUnitXml.fromstring(junit.document([one]).encode())
        annotated = [command(line) for line in github.commands([one])]
        for task, case in zip(one.run.tasks, suite, strict=True):
            name = "done, with findings" if task.found and task.status.state == "done" else task.status.state
            kind = [
                kind for kind, properties, _ in annotated if f"task {task.id} " in properties.get("title", "")
            ]
            found[name] = (type(case.result[0]).__name__.lower() if case.result else "passed", *kind[:1])

    assert set(listed) == {*STATES, "done, with findings"}
    for state, told_as in found.items():
        assert listed[state][0] == told_as[0], state
        assert listed[state][1] == (told_as[1:] or ("",))[0], state
    assert set(found) >= {"done", "done, with findings", "failed", "held", "not begun", "cut off", "waiting"}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=examples(25), deadline=None)
@given(
    title=st.text(max_size=60),
    said=st.text(max_size=60),
    path=st.text(max_size=30),
    severity=st.sampled_from(list(Severity)),
)
@example(title=HOSTILE, said=HOSTILE, path=HOSTILE, severity=Severity.ERROR)
def test_nothing_that_anybody_writes_breaks_a_form(
    form: str, title: str, said: str, path: str, severity: Severity
) -> None:
    memory = with_findings(
        played("1 2 3", {"1 address": "passes with findings", "2 address": "is rejected"}),
        Finding(said, f"{said}\n{title}", path=path, line=len(path), rule=title, severity=severity),
    )
    first, *events = memory.events
    assert isinstance(first, PlanRead)
    tasks = tuple(evolve(task, title=title) for task in first.tasks)
    hostile = Remembered()
    hostile.append(evolve(first, tasks=tasks), *events)

    document = FORMS[form]([reported(hostile, Path("/nowhere"))])

    document.encode("utf-8")
    match form:
        case "junit":
            (suite,) = JUnitXml.fromstring(document.encode())
            assert len(list(suite)) == 3
        case "sarif":
            results = json.loads(document)["runs"][0]["results"]
            uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results]
            assert len(results) == 2
            assert all(re.fullmatch(r"[\w./~%-]+", uri, re.ASCII) and uri[0] != "/" for uri in uris)
        case "markdown":
            assert [len(row) for row in rows(document)] == [6, 6, 6]
            assert html(document) == ["<details>", "</details>"] * 2
        case "github":
            lines = [line for line in document.split("\n") if line.startswith("::")]
            assert len([command(line) for line in lines]) == 3
        case "page":
            root = tree_of(document)
            assert len(list(root.iter("script"))) == 1
            assert not {"i", "b", "img", "form"} & {one.tag for one in root.iter()}


def html(document: str) -> list[str]:
    """The elements of HTML in Markdown, but for what is written as text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(document)
    blocks = [token.content for token in tokens if token.type == "html_block"]
    inline = [
        child.content
        for token in tokens
        for child in token.children or ()
        if child.type in ("html_inline", "link_open", "image")
    ]
    return [*re.findall(r"</?\w+>", re.sub("<summary>.*?</summary>", "", "".join(blocks))), *inline]


@pytest.mark.parametrize("text", ["@octocat", "#12", "GH-12", "https://example.org/issues/12", "!3", "a@b.c"])
def test_no_title_mentions_anybody_or_refers_to_anything(text: str, tmp_path: Path) -> None:
    memory = Remembered()
    read = tuple(evolve(task, title=f"Fixes {text}") for task in tasks_of("1"))
    memory.append(PlanRead(0.0, read, "plans/a.md", "/repo"))
    Run(memory, Script({})).go(work_of(read), opened(1.0, Limits()))

    document = markdown.document([reported(memory, tmp_path)])

    assert text not in document
    assert text in document.replace("\u200b", "").replace("\\", "")


def test_a_plan_of_a_thousand_tasks_has_room_for_what_matters(tmp_path: Path) -> None:
    tasks = " ".join(f"{number}p={number}{'x' * 90}" for number in range(1, 1001))
    memory = played(tasks, {"500 execute": "fails", "999 execute": "fails"}, selected=("500", "501", "999"))
    one = reported(memory, tmp_path)

    document = markdown.document([one])
    bad = reported(played("1=alas", {"1 execute": "fails"}), tmp_path)
    many = markdown.document([*[reported(played("1"), tmp_path)] * 300, bad], largest=20_000)

    assert 60_000 < len(document.encode()) <= markdown.LARGEST
    assert f"**task 500: 500{'x' * 90}**: execute, attempt 1: it went wrong" in document
    assert {"500", "999"} <= {row[0] for row in rows(document)}
    left = 1000 - len(rows(document))
    assert f"… and {left} more tasks, for which there is no room here" in document
    assert len(many.encode()) <= 20_000
    assert re.search(r"… and \d+ more runs; `peal report` tells of all\.\n$", many)
    assert "**task 1: alas**: execute, attempt 1: it went wrong" in many


def test_github_shows_ten_of_each_kind_and_the_summary_tells_of_the_rest(tmp_path: Path) -> None:
    memory = with_findings(
        played("1p 2p 3p", {"1 address": "is rejected", "2 address": "passes with findings"}),
        *[Finding("lint", f"number {number}", severity=Severity.NOTE) for number in range(14)],
        Finding("tests", "they fail"),
    )
    one = reported(memory, tmp_path)

    kinds = [command(line)[0] for line in github.commands([one])]
    summary = github.summary([one], 1_000_000)

    assert kinds == ["error"] * 3 + ["notice"] * 10
    assert "18 notices more than GitHub shows as annotations." in summary
    assert len(github.summary([one], 400).encode()) <= 400
    step = tmp_path / "summary.md"
    step.write_text("x" * 999_000)
    github.publish([one], str, {"GITHUB_STEP_SUMMARY": str(step)})
    assert 999_000 < step.stat().st_size <= 1_000_000


def test_a_run_that_was_cut_off_is_an_annotation_of_its_own(tmp_path: Path) -> None:
    (line,) = github.commands([reported(played("1 2", until=3), tmp_path)])

    assert command(line) == (
        "error",
        {"file": "plans/a.md", "title": "plans/a.md"},
        "cut off: 0 of 2 tasks complete, 1 begun, in 2.0s",
    )


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/repo/a b.py", "a b.py"),
        ("./a.py", "a.py"),
        ("a/../../b.py", ""),
        ("/etc/passwd", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_only_what_lies_in_the_repository_has_a_place_there(path: str, there: str, tmp_path: Path) -> None:
    assert file_of(Finding("lint", "bad", path), reported(played("1"), tmp_path).run) == there


def test_markdown_tells_what_was_dismissed_and_noted(tmp_path: Path) -> None:
    memory = Remembered()
    for event in played("1").events:
        if isinstance(event, StepEnded) and event.phase == "address":
            found = Finding("lint", "too long", "a.py", 3, dismissed="it is meant so")
            event = evolve(event, outcome=evolve(event.outcome, dismissed=(found,), notes=("look *here*",)))  # noqa: PLW2901
        memory.append(event)

    document = markdown.document([reported(memory, tmp_path)])

    assert "- task 1, lint a.py:3: too long \\(it is meant so\\)\n" in document
    assert "- task 1: look \\*here\\*\n" in document


def test_markdown_tells_what_was_used_if_that_is_asked_for(tmp_path: Path) -> None:
    one = reported(played("1", {"1 execute": "is dear"}), tmp_path)

    assert "used: " in markdown.document([one], tells_costs=True)
    assert "used: " not in markdown.document([one])
