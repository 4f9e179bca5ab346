"""The recipe for a phase in docs/adding.md, followed to the letter: what comes of it is run through the command line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from conftest import Repo, copy_of_peal
from test_docs import _sections

PLAN = """
## Task 1: Greet (parallel)

Say hello.

## Task 2: Part (parallel)

Say goodbye.
"""
AGENT = """
parallel = true
max_parallel = 2
agent = "m"

[phases.plan]
enabled = false

[phases.summarise]
retry_count = 1

[agents.m]
command = ["sh", "-c", '''{script}''', "m", "{{prompt_file}}"]
prompt = "file"

[agents.m.phases]
summarise = ["sh", "-c", "echo summary of $PEAL_TASK", "m", "{{prompt_file}}"]
"""
SCRIPT = (
    "case $PEAL_PHASE in execute) echo work > $PEAL_TASK.txt;; "
    'document) grep summary.of.$PEAL_TASK "$1" > $PEAL_TASK.md; cat $PEAL_TASK.txt >> $PEAL_TASK.md;; esac'
)


@frozen
class Recipe:
    """The pieces of the section, in their order."""

    verdict: str
    template: str
    in_the_row: str
    in_the_verdicts: str

    @classmethod
    def of_the_page(cls) -> "Recipe":
        """As docs/adding.md has them."""
        (verdict, _test), (template,) = (
            _sections("adding.md", kind)["A phase"] for kind in ("python", "jinja")
        )
        row, entry = _sections("adding.md", "py")["A phase"]
        return cls(verdict, template, row, entry)

    def follow(self, peal: Path, name: str, before: str, kind: str = "READ", also: str = "") -> None:
        """Add a phase of this name before another, as the page says; `also` goes at the end of its template."""
        phases = peal / "phases"
        (phases / f"{name}.py").write_text(_named(self.verdict, name), encoding="utf-8")
        (phases / f"templates/{name}.md.j2").write_text(_named(self.template, name) + also, encoding="utf-8")
        line = _named(self.in_the_row, name).replace("READ", kind)
        _insert(peal / "model/pipeline.py", f'    Phase("{before}",', line)
        _insert(phases / "__init__.py", '    "address": ', _named(self.in_the_verdicts, name))
        _insert(phases / "__init__.py", "from peal.phases.verdict", f"from peal.phases import {name}\n")


def _named(text: str, name: str) -> str:
    return text.replace("summarise", name)


def _insert(path: Path, before: str, text: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count(before) == 1
    path.write_text(source.replace(before, text + before), encoding="utf-8")


@pytest.fixture
def extended(project: Repo, tmp_path: Path) -> Iterator[Repo]:
    """A project and a peal with two phases more, between `execute` and `address`; `plan` is left out."""
    peal = copy_of_peal(tmp_path / "more")
    recipe = Recipe.of_the_page()
    recipe.follow(peal, "summarise", before="address")
    recipe.follow(peal, "document", before="address", kind="WRITE", also="{{ replies.summarise }}\n")
    project.env["PYTHONPATH"] = str(peal.parent)
    project.cold = True
    project.write("plan.md", PLAN)
    project.write("peal.toml", AGENT.replace("{script}", SCRIPT).replace("{{", "{").replace("}}", "}"))
    return project


def _order(repo: Repo, task: int) -> list[str]:
    started = [event for event in repo.recorded("StepStarted") if event["task"] in (task, str(task))]
    return [event["phase"] for event in started]


def test_a_pipeline_of_five_phases_two_of_them_new_runs_and_lands(extended: Repo) -> None:
    """Each task has one commit, with what both phases that write have left; the reply of one phase reaches the next."""
    told = extended.peal("run", "plan.md").stdout

    phases = ["execute", "summarise", "document", "address", "land"]
    assert (_order(extended, 1), _order(extended, 2)) == (phases, phases)
    assert "task 1 summarise passed" in told
    assert [extended.read(f"{task}.md") for task in (1, 2)] == [
        f"summary of {task}\nwork\n" for task in (1, 2)
    ]
    assert sorted(extended.git("log", "--format=%s", "--no-merges").split("\n")[:2]) == [
        "Task 1: Greet",
        "Task 2: Part",
    ]
    merged = extended.git("log", "--merges", "--first-parent", "--format=%H").split()
    for merge in merged:
        changed = extended.git("diff", "--name-only", f"{merge}^1", merge).split()
        assert [re.sub(r"\d", "N", path) for path in changed] == ["N.md", "N.txt"]


def test_what_is_killed_in_a_new_phase_goes_on_there(extended: Repo) -> None:
    """`peal redo` knows the new phases too."""
    extended.peal("run", "plan.md")
    extended.peal("redo", "1", "--from", "document")
    (extended.path / "1.txt").write_text("work\nmore\n")
    extended.git("commit", "-qam", "more")

    extended.peal("resume")

    assert _order(extended, 1)[-3:] == ["document", "address", "land"]
    assert extended.peal("status").stdout.count(" done") >= 2


def test_a_phase_without_its_second_line_is_refused_before_anything_runs(
    extended: Repo, tmp_path: Path
) -> None:
    """Who forgets the verdict is told when the run is made, and not by an attempt that fails."""
    path = tmp_path / "more/peal/phases/__init__.py"
    path.write_text(path.read_text().replace('    "document": document.verdict,\n', ""))

    told = extended.peal("run", "plan.md", code=1).stderr

    assert "`document`" in told
    assert extended.recorded("StepStarted") == []
