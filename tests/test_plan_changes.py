"""What changes between two runs: files that other programs have saved, tasks that are put in, plans that are moved."""

import codecs
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import Repo, landed, shell_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import tasks_of

from peal.alignment import DONE, Alignment, Known, Read, align
from peal.events import PlanRead, TasksMarkedDone, written
from peal.events import read as read_event
from peal.history import fold

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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
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
            "done: `peal done` with the numbers of all that are, `peal redo` with those of all that are not, or give them words of "
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
    known = [Known(at, text, DONE * (label in done)) for at, (text, label) in enumerate(old)]
    return align(known, [Read(at, text) for at, (text, _) in enumerate(new)])


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


@settings(max_examples=400, deadline=None)
@given(_changes())
def test_no_task_is_skipped_and_none_done_twice(
    change: tuple[list[_Labelled], set[int], list[_Labelled]],
) -> None:
    """Of those with the same words as many are still done as were and are still there; or a person is asked."""
    old, done, new = change

    found = _aligned(old, done, new)

    used = [at for at in found.known_as if at is not None]
    assert len(used) == len(set(used))
    if not found.unclear:
        counted = Counter(old[at][0] for at in used if old[at][1] in done)
        assert counted == Counter(text for text, label in new if label in done)


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 9)))
def test_a_task_whose_words_are_its_own_is_known_wherever_it_moved(
    order: list[int], done: set[int], kept: set[int]
) -> None:
    old = [(f"task {label}", label) for label in range(8)]
    new = [(f"task {label}", label) for label in order if label in kept] + [("new", 100)]

    found = _aligned(old, done, new)

    assert found == Alignment((*(label for _, label in new[:-1]), None))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row,
        lambda row: ["new", *row],
        lambda row: [*row[1:5000], "new", "test", *row[5000:]],
        lambda row: row[5000:] + row[:5000],
        lambda row: ["test" for _ in row],
    ],
)
def test_ten_thousand_tasks_are_told_apart_in_no_time(change) -> None:
    """A third of them have the same words; where too many pairs would have to be looked at, a person is asked."""
    row = [f"task {at}" if at % 3 else "test" for at in range(10_000)]
    known = [Known(at, text, DONE * (at < 5000)) for at, text in enumerate(row)]
    began = time.process_time()

    align(known, [Read(at, text) for at, text in enumerate(change(row))])

    assert time.process_time() - began < 10


def test_a_journal_that_does_not_say_which_task_is_which_means_what_it_meant() -> None:
    """Those with the same words were given out in order."""
    first, again = tasks_of("1=test 2=a 3=test"), tasks_of("1=a 2=test 3=test")
    events = [PlanRead(1.0, first), TasksMarkedDone(2.0, (3,), "peal done"), PlanRead(3.0, again)]

    history = fold(map(read_event, map(written, events)))

    assert history.completed == {3}
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
