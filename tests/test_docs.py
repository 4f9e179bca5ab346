"""The pages in docs/ hold: links lead somewhere, modules are all listed, code runs, plans read as described."""

import os
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from peal import formats

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "examples/README.md", *sorted(ROOT.glob("examples/*/README.md"))),
    *sorted(ROOT.glob("docs/*.md")),
]
PEAL = Path(sys.executable).parent / "peal"


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _sections(name: str, language: str) -> dict[str, list[str]]:
    """The blocks in this language, by the heading they stand under."""
    heading, found = "", []
    tokens = MarkdownIt("commonmark").parse(_page(name))
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[at + 1].content
        elif token.type == "fence" and token.info == language:
            found.append((heading, token.content))
    return {name: [text for _, text in blocks] for name, blocks in groupby(found, key=lambda pair: pair[0])}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Links inside the repository are not left behind when a file moves."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_architecture_lists_every_module_once() -> None:
    """Each room has a sentence, and each file of a folder is named in its folder's."""
    listed = re.findall(r"^- `([\w/]+)`: (.*(?:\n  .*)*)", _page("architecture.md"), re.MULTILINE)
    sentences = {room.rstrip("/"): text for room, text in listed}
    paths = [path.relative_to(ROOT / "peal").with_suffix("") for path in (ROOT / "peal").rglob("*.py")]

    assert len(sentences) == len(listed)
    assert sorted(sentences) == sorted({path.parts[0] for path in paths})
    for path in paths:
        if len(path.parts) > 1 and path.name != "__init__":
            assert f"`{path.name}`" in sentences[path.parts[0]], path


def test_architecture_draws_the_rows_that_are_tested() -> None:
    """The drawing and the table of tests/test_layers.py are the same."""
    from test_layers import ROWS

    drawn = re.findall(r"^ {1,2}(\d+) +(.+)$", _page("architecture.md"), re.MULTILINE)

    assert {int(row): {room.rstrip("/") for room in rooms.split()} for row, rooms in drawn} == {
        row: set(rooms) for row, rooms in enumerate(ROWS)
    }


@pytest.mark.parametrize(
    "heading", ["An agent", "A format", "A reviewer", "A phase", "An executor", "A check"]
)
def test_the_code_for_adding_something_runs_and_passes_its_own_test(heading: str) -> None:
    """What a reader copies works with the peal of today."""
    names: dict[str, object] = {"__name__": "example"}
    for source in _sections("adding.md", "python")[heading]:
        exec(compile(source, heading, "exec"), names)
    tests = [thing for name, thing in names.items() if name.startswith("test_")]

    assert tests
    for test in tests:
        assert callable(test)
        test()


def test_adding_names_files_that_are_there() -> None:
    """The files to imitate and to change exist."""
    named = re.findall(r"`(peal/[\w/.]+\.py|tests/[\w/.]+\.py)`", _page("adding.md"))
    named = [path for path in named if "NAME" not in path]

    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).is_file()] == ["peal/phases/summarise.py"]


def test_the_plans_shown_read_as_the_page_says() -> None:
    """No problems, no notes, and the groups that the text names."""
    shown = [text for blocks in _sections("plans.md", "markdown").values() for text in blocks]
    plans = [formats.parse(text.encode(), "plan.md") for text in shown]
    headings, boxes, _blocks = plans

    assert [(plan.problems, plan.notes) for plan in plans] == [((), ())] * 3
    assert [segment.tasks for segment in headings.segments] == [("1",), ("2", "3"), ("4",)]
    assert [task.done for task in boxes.tasks] == [True, False, False, False, False]
    assert [segment.tasks for segment in boxes.segments] == [("1",), ("2", "3"), ("4",), ("5",)]


@pytest.mark.parametrize(
    "text",
    [
        "## Task 1: a\n## Task 1: b",
        "## Task 99999999999: a",
        "## Task 1-3: a",
        "## Task 1: a\n### Task 2: b",
        "## Task 1\n",
        "## Task1: title",
        "## Task 1 title",
        "- [ ] a\n- [] title",
        "## Task 1 (after 2): a\n## Task 2: b",
        "## Task 1: a\n```\n## Task 2: b",
        "## Task 1: a\n```\n## Task 2: b\n```\n## Task 3: c",
        "",
    ],
)
def test_what_the_page_calls_a_problem_is_one(text: str) -> None:
    """With a line, in a plan that `peal check` refuses."""
    problems = formats.parse(text.encode(), "plan.md").problems

    assert problems
    assert all(problem.line >= 1 for problem in problems)


def test_what_the_page_calls_a_note_is_one() -> None:
    """Noted, and run nevertheless."""
    cut_off = formats.parse(b"## Task 1: a\n\n## Notes\n\nCut off.\n", "plan.md")
    no_heading = formats.parse(b"## Task 1: a\n\n    ## Task 5\n\n> ## Task 6\n", "plan.md")
    no_box = formats.parse(b"- [ ] a\n\ntext\n\n- b\n  - [ ] c\n", "plan.md")

    assert [len(plan.notes) for plan in (cut_off, no_heading, no_box)] == [1, 2, 1]
    assert not any(plan.problems for plan in (cut_off, no_heading, no_box))


def test_each_format_has_a_row_and_a_section() -> None:
    page = _page("formats.md")

    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(#\1\)", page, re.MULTILINE)) == list(formats.NAMES)
    assert sorted(set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) & set(formats.NAMES)) == list(
        formats.NAMES
    )


@pytest.mark.parametrize("name", formats.NAMES)
def test_the_sample_of_a_format_is_recognised_as_that(name: str) -> None:
    samples = {**_sections("formats.md", "markdown"), **_sections("formats.md", "json")}

    plans = [formats.parse(sample.encode(), "2.md") for sample in samples[name]]

    assert [(plan.format, plan.problems) for plan in plans] == [(name, ())] * len(plans)
    assert all(plan.tasks for plan in plans)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str, tmp_path: Path) -> None:
    """As docs/completion.md says."""
    done = _peal(tmp_path, {"_PEAL_COMPLETE": f"{shell}_source"})

    assert f"_PEAL_COMPLETE={shell}_source peal" in _page("completion.md")
    assert "_peal_completion" in done.stdout
    assert done.stderr == ""


def test_commands_are_completed(tmp_path: Path) -> None:
    """What the script asks for while one types."""
    asked = {"_PEAL_COMPLETE": "bash_complete", "COMP_WORDS": "peal st", "COMP_CWORD": "1"}

    assert _peal(tmp_path, asked).stdout.split() == ["plain,status", "plain,stop"]


def _peal(folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PEAL], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
