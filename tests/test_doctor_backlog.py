"""A backlog beside plans: what the commands about plans and runs do with it, and what `peal doctor` finds and mends in it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PEAL, WAIT, Repo, branches, ended, eventually, landed, later, sample, shell_plan
from test_doctor import codes, examined

from peal.doctor.backlog import problems
from peal.doctor.look import Asked, Look, PlanFiles
from peal.system.layout import RepoPaths

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
        ["WRK-002/build", "blocked"],
        ["WRK-010/prd", "done"],
        ["WRK-010/build", "done"],
    ]
    assert (
        lines[-1]
        == "next: `peal backlog status` to see how far each item is, `peal backlog run` to ask for the same again"
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


def test_a_terminal_counts_what_the_run_has_begun(under_way: Repo) -> None:
    """As the run itself does: nobody knows how much comes."""
    ours, theirs = os.openpty()
    try:
        env = {**under_way.env, "TERM": "xterm", "NO_COLOR": "1"}
        words = [*PEAL, "status", "--watch"]
        with subprocess.Popen(words, cwd=under_way.path, env=env, stdout=theirs, stderr=theirs) as watching:
            said = b""
            while b"WRK-001/prd" not in said:
                said += os.read(ours, 4096)
            watching.terminate()
    finally:
        os.close(ours)
        os.close(theirs)

    assert b"0 done, 1 running" in said
    assert b"waiting" not in said


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


def test_the_backlog_is_worked_on_in_whatever_branch_is_checked_out(kept: Repo) -> None:
    """Items are as far as the branch has them; a run that came to its end has left nothing in another."""
    does(kept, "WRK-001", "build", "RESULT=blocked")
    kept.peal("backlog", "run", code=1)
    kept.git("switch", "-qc", "other")
    put(kept, WRK_002=item_file("WRK-002"))

    assert "completed: WRK-002" in kept.peal("backlog", "run").stdout


def test_a_run_that_was_cut_short_goes_on_in_its_own_branch(under_way: Repo) -> None:
    """Unless a person says otherwise."""
    under_way.peal("stop")
    under_way.git("switch", "-qc", "other")

    told = (
        "the backlog lands in `main`, and `other` is checked out; `git switch main` and `peal resume`, "
        "or pass --retarget to land in `other` from now on"
    )
    assert errors(under_way, "backlog", "run", code=4) == [told]
    (under_way.path.parent / "out/go").touch()
    assert "completed: WRK-001" in under_way.peal("backlog", "run", "--retarget").stdout


def test_what_was_taken_out_of_the_branch_is_done_again(kept: Repo) -> None:
    """Nobody has to say so: the item is where it was before."""
    kept.peal("backlog", "run")
    kept.git("reset", "-q", "--hard", "HEAD^")

    assert codes(kept) == []
    said = kept.peal("backlog", "run").stdout
    assert "task WRK-001/build complete" in said
    assert "task WRK-001/prd" not in said
    assert "\neverything asked for is done\n" in said


def test_a_branch_that_was_rewritten_is_as_it_is(kept: Repo) -> None:
    """Commits of phases may be made one, also in a clone, where nothing is remembered."""
    first = kept.git("rev-parse", "HEAD").strip()
    kept.peal("backlog", "run")
    kept.git("reset", "-q", "--soft", first)
    kept.git("commit", "-qm", "all of it")
    put(kept, WRK_002=item_file("WRK-002"))

    assert codes(kept) == []
    assert "\neverything asked for is done\n" in kept.peal("backlog", "run").stdout
    shutil.rmtree(kept.path / ".peal")
    kept.git("worktree", "prune")
    assert codes(kept) == []
    assert "\nnothing is open\n" in kept.peal("backlog", "run").stdout


# What `peal doctor` finds in a backlog, in the words in which a run is refused


def test_a_backlog_without_a_fault_is_healthy(kept: Repo) -> None:
    """Before and after its run, and its memory is none of a plan."""
    assert codes(kept) == []
    does(kept, "WRK-001", "build", "RESULT=blocked")
    kept.peal("backlog", "run", code=1)
    assert codes(kept) == []


FAULTS = {
    "ITEM_UNREADABLE": {"WRK_002": "---\nid: WRK-002\n---\n"},
    "DUPLICATE_ID": {"WRK_001_again": item_file("WRK-001", title="Another")},
    "ARCHIVED_BUT_OPEN": {"archive_WRK_002": item_file("WRK-002")},
    "OVER_BUT_NOT_ARCHIVED": {"WRK_002": item_file("WRK-002", status="done")},
    "PIPELINE_UNKNOWN": {"WRK_002": item_file("WRK-002", "pipeline: nosuch")},
    "PHASE_MISSING": {"WRK_002": item_file("WRK-002", status="scoping")},
    "PHASE_UNKNOWN": {"WRK_002": item_file("WRK-002", "phase: nosuch", status="in_progress")},
    "PHASE_IN_WRONG_POOL": {"WRK_002": item_file("WRK-002", "phase: prd", "pool: pre", status="in_progress")},
    "DEPENDS_ON_ITSELF": {"WRK_002": item_file("WRK-002", "depends: [WRK-002]")},
    "DEPENDENCY_MISSING": {"WRK_002": item_file("WRK-002", "depends: [WRK-009]")},
    "DEPENDENCY_CANCELLED": {
        "WRK_002": item_file("WRK-002", "depends: [WRK-003]"),
        "archive_WRK_003": item_file("WRK-003", status="cancelled"),
    },
    "DEPENDENCY_CYCLE": {
        "WRK_002": item_file("WRK-002", "depends: [WRK-003]"),
        "WRK_003": item_file("WRK-003", "depends: [WRK-002]"),
    },
}


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_is_found_and_a_run_refused_in_the_same_words(kept: Repo, code: str) -> None:
    """What does not keep it from beginning is told all the same."""
    put(kept, **FAULTS[code])

    (found,) = examined(kept)
    assert found["code"] == code
    assert found["by_hand"]
    told = f"{found['found']}; {found['by_hand']}"
    if found["severity"] == "error":
        assert errors(kept, "backlog", "run") == [told]
        assert not (kept.path / ".peal/owner.json").exists()
    elif code != "OVER_BUT_NOT_ARCHIVED":
        said = kept.peal("backlog", "run", "--target", "WRK-001").stdout
        assert told in said


def test_a_workflow_that_is_missing_is_found(kept: Repo) -> None:
    kept.write("peal.toml", kept.read("peal.toml") + 'workflows = ["how.md"]\n')
    kept.git("commit", "-qam", "workflows")

    (found,) = examined(kept)

    assert (found["code"], found["where"]) == ("WORKFLOW_MISSING", "how.md")


def test_a_refused_run_tells_all_that_it_would_be_refused_for(kept: Repo) -> None:
    """The machine, the repository, the settings and the items, each thing once."""
    put(
        kept,
        WRK_002=item_file("WRK-002", "depends: [WRK-009]"),
        WRK_003=item_file("WRK-003", "pipeline: nosuch"),
    )
    kept.write(
        "peal.toml",
        kept.read("peal.toml").replace('agent = "mine"', 'agent = "nobody"')
        + '[[pipelines.feature.phases]]\nname = "look"\nkind = "command"\ncommand = "no-such"\n',
    )
    kept.write(".git/MERGE_HEAD", kept.git("rev-parse", "HEAD"))

    lines = errors(kept, "backlog", "run")

    beginnings = (
        "`backlog/WRK-003.md`: item WRK-003 is to go through the pipeline `nosuch`",
        "`backlog/WRK-002.md`: item WRK-002 depends on WRK-009, which does not exist",
        "a merge is under way",
        "there is no agent `nobody`",
        "phase `look`: `no-such` is not a program",
    )
    assert [line.startswith(begin) for line, begin in zip(lines, beginnings, strict=True)] == [True] * 5


def test_wrong_settings_are_told_with_what_is_wrong_whatever_they_say(kept: Repo) -> None:
    """Nothing is said of phases that nobody knows then."""
    put(
        kept,
        WRK_002=item_file("WRK-002", "depends: [WRK-009]", "phase: prd", status="in_progress"),
    )
    kept.write("peal.toml", kept.read("peal.toml") + "nonsense = 3\n")

    assert codes(kept) == ["SETTINGS_INVALID", "DEPENDENCY_MISSING"]
    assert len(errors(kept, "backlog", "run")) == 2


TRIAGE = "agent `shell` has no model that could triage items; pass --agent with one that has (`peal agents` lists those "
PHASE = (
    "phase `prd`: agent `shell` has no model that could work on an item; name another agent there, or write "
)


@pytest.mark.parametrize(
    ("words", "of_phase", "told"),
    [
        (("--agent", "shell"), "", [TRIAGE]),
        (("--agent", "shell", "--dry-run"), "", [TRIAGE]),
        (("--set", "agents.mine.fallback=shell"), "", [TRIAGE]),
        ((), "agent = 'shell'", [PHASE]),
        (("--agent", "shell"), "agent = 'shell'", [TRIAGE, PHASE]),
        ((), "kind = 'plan'\nplan = 'p.md'\nagent = 'shell'", []),
    ],
)
def test_items_are_not_given_to_the_agent_shell(
    kept: Repo, words: tuple[str, ...], of_phase: str, told: list[str]
) -> None:
    """It has nobody who could read them; it can carry out the plan that a phase is."""
    kept.write("peal.toml", kept.read("peal.toml").replace('"prd"', f'"prd"\n{of_phase}'))
    kept.git("commit", "-aqm", "settings")
    before = kept.git("rev-parse", "HEAD")

    found = errors(kept, "backlog", "run", "--target", "1", *words) if told else []

    assert [line[: len(TRIAGE if "triage" in line else PHASE)] for line in found] == told
    assert kept.git("rev-parse", "HEAD") == before
    if of_phase:
        assert codes(kept).count("AGENT_MISSING") == (PHASE in told)


def test_doctor_does_not_take_the_agent_of_a_plan_for_that_of_items(kept: Repo) -> None:
    kept.write("plan.md", shell_plan("true"))
    kept.peal("run", "plan.md", "--agent", "shell")

    assert "AGENT_MISSING" not in codes(kept)


def test_without_any_cli_nobody_is_advised_to_give_items_to_the_agent_shell(
    kept: Repo, clis: Callable[..., None]
) -> None:
    clis()
    kept.write("peal.toml", kept.read("peal.toml").replace('agent = "mine"', ""))
    kept.git("commit", "-aqm", "settings")

    (line,) = errors(kept, "backlog", "run")

    assert line.startswith("no agent was found: none of claude, codex,")
    assert line.endswith(
        "installed; install one, or describe a command in peal.toml as [agents.NAME] and pass --agent NAME"
    )
    assert codes(kept) == ["AGENT_MISSING"]


def test_a_plan_is_not_refused_for_the_backlog(kept: Repo) -> None:
    put(kept, **FAULTS["DUPLICATE_ID"])
    kept.write("plan.md", shell_plan("true"))

    (line,) = errors(kept, "run", "plan.md", "--agent", "nobody")

    assert line.startswith("there is no agent `nobody`")


def test_nothing_is_said_of_a_folder_of_that_name_without_items(project: Repo) -> None:
    """Only where items are kept, or were meant to be."""
    project.env["PEAL_AGENT"] = "shell"
    project.write("backlog/my-plan.md", shell_plan("true"))

    assert codes(project) == []
    project.write("peal.toml", "[backlog]\nfolder = 'backlog'\n")
    assert codes(project) == ["ITEM_UNREADABLE"]


# What is mended


def merged(kept: Repo) -> None:
    """Two branches have each added an item, and one that names it, and were merged."""
    kept.git("switch", "-qc", "theirs")
    put(kept, WRK_002_theirs=item_file("WRK-002", title="Theirs"))
    put(kept, WRK_003=item_file("WRK-003", "depends: [WRK-002]", "origin: WRK-002/prd"))
    kept.git("switch", "-q", "main")
    kept.env["GIT_AUTHOR_DATE"] = "2090-01-01T00:00:00Z"
    kept.write("changes/WRK-002_ours/PRD.md", "what we want\n")
    kept.write("changes/WRK-002_theirs/PRD.md", "what they want\n")
    put(kept, WRK_002_ours=item_file("WRK-002", title="Ours"))
    put(kept, WRK_004=item_file("WRK-004", "depends: [WRK-001, WRK-002]", "origin: WRK-002/prd"))
    del kept.env["GIT_AUTHOR_DATE"]
    kept.git("merge", "-qm", "both", "theirs")


def test_the_later_one_of_two_items_gets_another_id(kept: Repo) -> None:
    """With its file, its folder, and who was written where there was no other; the commit is the person's."""
    merged(kept)
    assert codes(kept) == ["DUPLICATE_ID"]

    said = kept.peal("doctor", "--fix").stdout

    assert (
        "mended DUPLICATE_ID: WRK-002 in `backlog/WRK-002-ours.md`, the later one, is WRK-005 now; "
        "`WRK-004` named it and names WRK-005; commit it, for until then nobody works on it: `" in said
    )
    assert "goes on naming" not in said
    assert kept.read("backlog/WRK-005-ours.md") == item_file("WRK-005", title="Ours")
    assert not (kept.path / "backlog/WRK-002-ours.md").exists()
    assert "depends: [WRK-001, WRK-005]\norigin: WRK-005/prd\n" in kept.read("backlog/WRK-004.md")
    assert "depends: [WRK-002]\norigin: WRK-002/prd\n" in kept.read("backlog/WRK-003.md")
    assert kept.read("changes/WRK-005_ours/PRD.md") == "what we want\n"
    assert kept.read("changes/WRK-002_theirs/PRD.md") == "what they want\n"

    assert errors(kept, "backlog", "run")[0].startswith(
        "as `main` has it, `backlog/WRK-002-theirs.md`: item WRK-002 is in `backlog/WRK-002-ours.md` already"
    )
    command = re.search(r"for until then nobody works on it: `(.*)`\n", said)
    assert command
    subprocess.run(command[1], shell=True, cwd=kept.path, env=kept.env, check=True, capture_output=True)
    assert kept.git("status", "--porcelain") == ""
    assert "WRK-005" in kept.peal("backlog", "run").stdout


def test_what_was_renumbered_is_put_back(kept: Repo) -> None:
    merged(kept)
    name = kept.peal("doctor", "--fix").stdout.partition("--restore ")[2].partition("`")[0]

    kept.peal("doctor", "--restore", name)

    assert kept.git("status", "--porcelain") == ""
    assert codes(kept) == ["DUPLICATE_ID"]


def test_who_could_mean_either_goes_on_meaning_the_first(kept: Repo) -> None:
    """And that is told."""
    merged(kept)
    put(kept, WRK_006=item_file("WRK-006", "depends: [WRK-002]"))

    said = kept.peal("doctor", "--fix").stdout

    assert "`WRK-006` goes on naming WRK-002, the first one: see whether that is meant; " in said
    assert "depends: [WRK-002]" in kept.read("backlog/WRK-006.md")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("created: '2026-02-01T00:00:00+00:00'", "created: '2026-01-01T00:00:00+00:00'"),
        *later(("", "created: '2026-01-01T00:00:00+00:00'")),
        ("tags: [b]", "tags: [a]"),
    ],
)
def test_without_a_commit_the_file_says_which_is_later(kept: Repo, first: str, second: str) -> None:
    """Its `created`, else its name."""
    later, earlier = ("b", "a") if "tags" in first else ("a", "b")
    kept.write(f"backlog/WRK-002-{later}.md", item_file("WRK-002", *filter(None, [first]), title="Later"))
    kept.write(f"backlog/WRK-002-{earlier}.md", item_file("WRK-002", second, title="Earlier"))

    kept.peal("doctor", "--fix")

    assert "title: Later" in kept.read(f"backlog/WRK-003-{later}.md")
    assert "title: Earlier" in kept.read(f"backlog/WRK-002-{earlier}.md")


def test_one_item_that_is_there_twice_is_left_to_a_person(kept: Repo) -> None:
    """As where one branch has finished what another has edited."""
    put(kept, archive_WRK_001=item_file("WRK-001", "priority: 3", title="Build a login", status="done"))

    (found,) = examined(kept, "--fix", code=1)

    assert (found["code"], found["can_be_mended"]) == ("DUPLICATE_ID", False)
    assert "`git rm backlog/WRK-001.md` or `git rm backlog/archive/WRK-001.md`" in found["by_hand"]
    assert errors(kept, "backlog", "run") == [f"{found['found']}; {found['by_hand']}"]
    assert "are both WRK-001; both are the same item, so see" in kept.peal("backlog", "list").stderr


@pytest.mark.parametrize(
    ("is_committed", "status"),
    [(True, "ready"), *later((False, "done"), (True, "done"), (False, "ready"))],
)
def test_an_open_file_of_an_item_that_is_over_in_the_archive_is_taken_away(
    kept: Repo, status: str, is_committed: bool
) -> None:
    """With a backup; nothing that a person has put into it is lost."""
    over, open_ = "backlog/archive/WRK-002.md", "backlog/WRK-002.md"
    kept.write(over, item_file("WRK-002", "summary: well done", status="done"))
    kept.write(open_, item_file("WRK-002", "summary: begun", status=status))
    if is_committed:
        kept.git("add", "-A")
        kept.git("commit", "-qm", "items")

    (found,) = examined(kept)
    assert errors(kept, "backlog", "run") == [f"{found['found']}; {found['by_hand']}"]
    said = kept.peal("doctor", "--fix").stdout

    assert "`rm backlog/WRK-002.md`; `peal doctor --fix` does so" in found["by_hand"]
    assert "well done" in kept.read(over)
    assert not (kept.path / open_).exists()
    assert ("git commit -m" in said) == is_committed
    assert codes(kept) == []
    kept.peal("doctor", "--restore", said.partition("--restore ")[2].partition("`")[0])
    assert (kept.path / open_).exists()


def test_an_open_file_with_words_of_a_persons_stays_beside_the_archived_one(kept: Repo) -> None:
    put(
        kept,
        archive_WRK_002=item_file("WRK-002", status="done"),
        WRK_002=item_file("WRK-002") + "More that I want.\n",
    )

    (found,) = examined(kept, "--fix", code=1)

    assert found["can_be_mended"] is False
    assert "More that I want." in kept.read("backlog/WRK-002.md")


def test_ids_that_are_twice_are_looked_at_once_for_all(kept: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two branches with hundreds of new items were merged."""
    told, asked = Look.told, list[Path]()
    monkeypatch.setattr(Look, "told", lambda self, path: asked.append(path) or told(self, path))

    def asked_for(most: int) -> int:
        names = [f"WRK_{number:03}{end}" for number in range(1, most + 1) for end in ("", "_b")]
        put(kept, **{name: item_file(name.replace("_", "-")[:7], title=name) for name in names})
        asked.clear()
        look = Look(
            RepoPaths(kept.path),
            None,
            PlanFiles(lambda _: pytest.fail("there is no plan"), lambda path: path),
            Asked({}),
        )
        assert len(list(problems("DUPLICATE_ID")(look))) == most
        return len(asked)

    few = asked_for(10)
    assert asked_for(20) <= 2 * few + 1


def test_three_items_with_one_id_become_three(kept: Repo) -> None:
    put(kept, **{f"WRK_001_{name}": item_file("WRK-001", title=name) for name in "ab"})

    kept.peal("doctor", "--fix")

    assert sorted(one["id"] for one in listed(kept)) == ["WRK-001", "WRK-002", "WRK-003"]


def listed(project: Repo) -> list[dict[str, Any]]:
    """The open items, as scripts get them."""
    found: list[dict[str, Any]] = json.loads(project.peal("backlog", "list", "--json").stdout)
    return found


def test_what_is_over_goes_to_the_archive_and_back(kept: Repo) -> None:
    put(kept, **FAULTS["OVER_BUT_NOT_ARCHIVED"])

    said = kept.peal("doctor", "--fix").stdout

    assert (kept.path / "backlog/archive/WRK-002.md").exists()
    assert not (kept.path / "backlog/WRK-002.md").exists()
    assert codes(kept) == []
    kept.peal("doctor", "--restore", said.partition("--restore ")[2].partition("`")[0])
    assert kept.git("status", "--porcelain") == ""


def test_a_cache_that_is_broken_is_taken_away(kept: Repo) -> None:
    kept.peal("backlog", "list")
    kept.write(".peal/backlog-cache.json", '{"items": 3')

    assert codes(kept) == ["BACKLOG_CACHE_CORRUPT"]
    kept.peal("doctor", "--fix")
    assert codes(kept) == []
    assert [one["id"] for one in listed(kept)] == ["WRK-001"]


def test_what_waits_for_the_worklog_is_told_until_it_is_written(kept: Repo) -> None:
    kept.peal("backlog", "run")
    (page,) = (kept.path / "_worklog").iterdir()
    before = page.read_text()
    page.write_text(before + "my own words\n")
    put_only(kept, WRK_002=item_file("WRK-002"))
    kept.peal("backlog", "run")

    (found,) = examined(kept)
    assert found["code"] == "WORKLOG_LEFT_OUT"
    assert found["where"] == f"_worklog/{page.name}"
    assert found["found"].startswith("what was done for `WRK-002` is not in the worklog yet")

    kept.git("checkout", "--", "_worklog")
    put_only(kept, WRK_003=item_file("WRK-003"))
    kept.peal("backlog", "run")
    assert codes(kept) == []


def put_only(project: Repo, **files: str) -> None:
    """The same, and whatever else is edited stays so."""
    for name, text in files.items():
        path = f"backlog/{name.replace('_', '-')}.md"
        project.write(path, text)
        project.git("add", path)
        project.git("commit", "-qm", "items", "--", path)


# What phases may not change unseen, and not at all


def guards(kept: Repo) -> None:
    """The settings name a file with instructions and a program of the repository."""
    kept.write("how.md", "Do it well.\n")
    kept.write("tools/look.sh", "true\n")
    kept.write(
        "peal.toml",
        kept.read("peal.toml")
        + 'workflows = ["how.md"]\n[[pipelines.feature.phases]]\nname = "look"\nkind = "command"\ncommand = "sh tools/look.sh"\n',
    )
    kept.git("add", "-A")
    kept.git("commit", "-qm", "more settings")


@pytest.mark.parametrize(
    ("path", "accepted"),
    sample(
        {
            f"{path}-{accepted}": (path, accepted)
            for path in ("peal.toml", "how.md", "tools/look.sh")
            for accepted in ("WRK-001", "1/prd")
        },
        "peal.toml-WRK-001",
    ),
)
def test_what_peal_would_be_told_by_lands_when_a_person_says_so(kept: Repo, path: str, accepted: str) -> None:
    """Settings, instructions and commands of phases; the phase or the item is named."""
    guards(kept)
    does(kept, "WRK-001", "prd", f"echo '# more' >>{path}")

    said = kept.peal("backlog", "run", code=4).stdout

    assert (
        f"it changes `{path}`, by which peal or your git would be told what to run; look at it with `peal diff WRK-001/prd`, "
        "and let it land with `peal resume --accept-settings WRK-001/prd`" in said
    )
    assert "# more" in kept.peal("diff", "WRK-001/prd").stdout
    assert "# more" not in kept.read(path)
    kept.peal("resume", code=4)
    kept.peal("backlog", "run", "--accept-settings", "WRK-001/build", code=4)
    kept.peal("resume", "--accept-settings", accepted)
    assert "# more" in kept.read(path)
    assert kept.git("status", "--porcelain") == ""


def test_a_phase_whose_commit_is_gone_is_done_again(kept: Repo) -> None:
    """As where somebody has cleaned up while it was held."""
    does(kept, "WRK-001", "build", "[ -e $OUT/go ] || echo '# more' >>peal.toml")
    kept.peal("backlog", "run", code=4)
    for branch in branches(kept):
        kept.git("update-ref", "-d", f"refs/heads/{branch}")
    kept.git("reflog", "expire", "--expire=now", "--all")
    kept.git("gc", "--quiet", "--prune=now")
    assert codes(kept) == ["UNLANDED_BRANCH"]

    (Path(kept.env["OUT"]) / "go").touch()
    said = kept.peal("resume").stdout

    assert "completed: WRK-001" in said
    assert "task WRK-001/prd" not in said


def test_whoever_is_let_in_has_to_be_there(kept: Repo) -> None:
    assert errors(kept, "backlog", "run", "--accept-settings", "WRK-001/nope") == [
        "item WRK-001 has no phase `nope`; it has `triage`, `prd`, `build`"
    ]
    assert "there is no item `WRK-9`" in errors(kept, "backlog", "run", "--accept-settings", "WRK-9")[0]


OWN = "backlog/WRK-001.md"
OTHER = "backlog/WRK-002.md"
TAKEN_BACK = {
    "its own fields": (
        f"sed -i 's/status: .*/status: done/; s/^title.*/&\\nguardrails_overridden: true/' {OWN}",
        f"the fields of `{OWN}` are as they were: only its text may be changed",
    ),
    "fields of another": (
        f"sed -i 's/^title.*/&\\npriority: 9/' {OTHER}",
        f"the fields of `{OTHER}` are as they were: only its text may be changed",
    ),
    "front matter that is none": (
        f"sed -i 1d {OWN}",
        f"the fields of `{OWN}` are as they were: only its text may be changed",
    ),
    "a file that is gone": (f"rm {OTHER}", f"`{OTHER}` is back: items are closed, and not deleted"),
    "a link": (f"ln -sf ../README.md {OTHER}", f"`{OTHER}` is back: items are closed, and not deleted"),
    "an item of its own": (
        f"sed 's/WRK-002/WRK-050/' {OTHER} >backlog/WRK-050.md",
        "`backlog/WRK-050.md`, an item of its own making, is left out: what comes up is told as a follow-up",
    ),
    "another in the archive": (
        f"mkdir -p backlog/archive; git mv {OTHER} backlog/archive/",
        f"`{OTHER}` is back: items are closed, and not deleted",
    ),
}


@pytest.mark.parametrize(
    "what",
    sample(
        TAKEN_BACK.keys(),
        "its own fields",
        "a file that is gone",
        "an item of its own",
    ),
)
def test_the_fields_of_items_are_peals(kept: Repo, what: str) -> None:
    """What a phase writes there by hand is taken back, and told; the rest of what it did lands."""
    script, told = TAKEN_BACK[what]
    put(kept, WRK_002=item_file("WRK-002", "depends: [WRK-003]"), WRK_003=item_file("WRK-003", status="new"))
    does(kept, "WRK-001", "prd", script)

    said = kept.peal("backlog", "run", "--target", "1").stdout

    assert f"WRK-001/prd: {told}\n" in said
    assert "completed: WRK-001" in said
    assert kept.read("made-WRK-001-prd") == "WRK-001\n"
    assert kept.read(OTHER) == item_file("WRK-002", "depends: [WRK-003]")
    assert not (kept.path / OTHER).is_symlink()
    assert [one["id"] for one in listed(kept)] == ["WRK-002", "WRK-003"]
    assert "guardrails_overridden" not in kept.read("backlog/archive/WRK-001.md")
    assert kept.git("status", "--porcelain") == ""


def test_the_text_of_items_is_everybodys(kept: Repo) -> None:
    """Below the front matter a phase may write, in any item."""
    put(kept, WRK_002=item_file("WRK-002", "depends: [WRK-003]"), WRK_003=item_file("WRK-003", status="new"))
    does(kept, "WRK-001", "prd", f"echo 'found out' >>{OWN}; echo 'see WRK-001' >>{OTHER}")

    said = kept.peal("backlog", "run", "--target", "1").stdout

    assert "WRK-001/prd: " not in said
    assert kept.read("backlog/archive/WRK-001.md").endswith("---\nfound out\n")
    assert kept.read(OTHER).endswith("---\nsee WRK-001\n")


def test_nobody_is_told_of_what_landed_beside(kept: Repo) -> None:
    """What other items have become meanwhile is not what a phase has written."""
    put(kept, **{f"WRK_00{number}": item_file(f"WRK-00{number}") for number in range(2, 6)})

    said = kept.peal("backlog", "run", "--max-parallel", "4", "--set", "execution.max_wip=4").stdout

    assert "completed: WRK-001, WRK-002, WRK-003, WRK-004, WRK-005" in said
    assert "only its text may be changed" not in said
    assert " is back" not in said
