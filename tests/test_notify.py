"""A person is told when a run ends or waits for them: once for one cause, beside the run, and never in its way."""

import http.server
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_backlog_run
import test_screens
from attrs import evolve
from conftest import (
    WAIT,
    Clis,
    Repo,
    carriers,
    commit_plan,
    ended,
    eventually,
    is_running,
    landed,
    later,
    run_plan,
    shell_plan,
    start_plan,
)
from stories import tasks_of
from test_backlog_run import Wishes
from test_screens import OnTerminal

from peal.model.decision import Halt
from peal.model.notification import Cause, Counts, Notification
from peal.model.work import Outcome, Result
from peal.notify import causes
from peal.notify.causes import Pause, PlanSeen
from peal.notify.counts import Counted
from peal.notify.message import as_json
from peal.notify.notifier import Notifier
from peal.notify.sending import Channel, Sending
from peal.record.events import PlanRead, StepEnded, StepStarted
from peal.record.history import fold

wishes = test_backlog_run.wishes
on_terminal, terminals = test_screens.on_terminal, test_screens.terminals
HELD, LIMITED, FAILED, FINISHED, BUDGET = Cause

# What is due when


WORKED = PlanSeen(has_begun=True, has_news=True)


@pytest.mark.parametrize(
    ("code", "plans", "expected"),
    [
        (0, [WORKED], FINISHED),
        (1, [WORKED], FAILED),
        (2, [WORKED], FAILED),
        (3, [WORKED], FAILED),
        (4, [evolve(WORKED, paused_for=HELD)], HELD),
        (4, [evolve(WORKED, paused_for=LIMITED)], LIMITED),
        (4, [evolve(WORKED, paused_for=BUDGET), WORKED], BUDGET),
        (4, [evolve(WORKED, paused_for=one) for one in (LIMITED, BUDGET, HELD)], HELD),
        (4, [WORKED], HELD),
        (130, [WORKED], None),
        (143, [WORKED], None),
        (129, [WORKED], FAILED),
        (0, [], None),
        (2, [PlanSeen(has_begun=True)], None),
        (2, [PlanSeen(), WORKED], FAILED),
    ],
)
def test_an_end_is_told_by_its_code_if_anything_came_of_the_run(
    code: int, plans: list[PlanSeen], expected: Cause | None
) -> None:
    assert causes.cause_of_end(code, plans, {}, 1000.0) == expected


def test_an_end_right_after_its_cause_was_told_is_told_with_it() -> None:
    held, told = [evolve(WORKED, paused_for=HELD)], {HELD: 1000.0}

    assert causes.cause_of_end(4, held, told, 1059.0) is None
    assert causes.cause_of_end(4, held, told, 1061.0) is HELD
    assert causes.cause_of_end(2, held, told, 1001.0) is FAILED
    assert causes.cause_of_end(1, held, {}, 1001.0) is HELD, "all that is left has a question"
    assert causes.cause_of_end(1, [*held, WORKED], {}, 1001.0) is FAILED


@pytest.mark.parametrize(
    ("code", "plan", "expected"),
    [
        (70, PlanSeen(has_begun=True), FAILED),
        (1, PlanSeen(has_begun=True), FAILED),
        (4, PlanSeen(has_begun=True), HELD),
        (130, PlanSeen(has_begun=True), None),
        (5, PlanSeen(), None),
    ],
)
def test_what_breaks_off_is_told_once_work_was_begun(
    code: int, plan: PlanSeen, expected: Cause | None
) -> None:
    assert causes.cause_of_breaking_off(code, [plan]) == expected


def test_an_error_after_the_end_is_not_told_besides(tmp_path: Path) -> None:
    """As one in what comes after a run; the end has been told of."""
    rung: list[str] = []
    nobody = Sending((), tmp_path, str, 1.0)

    def ended_by(*steps: Callable[[Notifier], None]) -> int:
        rung.clear()
        plans = {"plan.md": WORKED}
        notifier = Notifier(frozenset(Cause), "/", lambda: nobody, print, lambda: rung.append("ding"), plans)
        for step in steps:
            step(notifier)
        return len(rung)

    end, error = lambda one: one.over(Halt(0, "done")), lambda one: one.broken_off(Halt(70, "a bug"))

    assert ended_by(error) == 1
    assert ended_by(end, error) == 1


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, 599), (1, 599), (599, None)], []),
        ([(0, 600), (1, 600), (599, 600), (600, None), (602, 9000), (603, 9000)], [0]),
        ([(0, 300), (300, None), (301, 700), (302, 700)], [301]),
        ([(0, 600), (599, 600), (1100, None), (1201, 5000), (1202, 5000)], [0, 1201]),
        ([(0, None), (5, 10_000)], [5]),
    ],
    ids=["short", "met again at once", "longer than it was said to be", "met again later", "late"],
)
def test_a_long_pause_is_told_once(looks: list[tuple[float, float | None]], expected: list[float]) -> None:
    """Looks at the run, each with until when nothing goes on; whatever lies between two pauses is work."""
    pause: Pause | None = None
    told: dict[Cause, float] = {}
    at = []
    for now, until in looks:
        pause = causes.paused(pause, until, now)
        if causes.cause_meanwhile([], pause, told, now) is LIMITED:
            told[LIMITED] = now
            at.append(now)

    assert at == expected


def test_plans_side_by_side_are_paused_when_none_of_them_goes_on() -> None:
    one, other = evolve(WORKED, paused_until=900.0), evolve(WORKED, paused_until=800.0)

    assert causes.all_paused_until([one, other]) == 800.0
    assert causes.all_paused_until([one, WORKED]) is None
    assert causes.all_paused_until([one, evolve(WORKED, is_over=True)]) == 900.0
    assert causes.all_paused_until([]) is None


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, Outcome(Result.HELD, "a"), True),
        (Outcome(Result.HELD, "a"), Outcome(Result.HELD, "a"), False),
        (Outcome(Result.HELD, "a"), Outcome(Result.HELD, "b"), True),
        (Outcome(Result.STOPPED, "who?"), Outcome(Result.STOPPED, "who?"), False),
        (Outcome(Result.LIMITED, "a"), Outcome(Result.HELD, "a"), True),
        (Outcome(Result.FAILED, "a"), Outcome(Result.FAILED, "a"), True),
        (Outcome(Result.INTERRUPTED, "a"), Outcome(Result.INTERRUPTED, "a"), True),
    ],
)
def test_an_old_hindrance_met_again_is_no_news(before: Outcome | None, now: Outcome, expected: bool) -> None:
    ends = [outcome for outcome in (before, now) if outcome]
    events = [
        event
        for number, outcome in enumerate(ends, 1)
        for event in (
            StepStarted(number, "1", "plan", number, ""),
            StepEnded(number, "1", "plan", number, outcome),
        )
    ]
    steps = [event for event in events if isinstance(event, StepEnded)]
    history = fold([PlanRead(0.0, tasks_of("1"))])
    state = history.states["1"]
    attempts = tuple(
        evolve(test_screens.Attempt("1", "plan", one.attempt, "", one.at), outcome=one.outcome)
        for one in steps
    )
    history.states["1"] = evolve(state, attempts=attempts)

    assert causes.is_news(steps[-1], history) is expected


def test_an_event_fits_into_a_variable_whatever_is_in_it() -> None:
    """Linux takes 128 KiB for one; letters that a terminal would obey are gone."""
    told = Notification(
        FAILED, "\x1b[31m🎉" * 5000, 0.0, "/" + "ü" * 2000, ("🎉" * 3000,) * 500, "r", Counts(), 1
    )

    event = as_json(told, lambda text: text)

    assert len(event) < 128 * 1024
    assert event.isascii()
    assert "\x1b" not in json.loads(event)["text"]


def test_only_what_was_asked_for_is_counted() -> None:
    asked = evolve(test_screens.opened(), selected=("2", "3"))
    history = fold([PlanRead(0.0, tasks_of("1x 2 3")), asked])
    history.failed = {"3"}

    assert history.completed == {"1"}
    assert Counted.of(history).counts == Counts(done=0, failed=1, held=0, all=2)


# A program


def tells(project: Repo, out: Path, script: str = "", program: str = "../out/tell", **more: Any) -> None:
    """Settings with a program that keeps what it reads, and then does what the script says."""
    path = project.write(program, f'#!/bin/sh\ncat >>"$OUT/told"; touch "$OUT/tells"\n{script}\n')
    path.chmod(0o755)
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"command": [program], **more}.items()]
    project.write("peal.toml", "\n".join(["[notify]", *lines, ""]))
    project.git("add", ".")


def told(out: Path) -> list[dict[str, Any]]:
    """What the program was told so far."""
    path = out / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def words(out: Path) -> list[str]:
    """The words alone."""
    return [one["event"] for one in told(out)]


def test_a_program_is_told_how_a_run_ended(project: Repo, out: Path) -> None:
    """As JSON twice, in the repository and the person's environment, without secrets; not of a rehearsal."""
    project.env |= {"MY_TOKEN": "plan-s3cret", "CLAUDECODE": "1", "MINE": "yes"}
    tells(
        project,
        out,
        'printf %s "$PEAL_EVENT" >"$OUT/event"; echo "$PWD $MINE ${CLAUDECODE-none}" >"$OUT/env"',
    )
    project.write("plan-s3cret.md", shell_plan("touch a", "exit 3", "touch c"))
    project.git("add", ".")
    project.git("commit", "-qm", "the plan")
    run = ("run", "plan-s3cret.md", "--agent", "shell", "--continue-with-remaining-tasks", "--json")

    project.peal(*run, "--dry-run", code=None)
    rehearsed = told(out)
    project.peal(*run, code=2)
    (event,) = told(out)

    assert rehearsed == []
    assert {name: event[name] for name in ("event", "over", "exit_code", "until", "plans", "tasks")} == {
        "event": "failed",
        "over": True,
        "exit_code": 2,
        "until": None,
        "plans": ["[hidden].md"],
        "tasks": {"done": 2, "failed": 1, "held": 0, "all": 3},
    }
    assert event["title"] == "peal: [hidden].md has failed"
    assert event["text"] == f"{event['why']}\n2 of 3 tasks done, 1 failed; in {project.path}"
    assert (event["why"], event["repo"]) == ("finished, but task 2 failed", str(project.path))
    assert event["run"] == project.recorded("RunOpened")[0]["session"]
    assert json.loads((out / "event").read_text()) == event
    assert (out / "env").read_text() == f"{project.path} yes none\n"


def test_what_waits_for_a_person_is_told_once_while_others_go_on(project: Repo, out: Path) -> None:
    """Two tasks are held, and then the run ends so: one word. A resume that changes nothing says nothing."""
    tells(project, out, program="tools/tell")
    changes = [f"(parallel) echo '# {name}' >>{name}" for name in ("tools/tell", "peal.toml")]
    commit_plan(project, *changes, f"(parallel) {WAIT}; touch c")
    process = start_plan(project, "--address", "as-ready")

    eventually(lambda: told(out))
    (event,) = told(out)
    (out / "go").touch()
    ended(process, 4)
    project.peal("resume", code=4)
    again = words(out)
    project.peal("resume", "--accept-settings", "1-2", code=None)

    assert (event["event"], event["over"], event["exit_code"]) == ("held", False, None)
    assert event["tasks"] == {"done": 0, "failed": 0, "held": 2, "all": 3}
    assert re.match(r"tasks 1-2 are held: it changes `tools/tell`", event["why"])
    assert event["text"].partition("\n")[0].endswith("; the run goes on")
    assert again == ["held"]
    assert words(out) == ["held", "finished"]
    assert landed(project) == ["1", "2", "3"]


BROKEN = {
    "fails": ('echo "no $MY_TOKEN"; exit 3', "exit status 3 (no [hidden])"),
    "says much": (
        'echo no $MY_TOKEN; printf "%s%070000d %s" $MY_TOKEN 0 $MY_TOKEN; exit 3',
        f"exit status 3 (…{'0' * 290} [hidden])",
    ),
    "is not there": ("", "No such file or directory"),
    "floods": ("exec yes", "it was ended, for it wrote more than 1 MB"),
    "hangs": (
        "trap '' TERM; for n in 1 2; do setsid sleep 77$n & echo $! >>$OUT/pids; done; sleep 770 & sleep 774",
        "it was ended after 1",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_program_that_is_broken_is_told_and_changes_nothing(how: str, project: Repo, out: Path) -> None:
    """Whatever it does, its time is over soon, and nothing of it is left."""
    script, why = BROKEN[how]
    project.env["MY_TOKEN"] = "s3cret-enough"
    tells(project, out, script, timeout_sec=1)
    if how == "is not there":
        (out / "tell").unlink()
    commit_plan(project, "touch a")

    said = run_plan(project)

    assert said.count("`../out/tell` could not tell you: ") == 1
    assert ("you are still being told, for 1.0s at most; Ctrl-C ends that" in said) == (how == "hangs")
    assert f"{why}" in said
    assert project.env["MY_TOKEN"] not in said
    pids = (out / "pids").read_text().split() if how == "hangs" else []
    assert [pid for pid in pids if is_running(pid)] == []


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ("a-run", "exit status 1"),
        ("not/there", "cannot make `/tmp/peal-not/there`: No such file or directory; "),
    ],
)
def test_what_goes_wrong_with_a_program_is_told_once(run: str, why: str, tmp_path: Path) -> None:
    """However often it does, and also where it cannot be started."""
    sending = Sending((Channel("`false`", ("false",), str),), tmp_path, str, 5.0, run)

    for cause in (HELD, FINISHED):
        sending.send(Notification(cause, "so it is", 0.0, "/", ("plan.md",), "r", Counts()))
    sending.close(print)

    (told,) = sending.news()
    assert told.startswith(f"`false` could not tell you: {why}")
    assert told.endswith("; the run is not changed by that")


@pytest.mark.parametrize("number", [*later(signal.SIGINT), signal.SIGKILL])
def test_a_program_goes_with_peal(number: signal.Signals, project: Repo, out: Path) -> None:
    """Ctrl-C ends the wait for it, and the run's word stays; `kill -9` leaves nothing of it, whatever it makes of its environment."""
    tells(
        project,
        out,
        'echo $PEAL_RUN_ID >"$OUT/run"; echo $$ >"$OUT/pid"; sleep 775 & touch "$OUT/ready"; exec env -i sleep 778',
    )
    commit_plan(project, "touch a")
    process = start_plan(project)
    eventually((out / "ready").exists)
    run = (out / "run").read_text().strip()
    was_there = carriers("PEAL_RUN_ID", run)

    process.send_signal(number)
    ended(process, 0 if number == signal.SIGINT else -9)

    assert was_there
    eventually(lambda: not carriers("PEAL_RUN_ID", run))
    eventually(lambda: not is_running((out / "pid").read_text().strip()))
    eventually(lambda: not Path(f"/tmp/peal-{run}").exists())


# What kinds of runs tell


def test_a_limit_and_a_budget_are_told_when_they_stop_a_run(
    project: Repo, out: Path, clis: Callable[..., Clis]
) -> None:
    """A run that waits for a limit goes on; who stops it then is told nothing more. A resume tells no old limit."""
    clis("claude")
    tells(project, out, "[ -e $OUT/slow ] && sleep 776")
    project.write("plan.md", "## Task 1: a\n\nexecute: FAIL LIMIT for 3600\nWRITE a.txt: 1\n")
    project.git("add", ".")
    project.git("commit", "-qm", "the plan")
    run = ("run", "plan.md", "--agent", "claude", "--fresh")

    project.peal(*run, "--no-wait", code=4)
    project.peal("resume", "--no-wait", code=4)
    project.peal(*run, "--max-cost", "0.0001", code=4, FAKE_CLIS=str(out))
    (out / "slow").touch()
    (out / "tells").unlink()
    process = project.start(*run, FAKE_CLIS=str(out))
    eventually((out / "tells").exists)
    process.send_signal(signal.SIGINT)
    said = ended(process, 130)

    events = told(out)
    assert [(one["event"], one["over"]) for one in events] == [
        ("limited", True),
        ("budget", True),
        ("limited", False),
    ]
    assert events[2]["why"] == "usage limit of `claude`"
    assert events[2]["until"] > events[2]["at"]
    assert "`../out/tell` could not tell you: it was ended with the run" in said


Heard = list[tuple[str, dict[str, str]]]


@pytest.fixture
def service() -> Iterator[tuple[int, Heard]]:
    """A service on this machine that is told something by JSON: its port, and what it has heard, with the paths."""
    heard: Heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            record = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, {name: record[name] for name in ("title", "message", "type")}))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, heard
        server.shutdown()
        thread.join()


def test_a_batch_is_told_of_once_by_a_program_and_at_addresses(
    project: Repo, out: Path, service: tuple[int, Heard]
) -> None:
    """However many of its plans fail. An address at which nobody answers is told, and not shown."""
    port, heard = service
    project.env |= {"TOPIC": "a-topic", "PORT": str(port)}
    tells(project, out, urls=["json://127.0.0.1:$PORT/${TOPIC}", "json://127.0.0.1:9/not-here"])
    for name, script in (("a", "exit 1"), ("b", "exit 1"), ("c", "touch c")):
        project.write(f"plans/{name}.md", shell_plan(script))
    project.git("add", ".")
    project.git("commit", "-qm", "plans")

    done = project.peal("run", "plans", "--agent", "shell", "--jobs", "2", "--auto-advance", code=2)

    (event,) = told(out)
    assert (event["event"], event["title"]) == ("failed", "peal: 3 plans have failed")
    assert event["plans"] == ["plans/a.md", "plans/b.md", "plans/c.md"]
    assert event["tasks"] == {"done": 1, "failed": 2, "held": 0, "all": 3}
    assert event["why"] == "1 of 3 plans done, 2 failed"
    assert heard == [("/a-topic", {"title": event["title"], "message": event["text"], "type": "failure"})]
    assert done.stdout.count("Apprise could not tell you: exit status 1") == 1
    assert "not-here" not in done.stdout


def test_a_run_of_the_backlog_is_told_of_once(wishes: Wishes, out: Path) -> None:
    """However many items it has brought to their end; how many there were to be nobody knows."""
    wishes.put("One", "Two", "Three")
    program = f"sh -c 'cat >>{out}/told'"

    wishes.run("--target", "WRK-001", "--set", f"notify.command={program}")
    wishes.run("--set", f"notify.command={program}")

    events = told(out)
    assert [(one["event"], one["plans"]) for one in events] == [("finished", ["backlog"])] * 2
    assert [one["tasks"] for one in events] == [
        {"done": done, "failed": 0, "held": 0, "all": None} for done in (2, 4)
    ]
    assert "4 phases done" in events[1]["text"]
    wishes.repo.peal("backlog", "add", "Four")
    wishes.does("WRK-004", "answer blocked 'Which colour?'")
    wishes.run("--set", f"notify.command={program}", code=1)
    assert [one["event"] for one in told(out)] == ["finished", "finished", "held"], told(out)


def test_a_run_that_an_error_ends_is_told_of(project: Repo, out: Path) -> None:
    """As a batch that cannot be remembered any more."""
    tells(project, out, on=["failed"])
    for name in ("a", "b"):
        project.write(f"plans/{name}.md", shell_plan(f"{WAIT}; touch {name}"))
    project.git("add", ".")
    project.git("commit", "-qm", "plans")
    process = project.start("run", "plans", "--agent", "shell")
    eventually((out / "begun-1").exists)
    project.path.joinpath(f".peal/batch-progress.json.{process.pid}.new").mkdir()
    (out / "go").touch()
    ended(process, 1)

    (event,) = told(out)
    assert (event["event"], event["exit_code"]) == ("failed", 1)
    assert "Is a directory; make room or make it writable" in event["why"]


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ('on = ["hold"]', "`notify.on[0]` is `hold`; did you mean `held`?"),
        ('urls = ["ntfy.sh/me"]', "`notify.urls[0]` is no address, such as `ntfys://ntfy.sh/a-topic`"),
        ('command = [" "]', "`notify.command` begins with an empty word; name a program, or take it out"),
        (
            'urls = ["json://a", "json://$MY_HOST"]',
            "address 2 of `notify.urls` names the variable `MY_HOST`, which is not set",
        ),
        ('urls = ["json://a"]', "`notify.urls` needs Apprise, which is not installed where peal is; install"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_starts(
    table: str, error: str, project: Repo, out: Path
) -> None:
    """The last without Apprise beside peal. `peal doctor` says the same."""
    (out / "sitecustomize.py").write_text("import sys; sys.modules['apprise'] = None\n")
    project.env |= {"PYTHONPATH": str(out)} if "Apprise" in error else {}
    commit_plan(project, "touch a")
    project.write("peal.toml", f"[notify]\n{table}\n")

    said = run_plan(project, code=1)

    assert said.count(error) == 1
    assert not (project.path / ".peal").exists()
    assert error.partition(";")[0] in project.peal("doctor", code=1).stdout


# The terminal

BACK = "\x1b]2;\x07\x1b[23;2t"


def titles(output: str) -> list[str]:
    """The titles that a terminal was given."""
    return re.findall(r"\x1b\]2;([^\x07]*)\x07", output)


def bells(output: str) -> int:
    """How often it rang."""
    return re.sub(r"\x1b\]2;[^\x07]*\x07", "", output).count("\x07")


def test_the_terminals_title_shows_how_far_a_run_is_and_its_bell_that_it_is_over(
    repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """The title is put back at every end, and nobody rings for who has ended the run."""
    waits = "echo it goes on; until [ -e go ]; do sleep 0.02; done"
    repo.write("plan.md", shell_plan("true", f"{waits}; exit 3"))
    run = on_terminal("run", "plan.md", "--agent", "shell")
    eventually(lambda: titles(run.output)[-1:] == ["peal 1/2 plan.md"])
    meanwhile = run.output
    os.kill(run.process.pid, signal.SIGINT)
    was_stopped = run.end()
    again = on_terminal("resume", "--quiet")
    repo.write("go", "")
    failed = again.end()

    assert (was_stopped, failed) == (130, 1)
    assert titles(meanwhile) == ["peal 0/2 plan.md", "peal 1/2 plan.md"]
    assert meanwhile.count("\x1b[22;2t") == 1
    assert run.output.count(BACK) == again.output.count(BACK) == 1
    assert (bells(run.output), bells(again.output)) == (0, 1)
    assert titles(again.output)[0] == "peal 1/2 plan.md"
    assert again.output.endswith(BACK)


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("--set", "notify.bell=false", "--set", "notify.title=false"), {}),
        (("--set", "notify.on=failed", "--set", "notify.title=false"), {}),
        (("--json",), {}),
        ((), {"TERM": "dumb"}),
        (("--dry-run",), {}),
    ],
    ids=["turned off", "only of failures", "JSON", "dumb", "rehearsal"],
)
def test_a_terminal_has_neither_where_nobody_wants_it(
    words: tuple[str, ...], more: dict[str, str], repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    repo.write("plan.md", shell_plan("true"))

    run = on_terminal("run", "plan.md", "--agent", "shell", *words, **more)

    assert run.end() == 0
    assert (titles(run.output), bells(run.output)) == ([], 0)
