"""Batches: several plans in one run, whose progress survives whatever ends it; through the command line, with real kills."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import WAIT, Clis, Repo, carriers, ended, eventually, landed, later, sample, shell_plan
from forkserver import Process
from hypothesis import given
from hypothesis import strategies as st

from peal.errors import Damaged
from peal.record import batch_file
from peal.record.batch import Batch, BatchOwner

RUN = ("run", "plans", "--agent", "shell")
UNLESS = "test -e ../../../mended"
"""Fails until somebody puts a file into the repository; a task works three folders below."""


def _plans(project: Repo, **tasks: list[str]) -> None:
    for name, scripts in tasks.items():
        project.write(f"plans/{name.replace('_', '-')}.md", shell_plan(*scripts))
    project.git("add", "plans")
    project.git("commit", "-qm", "plans")


def _progress(project: Repo) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.read(".peal/batch-progress.json"))
    return found


def _is_over(project: Repo) -> bool:
    return not (project.path / ".peal/batch-progress.json").exists()


def _told(said: str) -> list[str]:
    """What the end of a batch says of it and its plans, a line each, from the last headline on."""
    lines = said.splitlines()
    start = max(at for at, line in enumerate(lines) if line.startswith("batch: "))
    rows = [line.strip() for line in lines[start + 1 :] if line.startswith("  ")]
    return [lines[start].rpartition(", in ")[0], *rows]


def _write(name: str) -> str:
    return f'echo "$PEAL_TASK" >> {name}.txt; echo {name} >> "$OUT/order"'


def _order(out: Path) -> list[str]:
    return (out / "order").read_text().split() if (out / "order").exists() else []


# The queue


def test_plans_of_a_folder_are_carried_out_in_natural_order(project: Repo, out: Path) -> None:
    """2 comes before 10; what is no plan is told and left out; nothing is left behind when all is well."""
    _plans(project, step_10=[_write("ten")], step_2=[_write("two")], step_1=[_write("one")])
    project.write("plans/README.md", "What is planned here.\n")

    done = project.peal(*RUN)

    assert _order(out) == ["one", "two", "ten"]
    assert _told(done.stdout) == [
        "batch: 3 of 3 plans done",
        "plans/step-1.md: done",
        "plans/step-2.md: done",
        "plans/step-10.md: done",
    ]
    assert "left out, for there is no plan in it: `plans/README.md`" in done.stderr
    assert _is_over(project)
    assert len(landed(project)) == 3


def test_named_plans_keep_the_order_they_are_given_in(project: Repo, out: Path) -> None:
    """A plan that is meant twice is carried out once."""
    _plans(project, a=[_write("a")], b=[_write("b")], c=[_write("c")])

    project.peal("run", "plans/c.md", "plans/*.md", "plans", "--agent", "shell")

    assert _order(out) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plans/x*.md"], "no file fits `plans/x*.md`"),
        (["plans/a.md", "gone.md"], "gone.md` cannot be read: No such file or directory"),
        (["plans", "--task", "1"], "--task is about the tasks of one plan, and these are several"),
        (["plans", "--target", "z"], "--target z: there is no such plan in the batch; it has `a`, `b`"),
        (["plans", "--target", "a", "--target", "a.md"], "--target a.md is given twice"),
        (["plans", "--jobs", "2", "--no-commit"], "`jobs` above 1 needs worktrees"),
        (["plans", "--jobs", "0"], "`--jobs` is 0; it must be at least 1"),
        (["empty"], "no plan was found in folder `empty`"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    project: Repo, out: Path, words: list[str], told: str
) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    (project.path / "empty").mkdir()

    refused = project.peal("run", *words, "--agent", "shell", code=1)
    shown = project.peal("run", *words, "--agent", "shell", "--dry-run", code=1)

    assert told in refused.stderr
    assert told in shown.stderr
    assert _order(out) == []
    assert _is_over(project)


def test_every_plan_that_is_not_fit_is_told_at_once(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=["true"], c=["true"])
    project.write("plans/b.md", "## Task 1: x\n\n## Task 1: y\n")
    project.write("plans/c.md", "## Task 1: x (after 7)\n")

    refused = project.peal(*RUN, code=1)

    assert "plans/b.md` line 3" in refused.stderr
    assert "plans/c.md` line 1" in refused.stderr
    assert _order(out) == []


def test_targets_are_carried_out_in_the_order_given(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")], c=[_write("c")])

    project.peal(*RUN, "--target", "c", "--target", "plans/a.md")

    assert _order(out) == ["c", "a"]


def test_targets_of_an_unfinished_batch_leave_the_others_queued(project: Repo, out: Path) -> None:
    _plans(project, a=[UNLESS], b=[_write("b")], c=[_write("c")], d=[_write("d")])
    project.peal(*RUN, code=1)

    done = project.peal("resume", "--target", "c", code=2)
    project.peal(*RUN, "--target", "d", "--target", "c", code=2)

    assert _order(out) == ["c", "d"]
    assert "plans/b.md: not reached" in _told(done.stdout)
    assert _progress(project)["queued"] == ["plans/b.md"]


def test_a_dry_run_shows_each_plan_and_does_nothing(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])

    shown = project.peal(*RUN, "--dry-run").stdout

    assert shown.index("plan 1 of 2, plans/a.md") < shown.index("plan 2 of 2, plans/b.md")
    assert not (project.path / ".peal").exists()
    assert _order(out) == []


# Failures


def test_a_batch_stops_at_a_plan_that_fails(project: Repo, out: Path) -> None:
    """The progress stays; the same command goes on behind the failed plan, and says that it does."""
    _plans(project, a=[_write("a")], b=[UNLESS], c=[_write("c")])

    first = project.peal(*RUN, code=2)
    second = project.peal(*RUN, code=2)

    assert "plan 2 of 3, plans/b.md, failed: task 1 failed; no other plan is begun" in first.stdout
    assert _told(first.stdout)[1:] == [
        "plans/a.md: done",
        "plans/b.md: failed (task 1 failed)",
        "plans/c.md: not reached",
    ]
    assert "going on with the batch" in second.stdout
    assert "failed: `plans/b.md`; `--retry-failed` tries again" in second.stdout
    assert _told(second.stdout)[0] == "batch: 2 of 3 plans done, 1 failed"
    assert _order(out) == ["a", "c"]


def test_what_to_type_next_is_told_for_where_the_person_is(project: Repo) -> None:
    _plans(project, **{"-a b": [UNLESS]}, c=["true"])

    there = project.peal("run", "plans", "--agent", "shell", "-q", code=1)
    project.path = project.path / "plans"
    here = project.peal("resume", "-q", "--target", "-a b", code=1)

    assert "next: `peal status './-a b.md'` for what has failed there" in here.stdout
    assert "next: `peal status 'plans/-a b.md'` for what has failed there" in there.stdout
    assert "plan 1 of 2, plans/-a b.md\n" not in there.stdout


def test_auto_advance_goes_on_and_says_with_what(project: Repo, out: Path) -> None:
    _plans(project, a=[UNLESS], b=[_write("b")], c=[UNLESS])

    done = project.peal(*RUN, "--auto-advance", code=2)

    assert (
        "plan 1 of 3, plans/a.md, failed: task 1 failed; next: plan 2 of 3, plans/b.md\nplan 2 of 3"
        in done.stdout
    )
    assert _told(done.stdout)[0] == "batch: 1 of 3 plans done, 2 failed"
    assert _order(out) == ["b"]


def test_failed_plans_come_again_after_the_rest(project: Repo, out: Path) -> None:
    """Also when the batch has ended: its progress is kept for that; then it goes."""
    _plans(project, a=[f"{UNLESS} || exit 1; {_write('a')}"], b=[_write("b")])
    project.peal(*RUN, "--auto-advance", code=2)
    nothing = project.peal("resume", code=2)
    project.write("mended", "")
    _plans(project, c=[_write("c")])

    done = project.peal(*RUN, "--retry-failed")

    assert "`peal resume --retry-failed`" in nothing.stdout
    assert "added at its end: `plans/c.md`" in done.stdout
    assert _order(out) == ["b", "c", "a"]
    assert _is_over(project)


def test_nothing_done_and_something_failed_ends_with_1(project: Repo) -> None:
    _plans(project, a=[UNLESS], b=[UNLESS])

    project.peal(*RUN, "--auto-advance", code=1)


def test_a_plan_that_is_held_does_not_hang_the_others(project: Repo, out: Path) -> None:
    """Nothing has failed, so that is 4; it is gone on with when the way is made."""
    _plans(project, a=["echo new > mine.txt"], b=[_write("b")])
    project.write("mine.txt", "of the person")

    done = project.peal(*RUN, "--auto-advance", code=4)
    (project.path / "mine.txt").unlink()
    again = project.peal("resume")

    assert "plan 1 of 2, plans/a.md, is held: task 1 is held; next: plan 2 of 2, plans/b.md" in done.stdout
    assert _told(done.stdout) == [
        "batch: 1 of 2 plans done, 1 held",
        "plans/a.md: held (task 1 is held)",
        "plans/b.md: done",
    ]
    assert _told(again.stdout)[0] == "batch: 2 of 2 plans done"
    assert _order(out) == ["b"]
    assert _is_over(project)


def test_findings_that_were_let_through_are_mended_by_retry_failed(project: Repo, out: Path) -> None:
    """A plan that is done with findings is no failure, and the batch is not clean."""
    project.write("peal.toml", "[[reviewers]]\nname = 'r'\ncommand = 'test -e ok.txt'\n")
    _plans(
        project, a=["echo a > a.txt\n```\n\n```sh address\ntest -e ../../../mended && touch ok.txt || true"]
    )
    project.git("add", ".")
    project.git("commit", "-qm", "settings")
    _plans(project, b=["touch ok.txt"])

    first = project.peal(*RUN, "--profile", "tolerant", code=2)
    project.write("mended", "")
    second = project.peal("resume", "--retry-failed")

    assert "plans/a.md: done, with findings" in _told(first.stdout)
    assert _told(second.stdout)[0] == "batch: 2 of 2 plans done"
    assert _is_over(project)


def test_a_plan_that_was_done_before_is_skipped_and_told(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    project.peal("run", "plans/a.md", "--agent", "shell")

    done = project.peal(*RUN)

    assert _told(done.stdout)[1:] == ["plans/a.md: done already", "plans/b.md: done"]
    assert _order(out) == ["a", "b"]


def test_a_failed_plan_that_was_done_by_itself_since_is_done(project: Repo, out: Path) -> None:
    _plans(project, a=[f"{UNLESS} || exit 1; {_write('a')}"], b=[_write("b")])
    project.peal(*RUN, "--auto-advance", code=2)
    project.write("mended", "")
    project.peal("run", "plans/a.md", "--agent", "shell")

    done = project.peal(*RUN)

    assert _told(done.stdout)[0] == "batch: 2 of 2 plans done"
    assert _order(out) == ["b", "a"]
    assert _is_over(project)


def test_a_persons_word_on_a_plan_of_the_batch_counts(project: Repo, out: Path) -> None:
    """What they take as done is done, what they have done again comes again."""
    _plans(project, a=[UNLESS], b=[f'{_write("b")}; [ "$(wc -l < "$OUT/order")" = 1 ] || touch again.txt'])
    project.peal(*RUN, "--auto-advance", code=2)

    project.peal("redo", "1", "--plan", "plans/b.md")
    project.peal(*RUN, code=2)
    project.peal("done", "1", "--plan", "plans/a.md")
    done = project.peal(*RUN)

    assert _order(out) == ["b", "b"]
    assert _told(done.stdout)[0] == "batch: 2 of 2 plans done"
    assert _is_over(project)


def test_a_plan_that_was_run_to_its_end_since_does_not_hide_the_batch(project: Repo, out: Path) -> None:
    _plans(project, a=[UNLESS], b=[_write("b")])
    project.peal(*RUN, code=1)
    project.write("x.md", shell_plan(_write("x")))
    project.peal("run", "x.md", "--agent", "shell")

    done = project.peal("resume", code=2)

    assert "going on with the batch" in done.stdout
    assert _order(out) == ["x", "b"]


# Plans whose files have changed


def test_a_plan_that_is_done_may_be_gone(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[UNLESS], c=[_write("c")])
    words = ("run", "plans/a.md", "plans/b.md", "plans/c.md", "--agent", "shell")
    project.peal(*words, code=2)
    (project.path / "plans/a.md").unlink()

    done = project.peal(*words, code=2)

    assert _told(done.stdout)[0] == "batch: 2 of 3 plans done, 1 failed"
    assert _order(out) == ["a", "c"]


def test_a_plan_that_is_gone_does_not_keep_the_others_from_their_turn(project: Repo, out: Path) -> None:
    """Where the batch goes on behind what fails; else that is how it would."""
    _plans(project, a=[UNLESS], b=[_write("b")], c=[_write("c")])
    project.peal(*RUN, code=1)
    (project.path / "plans/b.md").unlink()

    refused = project.peal("resume", code=1)
    shown = project.peal("resume", "--auto-advance", "--dry-run", code=1)
    done = project.peal("resume", "--auto-advance", code=2)

    assert "plans/b.md` cannot be read" in refused.stderr
    assert "; `--auto-advance` goes on with the next, plans/c.md" in refused.stderr
    assert shown.stdout.index("plans/b.md` cannot be read") < shown.stdout.index("plan 3 of 3, plans/c.md")
    assert "plan 2 of 3, plans/b.md, failed: plan `" in done.stdout
    assert _order(out) == ["c"]


@pytest.mark.parametrize(
    "again", [("resume",), *later((("run", "plans/new.md", "--agent", "shell"),), (RUN,))]
)
def test_a_plan_whose_file_was_renamed_keeps_its_place(
    project: Repo, out: Path, again: tuple[str, ...]
) -> None:
    """Also where its memory has followed before the batch is gone on with."""
    process = _begun(project)
    eventually((out / "begun-2").exists)
    session = _progress(project)["session_id"]
    process.kill()
    process.wait(30)
    eventually(lambda: not carriers("PEAL_RUN_ID", session))
    (out / "go").touch()
    project.git("mv", "plans/b.md", "plans/new.md")
    project.git("commit", "-qm", "renamed")

    done = project.peal(*again)
    if not _is_over(project):
        done = project.peal("resume")

    assert _told(done.stdout)[0] == "batch: 3 of 3 plans done"
    assert "plans/new.md: done" in "\n".join(_told(done.stdout))
    assert "added at its end" not in done.stdout
    assert _order(out) == ["a", "b0", "b", "b2", "c"]
    assert _is_over(project)


# Whatever ends it


def _begun(project: Repo, *flags: str) -> Process:
    """A batch of three whose second plan waits."""
    _plans(
        project, a=[_write("a")], b=[_write("b0"), f"{WAIT}; {_write('b')}", _write("b2")], c=[_write("c")]
    )
    return project.start(*RUN, *flags)


def _kill_while_it_waits(project: Repo, out: Path, process: Process) -> None:
    """Kill it when its second plan waits; what it had started is gone by then, and nothing waits any more."""
    eventually((out / "begun-2").exists)
    session = _progress(project)["session_id"]
    process.kill()
    process.wait(30)
    eventually(lambda: not carriers("PEAL_RUN_ID", session))
    (out / "go").touch()


@pytest.mark.parametrize(
    ("number", "code", "again"),
    sample(
        {
            f"{number.name}-{again[0]}": (number, code, again)
            for number, code in (
                (signal.SIGINT, 130),
                (signal.SIGTERM, 143),
                (signal.SIGHUP, 129),
                (signal.SIGKILL, -9),
            )
            for again in (RUN, ("resume",))
        },
        f"SIGINT-{RUN[0]}",
        "SIGKILL-resume",
    ),
)
def test_a_batch_goes_on_where_it_was_ended(
    project: Repo, out: Path, number: int, code: int, again: tuple[str, ...]
) -> None:
    """What is done is not looked at again, what was at work goes on by its phase, and the order stays."""
    process = _begun(project)
    eventually((out / "begun-2").exists)
    session = _progress(project)["session_id"]
    # A plan that is done is not even read again.
    (project.path / "plans/a.md").write_text("no plan any more")

    process.send_signal(number)
    assert process.wait(30) == code
    before = _progress(project)
    eventually(lambda: not carriers("PEAL_RUN_ID", session))  # what it had started ends with it
    (out / "go").touch()
    done = project.peal(*again)

    assert [one["plan"] for one in before["running"]] == ["plans/b.md"]
    assert (before["completed"], before["queued"]) == (["plans/a.md"], ["plans/c.md"])
    assert "going on with the batch begun" in done.stdout
    assert _told(done.stdout)[0] == "batch: 3 of 3 plans done"
    assert _order(out) == ["a", "b0", "b", "b2", "c"]
    assert len(landed(project)) == 5
    assert carriers("PEAL_RUN_ID", session) == []
    assert _is_over(project)


def test_a_signal_while_a_command_after_a_plan_runs_ends_the_batch(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    project.write("peal.toml", """post_run_commands = ["sh -c 'touch $OUT/begun; sleep 790'"]\n""")
    process = project.start(*RUN)
    eventually((out / "begun").exists)

    process.send_signal(signal.SIGINT)
    said = ended(process, 130)

    assert "failed: interrupted" in said
    assert _told(said) == ["batch: interrupted", "plans/a.md: done", "plans/b.md: not reached"]
    assert _order(out) == ["a"]


def test_a_live_batch_refuses_a_second_run(project: Repo, out: Path) -> None:
    process = _begun(project)
    eventually((out / "begun-2").exists)

    refused = project.peal(*RUN, "--no-resume", code=5)
    alone = project.peal("run", "plans/c.md", "--agent", "shell", code=5)
    seen = json.loads(project.peal("status", "--json").stdout)
    listed = project.peal("runs").stdout
    stopped = project.peal("stop")

    assert "another peal is at work" in refused.stderr + alone.stderr
    assert [one["plan"] for one in seen["batch"]["running"]] == ["plans/b.md"]
    assert listed.startswith("batch: 1 of 3 plans done, 1 running, 1 queued\n  plans/a.md: done\n")
    assert "stopped" in stopped.stdout
    assert "plans/c.md: not reached" in _told(ended(process, 130))


def test_one_plan_beside_an_unfinished_batch_runs_alone(project: Repo, out: Path) -> None:
    """A list that shares no plan with the batch is refused; `--no-resume` leaves the batch aside and says where."""
    _plans(project, a=[UNLESS], b=[_write("b")])
    project.peal(*RUN, code=1)
    project.write("x.md", shell_plan(_write("x")))
    project.write("y.md", shell_plan(_write("y")))

    project.peal("run", "x.md", "--agent", "shell")
    kept = _progress(project)
    refused = project.peal("run", "x.md", "y.md", "--agent", "shell", code=1)
    anew = project.peal("run", "x.md", "y.md", "--agent", "shell", "--no-resume")

    assert kept["queued"] == ["plans/b.md"]
    assert "a batch is unfinished here" in refused.stderr
    assert "`peal resume` goes on with it, `--no-resume` leaves it aside" in refused.stderr
    assert "starting over; how far the batch before was is kept in `" in anew.stdout
    aside = next((project.path / ".peal").glob("batch-progress.before-*.json"))
    assert json.loads(aside.read_text())["queued"] == ["plans/b.md"]
    assert _order(out) == ["x", "x", "y"]


def test_starting_over_survives_a_kill(project: Repo, out: Path) -> None:
    """A plan whose turn had not come yet still starts over when the batch is gone on with."""
    process = _begun(project)
    eventually((out / "begun-2").exists)
    (out / "go").touch()
    ended(process, 0)
    for name in ("go", "begun-2"):
        (out / name).unlink()

    process = project.start(*RUN, "--fresh")
    _kill_while_it_waits(project, out, process)
    project.peal("resume")

    assert _order(out) == ["a", "b0", "b", "b2", "c"] * 2


def test_resume_takes_up_what_was_run_last(project: Repo, out: Path) -> None:
    _plans(project, a=[UNLESS], b=[_write("b")])
    project.peal(*RUN, code=1)
    project.write("x.md", shell_plan(f"{UNLESS} || exit 1; {_write('x')}"))
    project.peal("run", "x.md", "--agent", "shell", code=1)
    project.write("mended", "")

    project.peal("resume")
    first = _order(out)
    project.peal("resume", "--retry-failed")

    assert first == ["x"]
    assert _order(out) == ["x", "b"]


def test_an_old_batch_is_gone_on_with_and_says_how_old_it_is(project: Repo, out: Path) -> None:
    _plans(project, a=[UNLESS], b=[_write("b")])
    project.peal(*RUN, code=1)
    path = project.path / ".peal/batch-progress.json"
    found = _progress(project)
    for name in ("started_at", "updated_at"):
        found[name] = "2026-01-02T03:04:05.000+00:00"
    path.write_text(json.dumps(found))

    done = project.peal(*RUN, code=2)

    assert " days ago, left " in done.stdout
    assert _order(out) == ["b"]


def test_a_progress_that_cannot_be_understood_is_told_and_kept(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    path = project.path / ".peal/batch-progress.json"
    path.parent.mkdir()
    path.write_text('{"schema_version": 1}')

    refused = project.peal(*RUN, code=1)
    seen = project.peal("runs")
    done = project.peal(*RUN, "--no-resume")

    assert "batch-progress.json` cannot be understood: `session_id` is missing" in refused.stderr
    assert "--no-resume` starts over" in refused.stderr
    assert "cannot be understood" in seen.stderr
    assert "is kept in `" in done.stdout
    assert _order(out) == ["a", "b"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            '_at": "',
            '_at": "2026-01-02T03:04:05", "x": "',
            "2026-01-02T03:04:05` does not say in which time zone",
        ),
        *later(("plans/b.md", "", "a name that no file can have")),
        ("plans/b.md", "b\\u0000", "a name that no file can have"),
    ],
)
def test_what_a_person_has_made_of_a_progress_is_told(
    project: Repo, before: str, after: str, told: str
) -> None:
    _plans(project, a=[UNLESS], b=["true"])
    project.peal(*RUN, code=1)
    project.write(
        ".peal/batch-progress.json", project.read(".peal/batch-progress.json").replace(before, after)
    )

    assert told in project.peal("resume", code=1).stderr
    assert told in project.peal("doctor", code=1).stdout


def test_a_batch_that_cannot_be_remembered_is_not_begun(
    project: Repo, out: Path, unprivileged: tuple[str, ...]
) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    project.write(".peal/.gitignore", "*")
    (project.path / ".peal").chmod(0o555)
    project.before = unprivileged
    try:
        refused = project.peal(*RUN, code=1)
    finally:
        (project.path / ".peal").chmod(0o755)

    assert "make it writable" in refused.stderr
    assert _order(out) == []


def test_a_full_disk_ends_the_batch_and_loses_nothing(project: Repo, out: Path) -> None:
    """What cannot be remembered any more ends what runs; with room again it goes on where it was."""
    process = _begun(project)
    eventually((out / "begun-2").exists)
    # Who may not make a new file cannot replace one either.
    progress = project.path / ".peal/batch-progress.json"
    blocked = [progress.with_name(f"{progress.name}.{process.pid}.new")]
    for path in blocked:
        path.mkdir()
    (out / "go").touch()
    said = ended(process, 1)
    for path in blocked:
        path.rmdir()
    again = project.peal("resume")

    assert "batch-progress.json`: Is a directory; make room or make it writable, then `peal resume`" in said
    assert _told(again.stdout)[0] == "batch: 3 of 3 plans done"
    assert _order(out) == ["a", "b0", "b", "b2", "c"]


# Several at once


def test_jobs_work_at_several_plans_at_once(project: Repo, out: Path) -> None:
    """Each of two waits for the other; the steps of all share the places; lines tell the plan."""
    meet = 'touch "$OUT/{0}"; until [ -e "$OUT/{1}" ]; do sleep 0.02; done; echo {0} > {0}.txt'
    _plans(project, a=[meet.format("a", "b")], b=[meet.format("b", "a")], c=[_write("c")])

    done = project.peal(*RUN, "--jobs", "2")

    assert "plans/b.md: task 1 complete: landed in `main`" in done.stdout
    assert _told(done.stdout)[0] == "batch: 3 of 3 plans done"
    assert len(landed(project)) == 3


def test_places_are_for_all_plans_together(project: Repo, out: Path) -> None:
    """Two plans of two tasks each, side by side, and two places."""
    busy = (
        '(parallel) mkdir "$OUT/at-$$"; ls -d "$OUT"/at-* | wc -l >> "$OUT/most"; sleep 0.2; rmdir "$OUT/at-$$"; '
        "touch {}-$PEAL_TASK.txt"
    )
    _plans(project, a=[busy.format("a")] * 2, b=[busy.format("b")] * 2)

    project.peal(*RUN, "--jobs", "2", "--max-parallel", "2")

    most = max(map(int, (out / "most").read_text().split()))
    assert most == 2


def test_a_failed_plan_lets_those_at_work_come_to_their_end(project: Repo, out: Path) -> None:
    until_told = f'until grep -q reason "$REPO/.peal/batch-progress.json"; do sleep 0.02; done; {_write("b")}'
    _plans(project, a=["false"], b=[until_told], c=[_write("c")])

    done = project.peal(*RUN, "--jobs", "2", code=2)

    assert _told(done.stdout)[1:] == [
        "plans/a.md: failed (task 1 failed)",
        "plans/b.md: done",
        "plans/c.md: not reached",
    ]
    assert _order(out) == ["b"]


def _branches(project: Repo) -> dict[str, list[str]]:
    """The files that each of the branches of a batch has of its own."""
    names = project.git("for-each-ref", "--format=%(refname:short)", "refs/heads/own").split()
    return {
        name: project.git("diff", "--name-only", "main", name, "--", ":(exclude)plans").split()
        for name in names
    }


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_plan_can_have_a_branch_of_its_own(project: Repo, out: Path, jobs: str) -> None:
    """Plans neither mix nor wait for each other, and the person's tree is not touched, whatever is in it."""
    _plans(project, a=[_write("a")], b=[_write("b"), "echo more > more.txt"])
    project.write("a.txt", "of the person")
    before = project.git("status", "--porcelain"), project.git("rev-parse", "HEAD")

    project.peal(*RUN, "--jobs", jobs, "--branch", "own/{plan}")

    assert _branches(project) == {"own/a": ["a.txt"], "own/b": ["b.txt", "more.txt"]}
    assert (project.git("status", "--porcelain"), project.git("rev-parse", "HEAD")) == before
    shown = project.peal("diff", "--plan", "plans/b.md", "--stat").stdout
    assert "more.txt" in shown
    assert "a.txt" not in shown


def test_a_batch_goes_on_in_the_branches_it_began_in(project: Repo, out: Path) -> None:
    process = _begun(project, "--branch", "own/{plan}")
    _kill_while_it_waits(project, out, process)

    project.peal("resume")

    assert _branches(project) == {
        "own/a": ["a.txt"],
        "own/b": ["b.txt", "b0.txt", "b2.txt"],
        "own/c": ["c.txt"],
    }
    assert landed(project) == []


def test_plans_that_would_land_in_the_same_branch_are_refused(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")])
    project.write("more/a.md", shell_plan(_write("more")))

    words = ("run", "plans/a.md", "more/a.md", "--agent", "shell", "--branch", "own/{plan}")
    refused = project.peal(*words, code=1)
    shown = project.peal(*words, "--dry-run", code=1)

    told = "`plans/a.md` and `more/a.md` would both land in `own/a`"
    assert told in refused.stderr
    assert told in shown.stderr
    assert _order(out) == []


def test_json_tells_of_which_plan_each_event_is(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])

    lines = [json.loads(line) for line in project.peal(*RUN, "--json").stdout.splitlines()]

    opened = [line["plan"] for line in lines if line["event"] == "RunOpened"]
    moved = [line["batch"] for line in lines if line["event"] == "BatchMoved"]
    assert opened == ["plans/a.md", "plans/b.md"]
    assert moved[-1]["completed"] == ["plans/a.md", "plans/b.md"]
    assert all(line.get("plan") or line["event"] in ("Said", "BatchMoved") for line in lines)


def test_a_summary_of_the_batch_is_written_where_asked_for(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=["false"])

    project.peal(*RUN, "--run-summary-path", "../summary.json", code=2)

    found = json.loads((project.path.parent / "summary.json").read_text())
    assert found["exit_code"] == 2
    assert found["completed"] == ["plans/a.md"]
    assert found["failed"] == {"plans/b.md": "task 1 failed"}
    own = [
        json.loads(path.read_text()) for path in sorted((project.path / ".peal").glob("*/run_summary.json"))
    ]
    assert [one["plan_path"] for one in own] == ["plans/a.md", "plans/b.md"]


def test_commands_after_a_run_are_run_for_each_plan(project: Repo, out: Path) -> None:
    _plans(project, a=[_write("a")], b=[_write("b")])
    project.write("peal.toml", """post_run_commands = ["sh -c 'echo after >> $OUT/order'"]\n""")

    project.peal(*RUN)
    one_by_one = _order(out)
    project.peal(*RUN, "--jobs", "2", "--fresh")

    assert one_by_one == ["a", "after", "b", "after"]
    assert sorted(_order(out)[4:]) == ["a", "after", "after", "b"]


def _orders(project: Repo, **plans: str) -> None:
    """Plans of one task each, which are orders to the stand-ins for agents; see tests/fakes/cli.py."""
    for name, orders in plans.items():
        project.write(f"plans/{name}.md", f"# A plan\n\n## Task 1: {name}\n\n{orders}\n")
    project.git("add", "plans")
    project.git("commit", "-qm", "plans")


def test_a_limit_that_one_plan_met_is_known_to_the_next(project: Repo, clis: Callable[..., Clis]) -> None:
    """The agent is not asked again; the batch is paused, for nothing has failed."""
    cli = clis("claude")
    _orders(project, a="plan: FAIL LIMIT for 300", b="execute: WRITE b.txt: b")

    done = project.peal("run", "plans", "--agent", "claude", "--no-wait", "--auto-advance", code=4)

    assert _told(done.stdout)[0] == "batch: 0 of 2 plans done, 2 held"
    assert len(cli.calls()) == 1


def test_what_was_spent_before_a_kill_counts_on(project: Repo, clis: Callable[..., Clis]) -> None:
    """The budget is the batch's: what a plan has used that is done by now is not forgotten by a resume."""
    cli = clis("claude")
    _orders(project, a="execute: WRITE a.txt: a", b="plan: GATE in-b", c="execute: WRITE c.txt: c")
    process = project.start("run", "plans", "--agent", "claude", "--max-tokens", "1000000")
    eventually(lambda: cli.has_begun("in-b"))
    process.kill()
    process.wait(30)
    cli.open("in-b")
    before = len(cli.calls())

    project.peal("resume", "--max-tokens", "2000", code=4)

    assert len(cli.calls()) == before


def test_what_failed_plans_have_spent_counts_for_those_behind(
    project: Repo, clis: Callable[..., Clis]
) -> None:
    cli = clis("claude")
    _orders(project, a="execute: WRITE a.txt: a", b="execute: DIE HOME", c="execute: WRITE c.txt: c")
    project.peal("run", "plans", "--agent", "claude", "--max-tokens", "1000000", code=2)
    before = len(cli.calls())

    done = project.peal("resume", "--max-tokens", "2000", code=2)

    assert "plans/c.md: held (paused: " in done.stdout
    assert len(cli.calls()) == before


# The file


names = st.text("ab/.- ü\n\udcff", min_size=1, max_size=4)
"""Names of files, with what may be in them, bytes that are no text included."""


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A batch after any row of changes."""
    plans = tuple(draw(st.lists(names, min_size=1, max_size=5, unique=True)))
    at = "2026-11-29T10:00:00.000+00:00"
    batch = Batch(
        "s", BatchOwner(1, "b", "h"), at, at, plans, plans, flags={"agent": "shell", "sets": ["a=1"]}
    )
    for _ in range(draw(st.integers(0, 12))):
        plan, some = draw(st.sampled_from(batch.plans)), draw(st.sets(st.sampled_from(batch.plans)))
        changed = (
            batch.started(plan, draw(st.floats(0, 2e9))),
            batch.opened(plan),
            batch.ended_complete(plan, draw(st.booleans())),
            batch.ended_failed(plan, draw(st.text())),
            batch.ended_held(plan, draw(st.text())),
            batch.ended_skipped(plan),
            batch.queued_again(some),
            batch.moved_to_end(some),
            batch.with_added([draw(names)]),
        )
        batch = draw(st.sampled_from(changed))
    return batch


@given(batch=batches())
def test_what_is_written_is_read_as_the_same(batch: Batch, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / f"batch-{os.getpid()}.json"

    written = batch_file.write(path, batch)

    assert batch_file.read(path) == written


@given(batch=batches(), data=st.data())
def test_what_contradicts_itself_is_not_read(
    batch: Batch, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A plan in two lists or in none, a text for a number, a name for a list: never taken for what it is not."""
    path = tmp_path_factory.getbasetemp() / f"damaged-{os.getpid()}.json"
    batch_file.write(path, batch)
    record = json.loads(path.read_text())
    name = data.draw(st.sampled_from(sorted(record)))
    record[name] = data.draw(st.sampled_from(("x", 7, None, ["no such plan"], {"a": 1})))
    path.write_text(json.dumps(record))

    try:
        found = batch_file.read(path)
    except Damaged:
        return
    assert found is not None
    assert json.loads(json.dumps(batch_file.record_of(found))) == record
