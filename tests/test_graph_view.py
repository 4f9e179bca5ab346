"""`peal check --graph` and `--dot`, and a graph carried out through the command line."""

import json
import shutil
import subprocess

import pytest
from conftest import Repo

PLAN = """
## Task 1: Shelves

```sh
echo shelves > shelves.txt
```

## Task 2 (parallel) (after 1): Tea

```sh
cat shelves.txt > tea.txt
```

## Task 3 (parallel) (after 1): "Coffee" <b>

```sh
cat shelves.txt > coffee.txt
```

## Task 4 (after 2, 3): Doors

```sh
cat tea.txt coffee.txt > doors.txt
```

## Task 5: Signs

```sh
echo signs > signs.txt
```
"""


@pytest.fixture
def graph(project: Repo) -> Repo:
    project.write("plan.md", PLAN)
    project.git("add", ".")
    project.git("commit", "-qm", "plan")
    return project


def test_a_plan_is_drawn_wave_by_wave_with_its_longest_chain(graph: Repo) -> None:
    told = graph.peal("check", "--graph", "plan.md").stdout

    assert told == (
        "plan.md: 5 tasks, 4 segments\n"
        "  first    1  Shelves\n"
        "  then     2  Tea  ← 1\n"
        '           3  "Coffee" <b>  ← 1\n'
        "  then     4  Doors  ← 2-3\n"
        "  then     5  Signs  ← 4\n"
        "  longest chain: 1 → 2 → 4 → 5 (4 of 5 tasks)\n"
    )


def test_a_drawing_for_graphviz_is_one_that_it_reads(graph: Repo) -> None:
    told = graph.peal("check", "--dot", "plan.md").stdout

    assert '  "1" -> "2";\n' in told
    assert '  "3" [label="3  \\"Coffee\\" <b>"];\n' in told
    if dot := shutil.which("dot"):
        subprocess.run([dot, "-Tsvg"], input=told, capture_output=True, text=True, check=True)


def test_what_waits_for_all_before_it_waits_for_those_that_nobody_names_too(project: Repo) -> None:
    """Task 3 waits for 1 only, so task 4 has to wait for 2 by itself."""
    project.write("plan.md", "## Task 1: a\n## Task 2: b\n## Task 3 (after 1): c\n## Task 4: d\n")

    assert "  4  d  ← 2-3\n" in project.peal("check", "--graph", "plan.md").stdout


def test_a_plan_with_a_problem_is_not_drawn(project: Repo) -> None:
    project.write("plan.md", "## Task 1 (after 2): a\n## Task 2: b\n")

    told = project.peal("check", "--graph", "plan.md", code=1)

    assert "waits for itself" in told.stderr
    assert told.stdout.strip() == ""


def test_one_way_to_show_a_plan_at_a_time(graph: Repo) -> None:
    told = graph.peal("check", "--dot", "--json", "plan.md", code=1).stderr

    assert "choose one" in told


def test_a_graph_is_carried_out_in_its_order(graph: Repo) -> None:
    graph.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "4")

    assert graph.read("doors.txt") == "shelves\nshelves\n"
    landed = [event["task"] for event in graph.recorded("StepEnded") if event["phase"] == "land"]
    assert (landed[0], sorted(landed[1:3]), landed[3:]) == (1, [2, 3], [4, 5])


def test_what_a_failed_task_leaves_out_of_reach_is_told(graph: Repo) -> None:
    graph.write("plan.md", PLAN.replace("cat shelves.txt > tea.txt", "exit 3"))
    graph.git("commit", "-qam", "tea fails")

    words = ("run", "plan.md", "--agent", "shell", "--max-parallel", "4", "--continue-with-remaining-tasks")
    told = graph.peal(*words, code=2).stdout
    status = graph.peal("status").stdout
    tasks = json.loads(graph.peal("status", "--json").stdout)["tasks"]

    assert "finished, but task 2 failed and task 4 was not reached" in told
    assert "not reached: it comes after task 2, which failed" in status
    assert [task["state"] for task in tasks] == ["done", "failed", "done", "not begun", "done"]


def test_a_run_of_before_goes_on_by_the_names_of_today(graph: Repo) -> None:
    """A plan whose `(after …)` was only checked when its first tasks were done."""
    graph.peal("run", "plan.md", "--agent", "shell", "--task", "1-2")

    graph.peal("resume", "--task", "3-5")

    assert graph.read("doors.txt") == "shelves\nshelves\n"
