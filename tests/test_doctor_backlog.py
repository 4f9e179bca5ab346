"""A backlog beside plans: what the commands about plans and runs do with it, and what `peal doctor` finds and mends in it."""

import json
import re
from pathlib import Path

import pytest
from conftest import WAIT, Repo, ended, eventually, landed, shell_plan

AGENT = """\
#!/bin/sh
# Works on phases of items: what a phase does is in $OUT/ITEM-PHASE.sh, if there is such a file.
cat >/dev/null
[ "$PEAL_PHASE" = triage ] || echo "$PEAL_ITEM" >"made-$PEAL_ITEM-$PEAL_PHASE"
echo "worked on $PEAL_ITEM in $PEAL_PHASE"
[ -e "$OUT/$PEAL_ITEM-$PEAL_PHASE.sh" ] && . "$OUT/$PEAL_ITEM-$PEAL_PHASE.sh"
printf '{"item_id": "%s", "phase": "%s", "result": "%s", "summary": "well done", "context": "why not"}' \\
  "$PEAL_ITEM" "$PEAL_PHASE" "${RESULT:-phase_complete}" >"$PEAL_RESULT"
"""
SETTINGS = """\
agent = "mine"
[agents.mine]
command = ["sh", "AGENT"]
[backlog]
folder = "backlog"
prefix = "WRK"
[[pipelines.feature.phases]]
name = "prd"
[[pipelines.feature.phases]]
name = "build"
"""


def item_file(id_: str, *lines: str, title: str = "A wish", status: str = "ready") -> str:
    """The file of an item, with more lines of front matter."""
    return "\n".join(("---", f"id: {id_}", f"title: {title}", f"status: {status}", *lines, "---", ""))


def put(project: Repo, **files: str) -> None:
    """Items in files of the backlog, committed; `_` stands for `-`, and what begins with `archive_` is in the archive."""
    for name, text in files.items():
        inside = "archive/" if name.startswith("archive_") else ""
        stem = name.removeprefix("archive_").replace("_", "-")
        project.write(f"backlog/{inside}{stem}.md", text)
    project.git("add", "-A")
    project.git("commit", "-qm", "items")


def does(project: Repo, item: str, phase: str, script: str) -> None:
    """What the agent does in a phase of an item, before it answers."""
    (Path(project.env["OUT"]) / f"{item}-{phase}.sh").write_text(f"{script}\n")


def errors(project: Repo, *words: str, code: int = 1) -> list[str]:
    """What a command complains of."""
    said = project.peal(*words, code=code).stderr.splitlines()
    return [line.removeprefix("error: ") for line in said]


@pytest.fixture
def kept(project: Repo, out: Path) -> Repo:
    """A repository with a backlog of one ready item, and an agent that works on items."""
    (out / "agent.sh").write_text(AGENT)
    project.write("peal.toml", SETTINGS.replace("AGENT", str(out / "agent.sh")))
    put(project, WRK_001=item_file("WRK-001", title="Build a login"))
    return project


# What is typed with the backlog in the place of a plan

IS_ITEM = (
    "`{path}` is item WRK-001 of the backlog, and no plan; `peal backlog run --target WRK-001` works on it, "
    "`peal backlog show WRK-001` shows it"
)
IS_BACKLOG = (
    "`{path}` is the backlog, and no plan; `peal backlog run` works on it, `peal backlog status` shows it"
)


@pytest.mark.parametrize(
    ("words", "path", "told"),
    [
        (("run", "backlog/"), "backlog", IS_BACKLOG),
        (("check", "backlog"), "backlog", IS_BACKLOG),
        (("status", "backlog"), "backlog", IS_BACKLOG),
        (("resume", "backlog"), "backlog", IS_BACKLOG),
        (("run", "plans", "backlog"), "backlog", IS_BACKLOG),
        (("run", "backlog/WRK-001.md"), "backlog/WRK-001.md", IS_ITEM),
        (("run", "plans/a.md", "backlog/*.md"), "backlog/WRK-001.md", IS_ITEM),
        (("check", "backlog/WRK-001.md"), "backlog/WRK-001.md", IS_ITEM),
        (("done", "1", "--plan", "backlog/WRK-001.md"), "backlog/WRK-001.md", IS_ITEM),
    ],
)
def test_the_backlog_is_no_plan_and_says_what_to_type(
    kept: Repo, words: tuple[str, ...], path: str, told: str
) -> None:
    """Also where the words of an item would be read as tasks."""
    kept.write("backlog/WRK-001.md", item_file("WRK-001") + "\n- [ ] one\n- [ ] two\n")
    kept.write("plans/a.md", shell_plan("true"))

    assert errors(kept, *words) == [told.format(path=path)]
    assert landed(kept) == []


def test_plans_in_a_folder_of_that_name_are_plans(shell_project: Repo) -> None:
    """Where nobody keeps a backlog there is none."""
    shell_project.write("backlog/a.md", f"---\nauthor: me\n---\n{shell_plan('echo 1 > one')}")
    shell_project.git("add", ".")
    shell_project.git("commit", "-qm", "a plan")

    shell_project.peal("run", "backlog/")

    assert landed(shell_project) == ["1"]


@pytest.fixture
def shell_project(project: Repo) -> Repo:
    """The project with an agent that is always here."""
    project.env["PEAL_AGENT"] = "shell"
    return project


# What the commands about runs tell of a backlog's


def test_status_shows_what_the_latest_run_has_worked_on(kept: Repo) -> None:
    """Not everything that was ever done, and item by item."""
    kept.peal("backlog", "run")
    put(kept, WRK_010=item_file("WRK-010"), WRK_002=item_file("WRK-002", title="Second"))
    does(kept, "WRK-002", "build", "RESULT=blocked")
    kept.peal("backlog", "run")

    lines = kept.peal("status").stdout.splitlines()

    assert lines[0].startswith("backlog: finished for ")
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["WRK-002/prd", "done"],
        ["WRK-002/build", "failed"],
        ["WRK-010/prd", "done"],
        ["WRK-010/build", "done"],
    ]
    assert (
        lines[-1]
        == "next: `peal backlog status` to see how far each item is, `peal backlog run` to go on with them"
    )
    told = json.loads(kept.peal("status", "--json").stdout)
    assert told["counts"]["done"] == 3
    assert told["is_of_backlog"] is True


def test_runs_counts_the_phases_of_a_backlog(kept: Repo) -> None:
    """There is no whole of which they were a part."""
    kept.peal("backlog", "run")

    assert kept.peal("runs").stdout.endswith("  backlog  2 phases of items complete, exit code 0\n")


def test_logs_and_diff_take_the_id_of_an_item_or_its_end(kept: Repo) -> None:
    """The latest phase is meant, unless one is named."""
    kept.peal("backlog", "run")

    for words in (["WRK-001"], ["1"], ["wrk-001/build"], ["WRK-001/build"], ["001", "build"]):
        assert "worked on WRK-001 in build\n" in kept.peal("logs", *words).stdout
    for words in (["WRK-001/prd"], ["WRK-001", "prd"], ["1/prd"]):
        assert "worked on WRK-001 in prd\n" in kept.peal("logs", *words).stdout
    assert "+++ b/made-WRK-001-build" in kept.peal("diff", "WRK-001").stdout
    assert "+++ b/made-WRK-001-prd" in kept.peal("diff", "1/prd").stdout
    assert errors(kept, "logs", "WRK-7") == [
        "no run has worked on `WRK-7`; `peal status` shows the latest run, `peal backlog list --all` the items"
    ]


def test_items_whose_ids_end_alike_are_told_apart(kept: Repo) -> None:
    """Where an end could be several, nobody guesses."""
    put(kept, ABC_001=item_file("ABC-001"))
    kept.peal("backlog", "run")

    (told,) = errors(kept, "logs", "1/prd")

    assert re.fullmatch(r"`1/prd` could be `(ABC|WRK)-001/prd`, `(ABC|WRK)-001/prd`; write more of it", told)


@pytest.mark.parametrize("command", ["redo", "done"])
def test_phases_of_items_are_not_done_again_or_marked_as_plans_tasks(kept: Repo, command: str) -> None:
    """The items say how far they are, and commands of the backlog change that."""
    kept.peal("backlog", "run")
    way_out = (
        "whose items say in their files how far they are; `peal backlog advance ID --to PHASE` has an item go on with another "
        "phase, `unblock` lets one go on that waits, `edit` and `close` change it"
    )

    assert errors(kept, command, "WRK-001/build") == [
        f"the latest run was of the backlog, {way_out}; name a plan with --plan, if a task of one is meant"
    ]
    assert errors(kept, command, "WRK-001/build", "--plan", "backlog") == [
        f"`backlog` is the backlog, {way_out}"
    ]


# A run that goes on, and one that was cut short


@pytest.fixture
def under_way(kept: Repo) -> Repo:
    """Its item waits in its first phase until `$OUT/go` is there."""
    does(kept, "WRK-001", "prd", f"PEAL_TASK=prd; {WAIT}")
    kept.started.append(kept.start("backlog", "run", "--cap", "5"))
    eventually((kept.path.parent / "out/begun-prd").exists)
    return kept


def test_a_backlogs_run_is_looked_at_while_it_goes_on(under_way: Repo) -> None:
    """Each of the commands tells of it, and doctor has nothing against it."""
    lines = under_way.peal("status").stdout.splitlines()
    assert lines[1] == "1 running"
    assert lines[2].startswith("  WRK-001/prd  running prd ")
    assert "  Build a login" in lines[2]
    assert lines[-1] == "next: `peal stop` to end the run; `peal resume` goes on later"
    assert under_way.peal("runs").stdout.endswith("  backlog  0 phases of items complete, running\n")
    assert "worked on WRK-001 in prd\n" in under_way.peal("logs", "WRK-001").stdout
    assert "+++ b/made-WRK-001-prd" in under_way.peal("diff", "WRK-001/prd").stdout
    assert under_way.peal("doctor").stdout.startswith("healthy")
    assert "another peal" in errors(under_way, "clean", code=5)[0]

    watching = under_way.start("status", "--watch")
    (under_way.path.parent / "out/go").touch()
    assert "backlog: finished for " in ended(watching, 0)


def test_a_stopped_run_goes_on_with_its_flags(under_way: Repo) -> None:
    """`peal resume` knows that somebody has cut it short."""
    under_way.peal("stop")

    assert (
        under_way.peal("status").stdout.splitlines()[-1] == "next: `peal resume` to go on where this stopped"
    )
    (under_way.path.parent / "out/go").touch()
    assert "completed: WRK-001" in under_way.peal("resume").stdout
    opened = under_way.recorded("RunOpened")
    assert [event["flags"]["cap"] for event in opened] == [5, 5]


def test_resume_takes_a_backlog_only_where_it_was_cut_short(kept: Repo) -> None:
    """One that has come to its end leaves the latest plan to be gone on with, or nothing."""
    kept.peal("backlog", "run")

    assert kept.peal("resume").stdout == (
        "nothing to resume: the latest run was of the backlog, and nobody has cut it short; `peal backlog run` goes on\n"
    )

    kept.write("plan.md", shell_plan("false"))
    kept.peal("run", "plan.md", "--agent", "shell", code=1)
    put(kept, WRK_002=item_file("WRK-002"))
    kept.peal("backlog", "run")
    assert "task 1 failed" in kept.peal("resume", code=1).stdout


def test_resume_of_the_backlog_by_name_takes_up_its_flags(kept: Repo) -> None:
    """Flags given now win."""
    put(kept, WRK_002=item_file("WRK-002"))
    kept.peal("backlog", "run", "--target", "2", "--set", "pipelines.feature.phases=[]", code=1)
    kept.peal("backlog", "run", "--target", "2")

    assert "nothing is open" in kept.peal("resume", "backlog", "--max-parallel", "3").stdout
    (*_, latest) = kept.recorded("RunOpened")
    assert latest["flags"] == {"target": ["2"], "max_parallel": 3}
