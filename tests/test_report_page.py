"""The page about a run: every number is the journal's, nothing foreign gets to be more than text, and it stays small."""

import base64
import hashlib
import os
import random
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import pytest
import test_backlog_run
from attrs import evolve
from conftest import Repo, commit_plan, ended, eventually, examples, later, run_plan, start_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import links_of, of_class, text_of, tree_of
from stories import Chance, Limits, Remembered, Run, Script, opened, tasks_of, work_of
from test_backlog_run import TWO, Wishes, ready

from peal.model.agent import Usage
from peal.model.plan import TaskId
from peal.model.review import Finding
from peal.model.work import Result
from peal.record.events import PlanRead, StepEnded
from peal.record.spending import amount
from peal.record.task_state import Attempt
from peal.reports.evidence import Evidence, Reported
from peal.reports.page import document
from peal.reports.page.task_graph import task_graph_of
from peal.reports.page.time_scale import scale_of
from peal.reports.run_report import RunReport, report_of
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import duration

wishes = test_backlog_run.wishes
SIDE_BY_SIDE = Limits(max_parallel=3, lands=True, execute_retry_count=2, continue_with_remaining_tasks=True)
TRUSTED = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def page_of(run: RunReport, project: Repo) -> Element:
    """The page about a run of which nothing but the journal is left."""
    evidence = Evidence(RepoPaths(project.path).plan(project.path / "plan.md"), str, str)
    return tree_of(document([Reported(run, evidence)], project.path, 1e9, Path.as_uri))


def percent(element: Element, name: str) -> float:
    """A measure on the line of time."""
    return float(element.get(name, "").removesuffix("%"))


@pytest.mark.parametrize("seed", range(4))
def test_every_number_is_that_of_the_history(seed: int, project: Repo) -> None:
    luck = random.Random(seed)
    read = tasks_of("1 2p 3p 4p 5<2 6")
    memory = Remembered()
    memory.append(PlanRead(0.0, read))
    Run(memory, Chance(luck, lands=True)).go(work_of(read), opened(1.0, SIDE_BY_SIDE))
    run = report_of(memory.events, is_alive=False, now=1e9)
    assert run

    page = page_of(run, project)

    tasks = of_class(page, "task")[-len(run.tasks) :]
    assert [task.get("data-state") for task in tasks] == [one.status.state for one in run.tasks]
    counts = {text_of(badge): text_of(row) for row in of_class(page, "counts")[0] for badge in row}
    assert counts == {state: f"{state} {number}" for state, number in run.status.counts.items() if number}
    for shown, one in zip(tasks, run.tasks, strict=True):
        rows = [row for table in of_class(shown, "attempts") for row in table.iter("tr")][1:]
        told = [text_of(row) for row in rows]
        assert [line.split()[:2] for line in told] == [[a.phase, str(a.number)] for a in one.attempts]
        for line, attempt in zip(told, one.attempts, strict=True):
            assert f" {duration((attempt.ended or run.ended) - attempt.started)} " in line
            assert not attempt.outcome or f" {attempt.outcome.name}" in line
        assert not one.attempts or duration(one.worked) in text_of(of_class(shown, "sum")[0])
        stands = [found for table in of_class(shown, "findings") for found in of_class(table, "stands")]
        assert len(stands) == len(one.state.findings) or one.state.is_stuck
    times = {
        text_of(row).split()[0]: text_of(row).rpartition(" ")[2]
        for row in of_class(page, "amounts")[0].iter("tr")
    }
    assert times["passed"] == duration(run.elapsed)
    assert times["worked"] == duration(run.worked)
    assert times["longest"] == duration(run.chain_seconds)
    used = run.status.used
    assert not used.tokens or text_of(of_class(page, "facts")[0]).endswith(f"used {amount(used)}")
    check_timeline(page, run)


DEAR = ("1 plan", "1 execute", "2 execute")


def test_what_was_used_found_and_waited_for_is_drawn_as_it_was(project: Repo) -> None:
    """Of a row of three tasks: the second fails once and is set back, the third is let through with a finding of four."""
    says = {
        **dict.fromkeys(DEAR, "is dear"),
        "2 execute": "fails, is set back, is dear",
        "3 address": "is mended, passes with findings",
    }
    limits = evolve(SIDE_BY_SIDE, agents={"execute": ("claude",)})
    memory, read = Remembered(), tasks_of("1 2 3")
    memory.append(PlanRead(0.0, read))
    asked = evolve(
        opened(1.0, limits), flags={"agent": "a", "jobs": 2}, command=("peal", "run", "--jobs", "2")
    )
    Run(memory, Script(says)).go(work_of(read), asked)
    left, mended, judged = (Finding("lint", word, "a.py", 3) for word in ("left", "mended", "judged"))
    changed = Remembered()
    for event in memory.events:
        if isinstance(event, StepEnded) and event.task == "3" and event.phase == "address":
            is_first = event.outcome.result is Result.MENDED
            found = (left, mended) if is_first else (left,)
            dismissed = (evolve(judged, dismissed="it is meant so"),) * (not is_first)
            event = evolve(event, outcome=evolve(event.outcome, findings=found, dismissed=dismissed))  # noqa: PLW2901
        changed.append(event)
    run = report_of(changed.events, is_alive=False, now=1e9)
    assert run

    page = page_of(run, project)

    used = {text_of(one[0]): one for one in of_class(page, "amounts") if len(one)}
    told = {
        name.removeprefix("Used by "): [
            (text_of(row).split()[0], percent(of_class(row, "used")[0], "width")) for row in list(table)[1:]
        ]
        for name, table in used.items()
        if name.startswith("Used by ")
    }
    assert told == {
        "task": [("1", 100.0), ("2", 50.0)],
        "phase": [("execute", 100.0), ("plan", 50.0)],
        "model": [("opus", 100.0)],
    }
    dear = amount(Usage("opus", 600, 300, 0, 100, 5.0))
    assert [text_of(row).endswith(dear) for row in list(used["Used by task"])[1:]] == [False, True]
    seconds = {"passed": run.elapsed, "worked": run.worked, "longest chain": run.chain_seconds}
    for row in list(used["Time"])[1:4]:
        (bar,) = of_class(row, "time")
        part = seconds[text_of(row[0])] / max(seconds.values())
        assert percent(bar, "width") == pytest.approx(part * 100, abs=0.01)
    looks = Counter(
        bar.get("class", "").split()[1] for bar in of_class(of_class(page, "timeline")[0], "attempt")
    )
    assert (looks["bad"], looks["put-off"]) == (1, 1)
    assert "waiting for a provider" in [text_of(name) for name in of_class(page, "lane-name")]
    assert [text_of(row[-1]) for row in list(of_class(page, "findings")[0])[2:]] == [
        "still there", "mended", "dismissed: it is meant so"
    ]  # fmt: skip
    assert "peal run --jobs 2 with agent = a" in text_of(of_class(page, "facts")[0])


def test_where_nothing_lands_nothing_is_at_the_branch(project: Repo) -> None:
    memory, read = Remembered(), tasks_of("1p 2p")
    memory.append(PlanRead(0.0, read))
    Run(memory, Script()).go(work_of(read), opened(1.0, evolve(SIDE_BY_SIDE, lands=False)))
    run = report_of(memory.events, is_alive=False, now=1e9)
    assert run

    names = {text_of(one) for one in of_class(page_of(run, project), "lane-name")}

    assert names == {"your tree", "waiting for others", ""}


def check_timeline(page: Element, run: RunReport) -> None:
    """A bar for each attempt, all within the picture, none over another of its lane."""
    (picture,) = of_class(page, "timeline")
    bars = [
        bar
        for lane in of_class(picture, "lane")
        for bar in of_class(lane, "attempt")
        if "wait" not in bar.get("class", "")
    ]
    told = Counter(text_of(bar).partition(", attempt")[0].split(": ")[-1] for bar in bars)
    assert told == Counter(one.phase for task in run.tasks for one in task.attempts)
    for lane in of_class(picture, "lane"):
        end = -0.01
        for bar in of_class(lane, "attempt"):
            assert percent(bar, "x") >= end - 0.002
            end = percent(bar, "x") + percent(bar, "width")
            assert end <= 100.002


HOSTILE = """Break <script>alert(1)</script> & "out" </title>"""


@pytest.fixture
def told(project: Repo) -> tuple[Repo, str]:
    """A run with a task that was reviewed, one that failed, and words in it that want to be more than text; and the page about it."""
    project.env["MY_API_KEY"] = "very-secret-words"
    commit_plan(
        project,
        "mkdir -p d; echo '<b>one</b> very-secret-words' >d/'a b'; seq 100 >d/n; echo '= end of the patch' >>d/n; echo '</pre><script>alert(2)</script>'",
        "echo \"$MY_API_KEY\" '</details><img src=x onerror=alert(3)>' >&2; printf '\\033[31mred\\n'; exit 3",
    )
    plan = project.read("plan.md").replace("## Task 1:", f"## Task 1: {HOSTILE}")
    plan = plan.replace("## Task 2:", "## Task 2: Say it, very-secret-words")
    project.write("plan.md", plan)
    project.git("commit", "-qam", "titles")
    run_plan(project, code=1)
    project.peal("report", "--html", "out/the page.html")
    return project, project.read("out/the page.html")


def test_it_is_one_file_in_which_what_is_foreign_is_text(told: tuple[Repo, str]) -> None:
    project, page = told

    root = tree_of(page)

    check_texts(page, root)
    check_policy(page, root)
    check_links(project, root)
    (failed,) = (text_of(one) for one in root.iter("summary") if text_of(one).startswith("failed"))
    assert "exit status 3" in failed, "why stands where nobody has to unfold anything"
    assert re.search(r"told by peal on [\d-]{10} [\d:]{5} [+-]\d{4}, of ", text_of(of_class(root, "made")[0]))
    (patch,) = of_class(root, "patch")
    shown = "".join(patch.itertext())
    assert "+<b>one</b> [hidden]" in shown
    assert shown.count("diff --git") == 2
    assert shown.rstrip().endswith("+= end of the patch")


def check_texts(page: str, root: Element) -> None:
    """No element and no attribute is made by what agents or plans say, and no secret is told."""
    foreign = ("img", "iframe", "link", "form")
    assert [len(list(root.iter(tag))) for tag in ("script", "style", *foreign)] == [1, 1, 0, 0, 0, 0]
    assert not [
        name for one in root.iter() for name in one.attrib if name.startswith("on") or name == "style"
    ]
    said = text_of(root)
    for words in (HOSTILE, "</pre><script>alert(2)</script>", "</details><img src=x onerror=alert(3)>"):
        assert words in said
    assert "very-" not in page
    assert "[hidden]" in page
    assert "\033" not in page


def check_policy(page: str, root: Element) -> None:
    """Nothing comes from elsewhere, and the policy allows just the script and the style that are there."""
    (policy,) = (
        one.get("content", "")
        for one in root.iter("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    )
    for kind, text in TRUSTED.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href)=["'](?:https?:|//)|@import|url\((?!#)""", page)


def check_links(project: Repo, root: Element) -> None:
    """They lead to a place on the page, or to an attempt's folder."""
    places = {one.get("id") for one in root.iter()}
    inner = [link[1:] for link in links_of(root) if link.startswith("#")]
    assert inner
    assert set(inner) <= places
    folders = [project.path / "out" / unquote(link) for link in links_of(root) if not link.startswith("#")]
    assert folders
    assert all(folder.resolve().parent.name == "attempts" for folder in folders)
    assert any(folder.is_dir() for folder in folders)


def test_it_takes_the_place_of_a_page_and_of_nothing_else(told: tuple[Repo, str], out: Path) -> None:
    project, _ = told
    project.write("precious.html", "<p>mine</p>")
    project.write("full/of.txt", "")
    browser = project.write("bin/xdg-open", f'#!/bin/sh\necho "$1" >"{out}/opened"\n')
    browser.chmod(0o755)
    project.env["PATH"] = f"{browser.parent}:{os.environ['PATH']}"

    said = project.peal("report", "--html", "precious.html", code=1).stderr

    assert "`precious.html` is there and is no such report; name another file, or remove it" in said
    assert project.read("precious.html") == "<p>mine</p>"
    project.peal("report", "--html", "out/the page.html")
    assert project.peal("report", "--html", "-").stdout.startswith("<!DOCTYPE html>")
    assert (
        "what is printed cannot be opened" in project.peal("report", "--html", "-", "--open", code=1).stderr
    )
    assert "cannot be written" in project.peal("report", "--html", "full", code=1).stderr
    project.peal("report", "--open")
    eventually(
        lambda: (out / "opened").exists() and (out / "opened").read_text().endswith("/.peal/report.html\n")
    )


def test_gigabytes_of_transcripts_make_a_small_page(told: tuple[Repo, str]) -> None:
    project, _ = told
    for folder in (project.memory() / "attempts").iterdir():
        os.truncate(folder / "stdout", 5 * 1000**3) if (folder / "stdout").exists() else None
        if (folder / "prompt.md").exists():
            (folder / "prompt.md").write_text("<&" * 11_995 + "very-secret-words" + "<&" * 20_000_000)

    began = time.monotonic()
    page = project.peal("report", "--html", "-").stdout

    assert len(page.encode()) < 10_000_000
    assert time.monotonic() - began < 20
    assert "this is a part of it" in text_of(tree_of(page))
    assert "very-" not in page, "a secret is cut in two"


def test_the_end_of_an_output_is_whole_lines_and_says_whether_it_is_all(tmp_path: Path) -> None:
    evidence, one = Evidence(PlanPaths(tmp_path), str, str), Attempt(TaskId("1"), "execute", 1, "shell", 0.0)
    folder = evidence.path_of(one)
    folder.mkdir(parents=True)
    numbers = [str(number) for number in range(10_000)]
    (folder / "stdout").write_text("\n".join(numbers))
    (folder / "stderr").write_text("a warning\n")

    cut, whole = (evidence.end_of_output(one, most) for most in (1000, 100_000))
    (folder / "stdout").write_text("x" * 9000)
    long, none = (evidence.end_of_output(one, most) for most in (1000, 0))

    shown = cut.text.split("\n")
    assert (shown, cut.is_whole) == ([*numbers[1 - len(shown) :], "a warning"], False)
    assert (whole.text.split("\n"), whole.is_whole) == ([*numbers, "a warning"], True)
    assert (long.text, long.is_whole) == ("a warning", False)
    assert (none.text, none.is_whole) == ("", False)


def test_it_is_written_at_every_end_and_while_the_run_goes_on(project: Repo, out: Path) -> None:
    (out / "page").mkdir()
    project.write("click.py", "raise SystemExit('a program of the repository was run')")
    project.write("peal.toml", f'report_path = "{out}/page/é.html"\nreport_every_sec = 5\n')
    project.write("peal/__init__.py", "raise SystemExit('not the one that is installed')\n")
    commit_plan(project, "touch $OUT/begun; until [ -e $OUT/go ]; do sleep 0.1; done; exit 1")
    run = start_plan(project)
    page = out / "page/é.html"
    eventually((out / "begun").exists)
    began = time.time()
    eventually(page.exists)
    assert text_of(of_class(tree_of(page.read_text()), "standing")[0]).startswith("running")
    (out / "go").touch()
    said = ended(run, 1)
    assert "report" not in said
    assert time.time() - began < 20
    assert (
        text_of(of_class(tree_of(page.read_text()), "standing")[0]) == "finished task 1 failed, exit code 1"
    )

    page.write_text("mine")
    said = run_plan(project, code=1)

    assert said.count("the report could not be written") == 1
    assert page.read_text() == "mine"


def test_a_page_in_the_tree_is_not_written_while_agents_work(project: Repo) -> None:
    commit_plan(project, "echo one >one")
    said = run_plan(project, "--report-path", "page.html", "--report-every-sec", "60", code=1)
    assert (
        "would count as a change of the tasks; name one outside of the repository, let git ignore it" in said
    )
    project.write(".gitignore", "/page.html\n")
    run_plan(project, "--report-path", "page.html", "--report-every-sec", "60")
    assert "ended-well" in project.read("page.html")


def test_a_batch_has_one_page_with_its_plans_above(project: Repo) -> None:
    for name in ("a", "b c"):
        project.write(f"plans/{name}.md", f"# P\n\n## Task 1: {name}\n\n```sh\necho 1 >'{name}'\n```\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plans")
    project.peal("run", "plans", "--agent", "shell", "--report-path", ".peal/x/page.html")

    root = tree_of(project.read(".peal/x/page.html"))

    rows = [text_of(row) for table in of_class(root, "plans") for row in table.iter("tr")][1:]
    assert [re.sub(r" [\d.]+s$", "", row) for row in rows] == [
        f"plans/{name}.md finished everything asked for is done 1 of 1" for name in ("a", "b c")
    ]
    assert [text_of(one) for one in root.iter("h1")] == ["plans/a.md, plans/b c.md"]


def test_phases_of_the_backlog_stand_under_their_items(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0", feature=TWO)
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-002-prd", "echo trouble >&2; answer failed")
    wishes.run(code=None)

    root = tree_of(wishes.repo.peal("report", "--html", "-").stdout)

    items = [text_of(one) for one in root.iter("h4")]
    assert [one.split()[0] for one in items] == ["WRK-001", "WRK-002"]
    assert "failed prd" in items[1]
    assert not of_class(root, "graph")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [360, *later(1600)])
def test_a_browser_takes_it_as_it_is(told: tuple[Repo, str], tmp_path: Path, width: int) -> None:
    project, _ = told
    address = (project.path / "out/the page.html").as_uri()

    done = looked_at(f"{address}#run-0-task-1", width, tmp_path)

    assert "CONSOLE" not in done.stderr, "the policy or the script is at fault"
    tools = of_class(tree_of(done.stdout), "tools")
    assert tools
    assert all("hidden" not in one.attrib for one in tools), "its own script did not run"
    (unfolded,) = (one.get("id") for one in tree_of(done.stdout).iter("details") if "open" in one.attrib)
    assert unfolded == "run-0-task-1", "what a link leads to"
    assert (tmp_path / f"{width}.png").stat().st_size > 10_000


def looked_at(address: str, width: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """The page as Chromium has it, with a picture beside."""
    words = (
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--window-size={width},900",
        f"--user-data-dir={folder}/profile",
        "--enable-logging=stderr",
        f"--screenshot={folder}/{width}.png",
        "--dump-dom",
        address,
    )
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)


moments = st.floats(0, 1e6)


@given(st.lists(st.tuples(moments, moments)), moments, moments)
def test_places_on_the_line_are_in_the_order_of_time(
    spans: list[tuple[float, float]], one: float, other: float
) -> None:
    ordered = [(min(span), max(span)) for span in spans]
    began, over = min([0.0, *(since for since, _ in ordered)]), max([1.0, *(until for _, until in ordered)])
    scale = scale_of(ordered, began, over)
    places = [scale.place_of(moment) for moment in sorted((one, other, began, over))]
    assert places == sorted(places)
    assert scale.place_of(began) == 0
    assert scale.place_of(over) == pytest.approx(1)
    assert all(0 <= mark.place <= 1 for mark in scale.marks)
    assert len(scale.marks) <= 17


def test_a_long_wait_takes_little_room() -> None:
    scale = scale_of([(0, 100), (100_000, 100_100)], 0, 100_100)
    (gap,) = scale.gaps
    assert gap.seconds == 99_900
    assert scale.place_of(100) == pytest.approx(0.5 * (1 - gap.width))
    assert gap.width < 0.05


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(1, 200), st.integers(0, 3), st.randoms())
def test_no_box_of_the_drawing_lies_on_another(count: int, most: int, luck: random.Random) -> None:
    names = [TaskId(str(number)) for number in range(count)]
    waits_for = {
        name: tuple(luck.sample(names[:place], min(most, place))) for place, name in enumerate(names)
    }
    drawing = task_graph_of(waits_for)
    places = {box.task: (box.left, box.top) for box in drawing.boxes}
    assert len(set(places.values())) == len(names)
    for name, needed in waits_for.items():
        assert all(places[one][0] < places[name][0] for one in needed)
    wide, half = drawing.box[0], drawing.box[1] // 2
    meet = {line.end for line in drawing.lines} & {line.begin for line in drawing.lines}
    assert {line.begin for line in drawing.lines} <= meet | {
        (box.left + wide, box.top + half) for box in drawing.boxes
    }
    assert {line.end for line in drawing.lines} <= meet | {
        (box.left, box.top + half) for box in drawing.boxes
    }
    assert all(
        box.left + drawing.box[0] <= drawing.width and box.top + drawing.box[1] <= drawing.height
        for box in drawing.boxes
    )
