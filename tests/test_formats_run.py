"""Plans in other tools' formats, carried out through the command line."""

import json
import zlib
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Repo, landed, later


def written(project: Repo, name: str, text: str) -> str:
    """A plan that is committed; its name."""
    project.write(name, dedent(text).lstrip("\n"))
    project.git("add", ".")
    project.git("commit", "-qm", "a plan")
    return name


def run(project: Repo, plan: str, *flags: str, code: int = 0) -> str:
    done = project.peal("run", plan, "--agent", "shell", *flags, code=code)
    return done.stdout + done.stderr


def checked(project: Repo, plan: str, *flags: str) -> dict:
    return json.loads(project.peal("check", plan, "--json", *flags).stdout)["plans"][0]


TASKS = """
    # Tasks

    ## Phase 1: Setup

    - [ ] T001 [P] Make a
      ```sh
      echo a > a
      ```
    - [ ] T002 [P] Make b
      ```sh
      echo b > b
      ```

    ## Phase 2: Rest

    - [ ] T003 Make c (depends on T001)
      ```sh
      cat a > c
      ```
    """


def test_a_spec_kit_list_runs_by_its_own_ids(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)

    run(project, plan, "--parallel")

    assert sorted(landed(project)) == ["T001", "T002", "T003"]
    assert project.read("c") == "a\n"


def test_check_says_which_format_a_plan_is_in_and_why(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)

    told = project.peal("check", plan).stdout.splitlines()

    assert told[:3] == [
        "tasks.md: 3 tasks, 2 segments",
        "  format: speckit (`- [ ] T001 [P] Make a` on line 5)",
        "  side by side: T001, T002",
    ]


def test_a_reason_in_any_language_stands_behind_a_blank(project: Repo) -> None:
    plan = written(project, "tasks.md", "- [ ] Übe\n")

    assert "  format: checklist (`- [ ] Übe` on line 1)\n" in project.peal("check", plan).stdout


def test_a_format_can_be_named(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)

    assert [task["id"] for task in checked(project, plan)["tasks"]] == ["T001", "T002", "T003"]
    found = checked(project, plan, "--format", "checklist")
    assert (found["format"], [task["id"] for task in found["tasks"]]) == ("checklist", ["1", "2", "3"])
    run(project, plan, "--format", "checklist")
    assert len(landed(project)) == 3


def test_a_format_that_is_none_is_refused_with_those_that_are(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)

    told = run(project, plan, "--format", "speckt", code=1)

    assert "there is no format `speckt`; there are backlog_md, " in told


def test_a_plan_goes_on_in_the_format_that_it_was_begun_in(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)
    run(project, plan, "--format", "checklist", "--task", "1")

    project.peal("resume", code=0)
    told = run(project, plan)

    assert [task["id"] for task in json.loads(project.peal("status", "--json").stdout)["tasks"]] == [
        "1",
        "2",
        "3",
    ]
    assert "3 of 3" in told or "complete" in told
    assert len(landed(project)) == 3


def test_starting_over_decides_the_format_anew(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)
    run(project, plan, "--format", "checklist", "--task", "1")

    run(project, plan, "--fresh", "--task", "T002")

    ids = [task["id"] for task in json.loads(project.peal("status", "--json").stdout)["tasks"]]
    assert ids == ["T001", "T002", "T003"]


def _without_formats(journal: Path) -> None:
    """A journal as it was written before runs remembered how their plan was read."""
    lines = []
    for line in journal.read_bytes().splitlines():
        event = json.loads(line)
        event.pop("crc")
        event.pop("format", None)
        event.get("flags", {}).pop("format_name", None)
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()[1:]
        lines.append(b'{"crc":"%08x",%s\n' % (zlib.crc32(body), body))
    journal.write_bytes(b"".join(lines))


def test_a_list_that_an_older_peal_has_begun_goes_on_as_a_list(project: Repo) -> None:
    """It was read box by box, when phases were not known: what is done stays done."""
    text = "## Phase 1: x\n- [ ] one\n## Phase 2: y\n- [ ] two\n"
    plan = written(project, "plan.md", text)
    run(project, plan, "--format", "checklist", "--task", "1", code=1)
    _without_formats(project.memory() / "journal.jsonl")

    found = checked(project, plan)

    assert (found["format"], len(found["tasks"])) == ("checklist", 2)
    assert found["notes"][0]["message"].startswith(
        "read as `checklist`, as it was begun; `--fresh` or `--format phases`"
    )


PHASES = """
    # Spec

    ## Phase 1: Make a

    ```sh
    echo a > a
    ```
    ```sh address
    echo mended > b
    ```

    ### Success Criteria

    #### Automated Verification:
    - [ ] It is there: `test -e a`
    - [ ] So is the other: `test -e b`

    #### Manual Verification:
    - [ ] It looks nice

    ## Phase 2: Make c

    ```sh
    echo c > c
    ```
    """


def test_what_a_plan_says_verifies_a_task_reviews_it_if_a_person_wants_that(project: Repo) -> None:
    plan = written(project, "spec.md", PHASES)

    told = run(project, plan, "--verify-from-plan")

    assert project.read("b") == "mended\n"
    findings = [
        event["outcome"]["findings"]
        for event in project.recorded("StepEnded")
        if event["outcome"].get("findings")
    ]
    assert [finding["reviewer"] for finding in findings[0]] == ["test -e b"]
    assert "for a person to look at:\n  task 1: It looks nice\n" in told


def test_commands_of_a_plan_are_told_and_not_run_unless_asked_for(project: Repo) -> None:
    plan = written(project, "spec.md", PHASES)

    told = run(project, plan)

    assert (
        "the plan names 2 commands to verify its tasks; `--verify-from-plan` has them run in reviews" in told
    )
    assert not (project.path / "b").exists()
    assert "    check: test -e b\n" in project.peal("check", plan).stdout


def test_an_untitled_task_is_called_by_its_first_words(project: Repo) -> None:
    plan = written(project, "plan.md", "## Task 1\n\nMake a file called a.\n\n```sh\necho a > a\n```\n")

    told = run(project, plan)

    assert "task 1 plan started: Make a file called a." in told
    assert project.git("log", "--format=%s", "-1", "HEAD^2") == "Task 1: Make a file called a.\n"
    assert "Make a file called a." in project.peal("status").stdout


def test_a_landed_task_is_ticked_in_the_commit_that_lands_it(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)

    run(project, plan, "--parallel", "--tick")

    assert project.read(plan) == dedent(TASKS).lstrip("\n").replace("- [ ] T", "- [x] T")
    assert project.git("status", "--porcelain") == ""
    for merge in project.git("log", "--first-parent", "--format=%H", "-3").split():
        changed = project.git("diff", "--numstat", f"{merge}^1", merge, "--", plan).split()
        assert changed[:2] == ["1", "1"]
    assert "complete" in run(project, plan)


def test_an_edit_of_the_persons_costs_the_tick_and_not_the_landing(project: Repo) -> None:
    plan = written(project, "tasks.md", TASKS)
    project.write(plan, project.read(plan) + "\nmine\n")

    told = run(project, plan, "--tick", "--task", "T001")

    assert (project.path / "a").exists()
    assert "- [ ] T001" in project.read(plan)
    assert project.read(plan).endswith("\nmine\n")
    assert "`tasks.md` has changes of yours, so the task is not ticked there" in told


@pytest.mark.parametrize("settings", ["", '[[reviewers]]\nname = "none"\ncommand = "true"\n'])
def test_ticks_of_agents_never_clash(project: Repo, settings: str) -> None:
    """Each agent ticks its own box, in lines side by side; merged in git's store, and in a worktree."""
    project.write("peal.toml", settings)
    boxes = "".join(
        f"- [ ] T00{n} [P] Make {n}\n  ```sh\n  echo {n} > {n}\n  sed -i.old 's/^- \\[ \\] T00{n}/- [x] T00{n}/' tasks.md; rm tasks.md.old\n  ```\n"
        for n in (1, 2, 3)
    )
    plan = written(project, "tasks.md", f"## Phase 1\n\n{boxes}")

    run(project, plan, "--parallel")

    assert project.read(plan).count("\n- [x] T00") == 3
    assert {event["outcome"]["result"] for event in project.recorded("StepEnded")} == {"passed"}


def test_a_tick_where_the_plan_is_not_committed_is_told_to_do_nothing(project: Repo) -> None:
    project.write("tasks.md", dedent(TASKS).lstrip("\n"))

    told = run(project, "tasks.md", "--tick", "--task", "T001")

    assert "`tick` does nothing here: the plan is not committed in `main`" in told
    assert "- [ ] T001" in project.read("tasks.md")


def test_a_plan_of_headings_is_ticked_by_its_boxes_or_a_mark(project: Repo) -> None:
    text = "## Task 1: Make a\n\n```sh\necho a > a\n```\n\n- [ ] step\n\n## Task 2: Make b\n\n```sh\necho b > b\n```\n"
    plan = written(project, "plan.md", text)

    run(project, plan, "--tick")

    assert project.read(plan) == text.replace("- [ ] step", "- [x] step").replace("Make b", "Make b ✅")
    run(project, plan)
    assert len(landed(project)) == 2


SHARED = """
    - [ ] T001 [P] Make one in src/a.py
      ```sh
      mkdir -p src; echo 1 >> src/one.py
      ```
    - [ ] T002 [P] Make two in src/a.py
      ```sh
      mkdir -p src; echo 2 >> src/two.py
      ```
    - [ ] T003 [P] Make three in src/b.py
      ```sh
      mkdir -p src; echo 3 >> src/three.py
      ```
    """
IN_ONE_TREE = ("--parallel", "--no-commit")


def test_tasks_side_by_side_that_name_one_file_are_told(project: Repo) -> None:
    plan = written(project, "tasks.md", SHARED)

    notes = [note["message"] for note in checked(project, plan)["notes"]]

    assert notes == ["tasks `T001` and `T002` may run side by side, and both name `src/a.py`"]
    run(project, plan, "--parallel")  # each in a worktree of its own


def test_in_one_tree_they_are_refused_unless_that_is_wanted(project: Repo) -> None:
    plan = written(project, "tasks.md", SHARED)

    told = run(project, plan, *IN_ONE_TREE, code=1)

    assert "tasks T001 and T002 of plan `tasks.md` both name `src/a.py`" in told
    assert told.endswith("or pass --share-files\n")
    run(project, plan, "--no-commit")  # one by one
    run(project, plan, *IN_ONE_TREE, "--fresh", "--task", "T001,T003")
    run(project, plan, *IN_ONE_TREE, "--fresh", "--share-files")


BY_HAND = """
    ---
    phase: 01-a
    plan: 01
    type: execute
    wave: 1
    depends_on: []
    files_modified: [a]
    autonomous: false
    ---

    <tasks>

    <task type="auto">
      <name>Task 1: Make a</name>
      <action>
    ```sh
    echo a > a
    ```
      </action>
      <done>it is there</done>
    </task>

    <task type="checkpoint:human-verify" gate="blocking">
      <what-built>a</what-built>
      <how-to-verify>Open a and look at it</how-to-verify>
      <resume-signal>Type approved</resume-signal>
    </task>

    <task type="auto">
      <name>Task 2: Make c</name>
      <action>
    ```sh
    echo c > c
    ```
      </action>
      <done>it is there</done>
    </task>

    </tasks>
    """


def test_what_only_a_person_can_do_holds_the_plan_until_they_say_it_is_done(project: Repo) -> None:
    plan = written(project, "01-01-PLAN.md", BY_HAND)
    ids = [task["id"] for task in checked(project, plan)["tasks"]]

    told = run(project, plan, code=4)

    assert (project.path / "a").exists()
    assert not (project.path / "c").exists()
    assert f"task {ids[1]} is held" in told
    assert "this is for a person to do: " in told
    assert "Open a and look at it" in told
    assert f"then `peal done {ids[1]}` and `peal resume`" in told
    assert project.peal("resume", code=4)
    project.peal("done", ids[1])
    project.peal("resume")
    assert (project.path / "c").exists()


def test_a_dry_run_that_knows_that_tasks_would_fail_says_so(project: Repo) -> None:
    plan = written(project, "list.md", "- [ ] one\n- [ ] two\n")

    told = run(project, plan, "--dry-run", code=1)

    assert told.endswith("2 tasks would fail, for the agent could do nothing: 1-2\n")


def test_a_plan_without_marks_is_told_and_not_ticked(project: Repo) -> None:
    plan = written(project, "01-01-PLAN.md", BY_HAND)

    told = run(project, plan, "--tick", "--task", "1")

    assert told.count("`tick` does nothing here: a plan of `gsd` has no marks for what is done") == 1
    assert project.read(plan) == dedent(BY_HAND).lstrip("\n")


def _issue(number: int, after: str) -> str:
    script = f"```sh\necho {number} > {number}\n```"
    return f"---\nname: Make {number}\nstatus: open\ndepends_on: [{after}]\nparallel: true\n---\n\n{script}\n"


def test_each_task_of_a_folder_is_ticked_in_its_own_file(project: Repo) -> None:
    for number, after in ((1, ""), (2, ""), (3, "1, 2")):
        written(project, f"epic/{number}.md", _issue(number, after))
    project.write("epic/2.md", f"{_issue(2, '')}\nmine\n")

    told = run(project, "epic", "--parallel", "--tick")

    assert project.read("epic/1.md") == _issue(1, "").replace("open", "closed")
    assert project.read("epic/3.md") == _issue(3, "1, 2").replace("open", "closed")
    assert project.read("epic/2.md") == f"{_issue(2, '')}\nmine\n"
    assert "`epic/2.md` has changes of yours, so the task is not ticked there" in told
    assert landed(project) == ["1", "2", "3"]
    assert "complete" in run(project, "epic", "--tick")


@pytest.mark.parametrize("to", [*later("done"), "done/v1.2"])
def test_a_folder_that_was_renamed_is_found_again(project: Repo, to: str) -> None:
    for number in (1, 2, 3):
        written(project, f"epics/v1/{number}.md", _issue(number, ""))
    run(project, "epics/v1", "--task", "1")
    project.git("rm", "-rq", "--cached", "epics")
    (project.path / to).parent.mkdir(exist_ok=True)
    (project.path / "epics/v1").rename(project.path / to)
    project.git("add", to)
    project.git("commit", "-qm", "moved")

    assert "1 done" in project.peal("status", to).stdout
    assert f"plan `epics/v1` is `{to}` now; `peal run {to}` goes on" in run(project, "epics/v1", code=1)
    told = project.peal("resume", "--task", "1-2").stdout
    assert f"`epics/v1` is gone, and the tasks it held are those of `{to}`" in told
    assert landed(project) == ["1", "2"]


def test_a_folder_whose_place_another_one_has_taken_is_found_again(project: Repo) -> None:
    for number in (1, 2):
        written(project, f"epic/{number}.md", _issue(number, ""))
    run(project, "epic", "--task", "1")
    project.git("mv", "epic", "before")
    written(project, "epic/1.md", _issue(7, ""))

    told = run(project, "before")

    assert "`epic` holds another plan now, and the tasks it held are those of `before`" in told
    assert landed(project) == ["1", "2"]


def test_a_format_is_not_named_for_a_folder(project: Repo) -> None:
    written(project, "epic/1.md", _issue(1, ""))

    told = run(project, "epic", "--format", "ccpm", code=1)

    assert told == "error: `epic` is a folder, which is read by what its files are; leave --format out\n"
    assert "there is no format `x`" in project.peal("check", "epic", "--format", "x", code=1).stderr
