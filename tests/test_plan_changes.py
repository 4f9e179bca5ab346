"""What changes between two runs: files that other programs have saved, tasks that are put in, plans that are moved."""

import codecs
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import Repo, branches, commit_plan, examples, landed, later, run_plan, shell_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import tasks_of

from peal.record.alignment import Alignment, Known, Read, align
from peal.record.events import PlanRead, TasksMarkedDone, written
from peal.record.events import read as read_event
from peal.record.history import fold
from peal.record.task_state import DONE
from peal.system.layout import RepoPaths

# Files that other programs have saved


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_settings_and_plan_may_begin_with_a_byte_order_mark(project: Repo, line_end: str) -> None:
    """As Notepad saves them, whatever ends their lines."""
    settings = f"# ours{line_end}agent = 'shell'{line_end}"
    plan = shell_plan("touch a", "touch b").replace("\n", line_end)
    (project.path / "peal.toml").write_bytes(codecs.BOM_UTF8 + settings.encode())
    (project.path / "plan.md").write_bytes(codecs.BOM_UTF8 + plan.encode())

    project.peal("run", "plan.md")

    assert landed(project) == ["1", "2"]


def test_settings_keep_their_byte_order_mark_when_a_key_is_set(project: Repo) -> None:
    path = project.path / "peal.toml"
    path.write_bytes(codecs.BOM_UTF8 + b"# ours\r\nmodel = 'x'\r\n")

    project.peal("config", "max_parallel", "2")

    assert path.read_bytes() == codecs.BOM_UTF8 + b"# ours\r\nmodel = 'x'\r\nmax_parallel = 2\r\n"
    assert project.peal("config", "model").stdout == "x\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", *later("utf-16-be")])
def test_what_is_saved_as_utf_16_is_told_by_that_name(project: Repo, encoding: str) -> None:
    """Settings, a plan, and a prompt of one's own."""
    plan = project.write("plan.md", shell_plan("touch a"))
    settings = project.write("peal.toml", "agent = 'shell'\n")

    settings.write_bytes(settings.read_text().encode(encoding))
    assert "peal.toml: cannot be read: it is UTF-16; save it as UTF-8" in _refused(project)
    settings.write_text("agent = 'mine'\nnormalize_plan = true\nnormalize_prompt_path = 'prompt.md'\n")
    with settings.open("a") as file:
        file.write("[agents.mine]\ncommand = 'cat {prompt_file}'\n")
    prompt = project.write("prompt.md", "Rewrite {{DOC}}")

    plan.write_bytes(plan.read_text().encode(encoding))
    assert "plan.md` is UTF-16" in _refused(project)
    assert "line 1: the file is UTF-16; save it as UTF-8" in project.peal("check", "plan.md", code=1).stdout

    plan.write_text("Some wishes.\n")
    prompt.write_bytes(prompt.read_text().encode(encoding))
    assert "cannot be read: it is UTF-16; save it as UTF-8" in _refused(project)


def _refused(project: Repo, *flags: str) -> str:
    return project.peal("run", "plan.md", *flags, code=1).stderr


# Tasks with the same words


def _listed(*titles: str) -> str:
    """A plain list whose tasks all say the same script but for these titles: each notes that it was carried out."""
    return "".join(
        f'- [ ] {title}\n  ```sh\n  echo {title.split()[0]} >>"$OUT/log"\n  ```\n' for title in titles
    )


def _carry_out(project: Repo, *flags: str, code: int = 0) -> str:
    done = project.peal("run", "plan.md", "--agent", "shell", "--no-commit", *flags, code=code)
    return done.stdout + done.stderr


def _log(out: Path) -> list[str]:
    found = (out / "log").read_text().split()
    (out / "log").unlink()
    return found


def test_a_task_that_is_taken_out_takes_nobody_elses_place(project: Repo, out: Path) -> None:
    """Of three with the same words the first goes; the last was never run."""
    project.write("plan.md", _listed("a", "test", "b", "test", "c", "test"))
    _carry_out(project, "--task", "1-5")
    assert _log(out) == ["a", "test", "b", "test", "c"]
    project.write("plan.md", _listed("a", "b", "test", "c", "test"))

    said = _carry_out(project)

    assert _log(out) == ["test"]
    assert "task 5" in said


def test_what_is_put_in_between_is_carried_out_and_nothing_else(project: Repo, out: Path) -> None:
    """Told apart by what they stand behind, and that is said once."""
    project.write("plan.md", _listed("a", "test", "b", "test"))
    _carry_out(project)
    _log(out)
    project.write("plan.md", _listed("a", "test", "new", "test", "b", "test"))

    said = _carry_out(project)
    again = _carry_out(project)

    assert _log(out) == ["new", "test"]
    told = (
        "task 2, 4, 6 have the same words: `test`; by what stands before them 2, 6 is complete and 4 is not"
    )
    assert told in said
    assert told not in again


def test_where_it_cannot_be_told_which_is_done_a_person_is_asked(project: Repo, out: Path) -> None:
    """And nothing is recorded: the journal is as it was."""
    project.write("plan.md", _listed("a", "test", "b", "test", "c"))
    _carry_out(project, "--task", "1-3")
    _log(out)
    project.write("plan.md", _listed("a", "test", "c"))
    journal = project.memory() / "journal.jsonl"
    before = journal.read_bytes()

    refused = _carry_out(project, code=1)
    rehearsed = _carry_out(project, "--dry-run", code=1)

    assert (
        refused
        == rehearsed
        == (
            "error: plan `plan.md` has changed, and task 2 has words that others had too: `test`; it cannot be told which are "
            "done: `peal done` with the ids of all that are, `peal redo` with those of all that are not, or give them words of "
            "their own\n"
        )
    )
    assert journal.read_bytes() == before


@pytest.mark.parametrize(("word", "left"), [("done", ["c"]), ("redo", ["test", "c"])])
def test_a_persons_word_settles_it(project: Repo, out: Path, word: str, left: list[str]) -> None:
    project.write("plan.md", _listed("a", "test", "b", "test", "c"))
    _carry_out(project, "--task", "1-3")
    _log(out)
    project.write("plan.md", _listed("a", "test", "c"))

    project.peal(word, "2")
    _carry_out(project)

    assert _log(out) == left


def test_words_of_their_own_settle_it_too(project: Repo, out: Path) -> None:
    """What reads differently is a task of its own, and to do."""
    project.write("plan.md", _listed("a", "test", "b", "test", "c"))
    _carry_out(project, "--task", "1-3")
    _log(out)
    project.write("plan.md", _listed("a", "test again", "c"))

    _carry_out(project)

    assert _log(out) == ["test", "c"]


def test_done_tells_the_complete_ones_from_the_others(project: Repo, out: Path) -> None:
    """One was taken out, and another with the same words put in elsewhere, or it was moved: nobody can tell."""
    project.write("plan.md", _listed("a", "test", "b", "test"))
    _carry_out(project)
    _log(out)
    project.write("plan.md", _listed("a", "b", "test", "c", "test"))

    refused = _carry_out(project, code=1)
    project.peal("done", "3")
    _carry_out(project)

    assert "task 3, 5 have the same words: `test`; it cannot be told which are done" in refused
    assert _log(out) == ["c", "test"]


def test_a_summary_is_written_also_of_a_run_that_has_to_ask(project: Repo, out: Path) -> None:
    project.write("plan.md", _listed("test", "test"))
    _carry_out(project, "--task", "1")
    project.write("plan.md", _listed("test"))

    _carry_out(project, code=1)

    assert '"exit_code": 1' in (project.memory() / "run_summary.json").read_text()


_Labelled = tuple[str, int]
"""A task's words, and which task it is, which nobody can see."""


def _aligned(old: list[_Labelled], done: set[int], new: list[_Labelled]) -> Alignment:
    known = [Known(str(at), text, DONE * (label in done)) for at, (text, label) in enumerate(old)]
    return align(known, [Read(str(at), text) for at, (text, _) in enumerate(new)])


@st.composite
def _changes(draw: st.DrawFn) -> tuple[list[_Labelled], set[int], list[_Labelled]]:
    """A row of tasks, some of them done, and the row after some were put in, or some taken out, or one was moved."""
    old = [(text, label) for label, text in enumerate(draw(st.lists(st.sampled_from("abTTU"), max_size=8)))]
    done = draw(st.sets(st.integers(0, 7)))
    new, kind = list(old), draw(st.sampled_from(["put in", "take out", "move"]))
    for number in range(draw(st.integers(1, 3)) if kind != "move" else 1):
        if kind == "put in":
            new.insert(draw(st.integers(0, len(new))), (draw(st.sampled_from("abTTUn")), 100 + number))
        elif new:
            moved = new.pop(draw(st.integers(0, len(new) - 1)))
            if kind == "move":
                new.insert(draw(st.integers(0, len(new))), moved)
    return old, done, new


@settings(max_examples=examples(400), deadline=None)
@given(_changes())
def test_no_task_is_skipped_and_none_done_twice(
    change: tuple[list[_Labelled], set[int], list[_Labelled]],
) -> None:
    """Of those with the same words as many are still done as were and are still there; or a person is asked."""
    old, done, new = change

    found = _aligned(old, done, new)

    used = [int(at) for at in found.known_as if at is not None]
    assert len(used) == len(set(used))
    if not found.unclear:
        counted = Counter(old[at][0] for at in used if old[at][1] in done)
        assert counted == Counter(text for text, label in new if label in done)


@settings(max_examples=examples(200), deadline=None)
@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 9)))
def test_a_task_whose_words_are_its_own_is_known_wherever_it_moved(
    order: list[int], done: set[int], kept: set[int]
) -> None:
    old = [(f"task {label}", label) for label in range(8)]
    new = [(f"task {label}", label) for label in order if label in kept] + [("new", 100)]

    found = _aligned(old, done, new)

    assert found == Alignment((*(str(label) for _, label in new[:-1]), None))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row,
        lambda row: [*row[1:5000], "new", "test", *row[5000:]],
        lambda row: ["test" for _ in row],
        *later(lambda row: ["new", *row], lambda row: row[5000:] + row[:5000]),
    ],
)
def test_ten_thousand_tasks_are_told_apart_in_no_time(change) -> None:
    """A third of them have the same words; where too many pairs would have to be looked at, a person is asked."""
    row = [f"task {at}" if at % 3 else "test" for at in range(10_000)]
    known = [Known(str(at), text, DONE * (at < 5000)) for at, text in enumerate(row)]
    began = time.process_time()

    align(known, [Read(str(at), text) for at, text in enumerate(change(row))])

    assert time.process_time() - began < 10


def test_a_journal_that_does_not_say_which_task_is_which_means_what_it_meant() -> None:
    """Those with the same words were given out in order."""
    first, again = tasks_of("1=test 2=a 3=test"), tasks_of("1=a 2=test 3=test")
    events = [PlanRead(1.0, first), TasksMarkedDone(2.0, ("3",), "peal done"), PlanRead(3.0, again)]

    history = fold(map(read_event, map(written, events)))

    assert history.completed == {"3"}
    assert "known_as" not in written(events[2])


# What looks like a task


@pytest.mark.parametrize(
    "plan",
    [
        "- [ ] one\n- [\u00a0] two\n-\u202f[  ] three\n",
        "## Task 1: one\n\n##\u00a0Task 2: two\n\n＃＃　Ｔａｓｋ　３：three\n",
    ],
)
def test_a_task_written_with_odd_blanks_is_carried_out(project: Repo, out: Path, plan: str) -> None:
    script = '\n```sh\necho $PEAL_TASK >>"$OUT/log"\n```\n'
    indented = script.replace("\n", "\n  ") if plan.startswith("-") else script
    project.write("plan.md", "".join(f"{line}{indented}\n" for line in plan.splitlines() if line))

    _carry_out(project)

    assert _log(out) == ["1", "2", "3"]


@pytest.mark.parametrize("line", ["☐ three", "- ☐ three", "- [ ]three", "[ ] three", "- \\[ \\] three"])
def test_a_plan_with_something_that_looks_like_a_task_is_refused_with_the_line(
    project: Repo, line: str
) -> None:
    project.write("plan.md", f"- [ ] one\n- [ ] two\n\n{line}\n")

    refused = _carry_out(project, code=1)

    assert f"plan `plan.md` line 4: `{line}` looks like a task" in refused


def test_a_heading_without_its_blank_stops_the_plan(project: Repo) -> None:
    project.write("plan.md", shell_plan("touch a", "touch b").replace("## Task 2", "##Task 2"))

    assert "line 9: `##Task 2: number 2` looks like a task heading" in _carry_out(project, code=1)


# A plan whose file was moved


def _three(project: Repo, out: Path, *flags: str) -> None:
    """A plan of three tasks that note that they were carried out, of which two have landed."""
    scripts = (f'echo {number} >>"$OUT/log"; touch {number}' for number in (1, 2, 3))
    commit_plan(project, *scripts)
    run_plan(project, "--task", "1-2", *flags)
    assert _log(out) == ["1", "2"]


def _run(project: Repo, plan: str, *flags: str, code: int = 0) -> str:
    done = project.peal("run", plan, "--agent", "shell", *flags, code=code)
    return done.stdout + done.stderr


TAKEN_OVER = "`plan.md` is gone, and the tasks it held are those of `done/old plan.md`: going on with what"


def _move(project: Repo, to: str = "done/old plan.md") -> None:
    (project.path / to).parent.mkdir(exist_ok=True)
    project.git("mv", "plan.md", to)
    project.git("commit", "-qam", "moved")


def test_a_plan_that_was_moved_goes_on_where_it_stopped(project: Repo, out: Path) -> None:
    """It is said once; the memory has the plan's new name from then on."""
    _three(project, out)
    _move(project)
    assert "2 done" in project.peal("status", "done/old plan.md").stdout
    assert "new file" in project.peal("diff", "1", "--plan", "done/old plan.md").stdout
    assert "== task 1 execute" in project.peal("logs", "1", "--plan", "done/old plan.md").stdout

    said = _run(project, "done/old plan.md")
    again = _run(project, "done/old plan.md")

    assert _log(out) == ["3"]
    assert (TAKEN_OVER in said, TAKEN_OVER in again) == (True, False)
    assert project.memory().name.startswith("old-plan-")
    assert "done/old plan.md  3 of 3 complete" in project.peal("runs").stdout


def test_a_resume_without_a_plan_finds_the_file_where_it_is_now(project: Repo, out: Path) -> None:
    """Edited meanwhile, too."""
    _three(project, out)
    _move(project)
    text = project.read("done/old plan.md")
    project.write("done/old plan.md", text.replace("touch 3", "touch three"))

    said = project.peal("resume", "--task", "1-3").stdout

    assert TAKEN_OVER in said
    assert _log(out) == ["3"]
    assert (project.path / "three").exists()


def test_a_plan_that_one_of_its_tasks_moves_is_not_done_twice(project: Repo, out: Path) -> None:
    """A task that has failed after that is tried again, in the file that is there now."""
    commit_plan(
        project,
        'echo 1 >>"$OUT/log"; mkdir done; git mv plan.md "done/old plan.md"',
        'echo 2 >>"$OUT/log"; [ -e "$OUT/go" ]; touch 2',
    )
    run_plan(project, code=1)
    (out / "go").touch()

    said = project.peal("resume").stdout

    assert _log(out) == ["1", "2", "2"]
    assert TAKEN_OVER in said
    assert landed(project) == ["1", "2"]


def test_what_has_not_landed_lands_under_the_new_name(project: Repo, out: Path) -> None:
    """The branch that keeps it goes with the plan, and away when it has landed."""
    commit_plan(project, 'echo 1 >>"$OUT/log"; echo theirs >1')
    project.write("1", "mine\n")
    run_plan(project, code=4)
    (before,) = branches(project)
    _move(project)
    (project.path / "1").unlink()

    project.peal("redo", "1", "--from", "address")
    (between,) = branches(project)
    project.peal("resume")

    assert before.startswith("peal/plan-")
    assert between.startswith("peal/old-plan-")
    assert _log(out) == ["1"]
    assert (landed(project), branches(project)) == (["1"], [])


def test_starting_over_sets_the_memory_aside_that_the_plan_had_before(project: Repo, out: Path) -> None:
    _three(project, out)
    _move(project)

    said = _run(project, "done/old plan.md", "--fresh")

    assert _log(out) == ["1", "2", "3"]
    assert "starting over; what was remembered is kept in `" in said
    assert [path.name[:9] for path in (project.path / ".peal").glob("*.before-*")] == ["old-plan-"]


@pytest.mark.parametrize(("way", "done"), [("done", ["3", "4", "5"]), ("fresh", ["1", "2", "3", "4", "5"])])
def test_where_a_plan_may_or_may_not_be_the_one_that_is_gone_a_person_is_asked(
    project: Repo, out: Path, way: str, done: list[str]
) -> None:
    """Half of the old tasks are in it, or it is half of them."""
    _three(project, out)
    project.git("rm", "-q", "plan.md")
    project.write(
        "new.md", shell_plan(*(f'echo {number} >>"$OUT/log"; touch {number}' for number in range(1, 6)))
    )
    text = project.read("new.md").replace("touch 3", "touch three")
    project.write("new.md", text)

    refused = _run(project, "new.md", code=1)
    flags = ["--fresh"] * (way == "fresh")
    if way == "done":
        project.peal("done", "1-2", "--plan", "new.md")
    _run(project, "new.md", *flags)

    assert refused.endswith(
        "error: `plan.md` is gone, and 2 tasks of what it held are in `new.md` too; `peal done 1-2 --plan new.md` takes what was done "
        "for them as done, `peal run new.md --fresh` does all of it\n"
    )
    assert _log(out) == done


def test_a_copy_is_a_plan_of_its_own_and_that_is_said(project: Repo, out: Path) -> None:
    _three(project, out)
    project.write("copy.md", project.read("plan.md"))

    said = _run(project, "copy.md")

    assert _log(out) == ["1", "2", "3"]
    assert (
        "`plan.md` has the same tasks, and task 1-2 is complete or begun there; this is a plan of its own"
        in said
    )


def test_another_plan_after_one_that_is_gone_is_no_moved_one(project: Repo, out: Path) -> None:
    _three(project, out)
    project.git("rm", "-q", "plan.md")
    project.write("new.md", shell_plan("touch a", "touch b", 'echo 1 >>"$OUT/log"; touch 1', "touch c"))

    said = _run(project, "new.md")

    assert "is gone" not in said
    assert _log(out) == ["1"]


def test_a_plan_whose_place_another_one_has_taken_keeps_its_memory(project: Repo, out: Path) -> None:
    """And the one that is there now has one of its own."""
    _three(project, out)
    _move(project)
    commit_plan(project, 'echo new >>"$OUT/log"; touch new')

    said = _run(project, "done/old plan.md")
    other = _run(project, "plan.md")

    assert "`plan.md` holds another plan now, and the tasks it held are those of `done/old plan.md`" in said
    assert "remembered" not in other
    assert _log(out) == ["3", "new"]


def test_a_plan_that_was_divided_keeps_its_memory_for_what_is_left(project: Repo, out: Path) -> None:
    """What went into another file is asked about there: by the commits that landed."""
    _three(project, out)
    parts = project.read("plan.md").split("## Task ")
    project.write("plan.md", parts[0] + "## Task " + parts[3])
    project.write("new.md", parts[0] + "## Task " + parts[1] + "## Task " + parts[2])

    said = _run(project, "new.md")
    _run(project, "plan.md")

    assert "remembered" not in said
    assert _log(out) == ["1", "2", "3"]


def test_a_plan_named_as_it_was_before_is_told_as_it_is_now(project: Repo, out: Path) -> None:
    """A resume goes on with it: what is meant is clear."""
    _three(project, out)
    _move(project)

    refused = _run(project, "plan.md", code=1)
    project.peal("resume", "plan.md", "--task", "3")

    assert refused == (
        "error: plan `plan.md` is `done/old plan.md` now; `peal run 'done/old plan.md'` goes on with it\n"
    )
    assert _log(out) == ["3"]


@pytest.mark.parametrize("names", [(), ("a.md", "b.md")])
def test_a_resume_that_finds_no_file_or_several_says_so(
    project: Repo, out: Path, names: tuple[str, ...]
) -> None:
    _three(project, out)
    text = project.read("plan.md")
    project.git("rm", "-q", "plan.md")
    for name in names:
        project.write(name, text)

    refused = project.peal("resume", code=1).stderr

    assert "plan.md` cannot be read: No such file or directory" in refused
    told = (
        "its tasks are in `a.md`, `b.md`; name the one that is meant"
        if names
        else "no file here has its tasks"
    )
    assert told in refused


# A memory that was cleaned away


@pytest.mark.parametrize(("way", "done"), [("done", ["3"]), ("fresh", ["1", "2", "3"])])
def test_what_landed_is_not_done_again_when_the_memory_is_gone(
    project: Repo, out: Path, way: str, done: list[str]
) -> None:
    """Commits tell which tasks did; a task put in front has moved their numbers."""
    _three(project, out)
    shutil.rmtree(project.path / ".peal")
    project.git("worktree", "prune")
    text = project.read("plan.md").replace("## Task 3", "## Task 4").replace("## Task 2", "## Task 3")
    text = text.replace("## Task 1", "## Task 2").replace(
        "# A plan\n", "# A plan\n\n## Task 1: new\n\n```sh\ntouch new\n```\n"
    )
    project.write("plan.md", text)

    refused = _run(project, "plan.md", code=1)
    rehearsed = _run(project, "plan.md", "--dry-run", code=1)
    if way == "done":
        project.peal("done", "2-3", "--plan", "plan.md")
    _run(project, "plan.md", *["--fresh"] * (way == "fresh"))

    assert refused == rehearsed
    assert (
        "nothing is remembered of `plan.md`, but task 2-3 of it has landed by commits that peal made, such as "
        in refused
    )
    assert (
        "; `peal done 2-3 --plan plan.md` takes that as done, `peal run plan.md --fresh` does all of it again\n"
        in refused
    )
    assert _log(out) == done
    assert (project.path / "new").exists()


def test_a_plan_that_was_moved_before_its_memory_was_cleaned_away_is_known_too(
    project: Repo, out: Path
) -> None:
    """By most of its titles."""
    _three(project, out)
    _move(project)
    shutil.rmtree(project.path / ".peal")
    project.git("worktree", "prune")

    refused = _run(project, "done/old plan.md", code=1)

    assert "but task 1-2 of it has landed by commits that peal made" in refused
    assert "`peal done 1-2 --plan 'done/old plan.md'` takes that as done" in refused


def test_a_plan_that_nothing_has_landed_of_is_just_run(project: Repo, out: Path) -> None:
    """Also where another plan has tasks of the same number, and where there is no commit yet."""
    _three(project, out)
    project.write("other.md", shell_plan("touch a", "touch b"))
    shutil.rmtree(project.path / ".peal")
    project.git("worktree", "prune")

    assert "landed by commits" not in _run(project, "other.md", "--no-commit")


def test_a_kill_between_moving_a_memory_and_recording_it_is_made_good_by_resume(
    project: Repo, out: Path
) -> None:
    _three(project, out)
    _move(project)
    project.memory().rename(RepoPaths(project.path).plan(project.path / "done/old plan.md").folder)

    project.peal("resume", "--task", "1-3")

    assert _log(out) == ["3"]
    assert "done/old plan.md  3 of 3 complete" in project.peal("runs").stdout


def test_a_title_that_ends_another_one_is_not_that_one(project: Repo) -> None:
    project.write("plan.md", "## Task 1: Test Run\n\n```sh\ntouch a\n```\n")
    _run(project, "plan.md")
    shutil.rmtree(project.path / ".peal")
    project.git("worktree", "prune")
    project.write("plan.md", "## Task 2: Run\n\n```sh\ntouch b\n```\n")

    _run(project, "plan.md")

    assert (project.path / "b").exists()


def test_a_rewritten_plan_keeps_what_was_made_of_it_when_it_moves(project: Repo, out: Path) -> None:
    project.write("wishes.md", "Some wishes.\n")
    agent = project.write("agent.sh", f"cat >/dev/null\ncat <<'END'\n{shell_plan('touch a', 'touch b')}END\n")
    project.write("peal.toml", f"agent = 'mine'\n[agents.mine]\ncommand = ['sh', '{agent}']\n")
    project.peal("run", "wishes.md", "--normalize", "--no-commit")
    (project.path / "wishes.md").rename(project.path / "moved.md")
    agent.write_text("exit 1\n")

    said = project.peal("run", "moved.md", "--no-commit").stdout

    assert "`wishes.md` is gone, and the tasks it held are those of `moved.md`" in said
    assert [path.name[:6] for path in (project.path / ".peal").glob("*-normalized.md")] == ["moved-"]


def test_a_resume_goes_on_with_its_selection_though_one_of_that_is_no_task_any_more(project: Repo) -> None:
    project.write("plan.md", shell_plan(*(f"echo {number} > {number}" for number in range(1, 6))))
    project.peal("run", "plan.md", "--agent", "shell", "--task", "1-4")
    project.peal("redo", "2", "5")
    text = project.read("plan.md")
    third = text[text.index("## Task 3") : text.index("## Task 4")]
    project.write("plan.md", text.replace(third, ""))

    told = project.peal("resume").stdout

    assert "4 of 4 tasks complete" in told
