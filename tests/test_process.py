"""Child processes: how they are found, started, waited for, and ended with all that they left behind."""

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from attrs import evolve
from conftest import carriers, eventually, is_running
from sandboxes import why_no_bubblewrap

from peal.model.process import Ended, Ending, Sign
from peal.sandbox import bubblewrap
from peal.sandbox.rules import Rule, Sandbox, Touch
from peal.system import process, reaper
from peal.system.process import ATTEMPT_MARKER, RUN_MARKER, Cancel, Clocks, Launch, Reaper

LONG = "300"
"""Seconds that nothing here ever waits for."""


@pytest.fixture(params=["with /proc", "without /proc"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """This system, and one that has neither /proc nor pidfd_open."""
    if request.param == "without /proc":
        monkeypatch.setattr(process, "_HAS_PROC", False)
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    return str(request.param)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the output often, and little patience with what ignores TERM."""
    monkeypatch.setattr(process, "LOOK", 0.05)
    monkeypatch.setattr(process, "GRACE", 0.2)


@pytest.fixture
def cancel() -> Iterator[Cancel]:
    made = Cancel()
    yield made
    made.close()


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that are ended after the test, whatever happens."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, **more: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(argv, start_new_session=True, **more))
        eventually(lambda: _is_seen(started[-1].pid))
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        for pipe in (one.stdin, one.stdout):
            if pipe:
                pipe.close()
        one.wait()


def _is_seen(pid: int) -> bool:
    """A process that was started this moment shows its environment a moment later."""
    with suppress(OSError):
        return not is_running(pid) or bool(Path(f"/proc/{pid}/environ").read_bytes())
    return False


@pytest.fixture(params=["by itself", "in a sandbox"])
def wrapper(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """What stands in front of a script's words: nothing, or what puts it into a sandbox in which it may write in the test's folder."""
    if request.param == "by itself":
        return []
    if "system" in request.fixturenames and request.getfixturevalue("system") == "without /proc":
        pytest.skip("there are no such sandboxes on systems without /proc")
    if why := why_no_bubblewrap():
        pytest.skip(why)
    sandbox = Sandbox(str(tmp_path), (Rule(str(tmp_path), Touch.WRITE),), str(tmp_path))
    return bubblewrap.words(sandbox, os.geteuid() == 0)


@pytest.fixture
def launch(tmp_path: Path, wrapper: list[str]) -> Iterator[Callable[..., Launch]]:
    """A shell script to be started in the test's folder; whatever of it is left at the end is killed."""
    marker = f"test/{uuid4()}"

    def made(script: str, **more: Any) -> Launch:
        env = {**os.environb, ATTEMPT_MARKER.encode(): marker.encode()}
        given = Launch(
            (*wrapper, "sh", "-c", script),
            tmp_path,
            env,
            f"{tmp_path}/stdout",
            f"{tmp_path}/stderr",
            marker=marker,
            tells_signals=bool(wrapper),
        )
        return evolve(given, **more)

    yield made
    for pid in carriers(ATTEMPT_MARKER, marker):
        os.kill(pid, signal.SIGKILL)


def run(launch: Launch, cancel: Cancel) -> Ending:
    """Start and finish."""
    return process.finish(process.start(launch), launch, cancel)


def marked(name: str, value: str) -> dict[str, str]:
    return {**os.environ, name: value}


def number_in(path: Path) -> int:
    """The process number that a script wrote."""
    return int(path.read_text(encoding="ascii"))


def lives(path: Path) -> bool:
    """Whether the process still runs that a script started in this folder, and whose number, as it has it, is written there."""
    number = path.read_text(encoding="ascii").strip()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            numbers = (entry / "status").read_text(encoding="utf-8").partition("NSpid:")[2].splitlines()[0]
            if numbers.split()[-1] == number and (entry / "cwd").readlink() == path.parent:
                return True
    return False


def _open_files() -> list[str]:
    """What this process has open."""
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


# --- what stands before a start


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pytest -q", ["pytest", "-q"]),
        ("a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"]),
        ("echo ''", ["echo", ""]),
    ],
)
def test_a_command_line_is_split_as_a_shell_would(line: str, words: list[str]) -> None:
    assert process.arguments(line) == words


@pytest.mark.parametrize(("line", "why"), [("", "empty"), ("  ", "empty"), ("a 'b", "quotation")])
def test_a_command_line_that_names_no_command_says_what_is_wrong(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        process.arguments(line)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tool", "path/tool"),
        ("./tool", "repo/tool"),
        ("bin/inner", "repo/bin/inner"),
        ("bin/../tool", "repo/bin/../tool"),
        ("../path/tool", "repo/../path/tool"),
        ("inner", None),
        ("./plain", None),
        ("plain", None),
        ("./bin", None),
        ("./nothing", None),
        ("nothing", None),
    ],
)
def test_a_program_with_a_slash_is_seen_from_the_folder_and_one_without_on_path(
    name: str, found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("path", "repo/bin", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    for program in ("path/tool", "repo/tool", "repo/bin/inner"):
        (tmp_path / program).touch(0o755)
    for text in ("repo/plain", "path/plain"):
        (tmp_path / text).touch(0o644)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert process.program(name, tmp_path / "repo") == (found and f"{tmp_path}/{found}")


def test_a_program_named_from_the_root_is_that_file(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.touch(0o755)

    assert process.program(str(tool), tmp_path / "other") == str(tool)


# --- the clocks


@pytest.mark.parametrize(
    ("clocks", "elapsed", "silent", "largest", "ended"),
    [
        (Clocks(), 1e9, 1e9, 10**12, None),
        (Clocks(timeout=10), 9.99, 9.99, 0, None),
        (Clocks(timeout=10), 10, 0, 0, Ended.TIMED_OUT),
        (Clocks(idle=5), 99, 4.99, 0, None),
        (Clocks(idle=5), 99, 5, 0, Ended.IDLE),
        (Clocks(flood=100), 99, 99, 100, None),
        (Clocks(flood=100), 0, 0, 101, Ended.FLOODED),
        (Clocks(flood=0), 0, 0, 1, Ended.FLOODED),
        (Clocks(timeout=10, idle=5, flood=100), 9, 4, 99, None),
        (Clocks(timeout=10, idle=5, flood=100), 10, 5, 101, Ended.TIMED_OUT),
        (Clocks(timeout=10, idle=5, flood=100), 9, 5, 101, Ended.FLOODED),
        (Clocks(timeout=10, idle=5, flood=100), 9, 5, 99, Ended.IDLE),
    ],
)
def test_a_clock_runs_out_when_its_limit_is_reached(
    clocks: Clocks, elapsed: float, silent: float, largest: int, ended: Ended | None
) -> None:
    assert process.overdue(clocks, elapsed, silent, largest) is ended


@pytest.mark.parametrize(
    ("clocks", "watched"),
    [
        (Clocks(), False),
        (Clocks(timeout=1), False),
        (Clocks(idle=1), True),
        (Clocks(flood=1), True),
        (Clocks(flood=0), True),
    ],
)
def test_the_output_is_watched_only_for_a_clock_that_needs_it(clocks: Clocks, watched: bool) -> None:
    assert clocks.watch_output is watched


# --- who is who


def test_the_birth_of_a_living_process_stays_the_same(system: str) -> None:
    first = process.birth(os.getpid())

    assert first
    assert process.birth(os.getpid()) == first


def test_two_processes_were_not_born_alike(system: str, child: Callable[..., Any]) -> None:
    assert process.birth(child("sleep", LONG).pid) != process.birth(os.getpid())


def test_a_process_that_is_gone_has_no_birth(system: str, child: Callable[..., Any]) -> None:
    gone = child("true")
    gone.wait()

    assert process.birth(gone.pid) is None


def test_a_process_that_is_dead_and_not_yet_collected_has_no_birth(
    system: str, child: Callable[..., Any]
) -> None:
    dead = child("true")
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)

    assert process.birth(dead.pid) is None


def test_a_process_of_another_boot_with_the_same_number_and_time_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = process.birth(os.getpid())

    monkeypatch.setattr(process, "_boot", lambda: "another boot")

    assert process.birth(os.getpid()) != now


# --- telling everybody to end


def _is_readable(cancel: Cancel) -> bool:
    return bool(select.select([cancel], [], [], 0)[0])


def test_a_cancel_is_readable_once_it_is_set_and_stays_so(cancel: Cancel) -> None:
    before = (cancel.is_set, _is_readable(cancel))

    cancel.set()
    cancel.set()

    assert before == (False, False)
    assert (cancel.is_set, _is_readable(cancel), _is_readable(cancel)) == (True, True, True)


def test_a_cancel_that_was_hard_once_stays_hard(cancel: Cancel) -> None:
    cancel.set()
    soft = cancel.hard

    cancel.set(hard=True)
    cancel.set()

    assert (soft, cancel.hard) == (False, True)


def test_a_cancel_may_be_set_by_many_threads_at_once(cancel: Cancel) -> None:
    gate = threading.Barrier(8)

    def set_it() -> None:
        gate.wait()
        cancel.set()

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(set_it) for _ in range(8)]

    assert [one.exception() for one in done] == [None] * 8
    assert cancel.is_set


@pytest.mark.parametrize("was_set", [False, True])
def test_a_closed_cancel_gives_back_what_it_had_open(was_set: bool) -> None:
    before = _open_files()
    cancel = Cancel()
    if was_set:
        cancel.set()

    cancel.close()

    assert _open_files() == before


# --- start


def test_a_process_gets_its_folder_its_environment_and_the_prompt_and_writes_two_files(
    tmp_path: Path, cancel: Cancel
) -> None:
    (tmp_path / "prompt.md").write_text("do it\n", encoding="utf-8")
    script = 'pwd -P; echo "$GREETING"; cat; env | grep -c HOME; echo trouble >&2'
    launch = Launch(
        ("sh", "-c", script),
        tmp_path,
        {b"PATH": os.environb[b"PATH"], b"GREETING": "grüß dich".encode()},
        f"{tmp_path}/stdout",
        f"{tmp_path}/stderr",
        stdin=f"{tmp_path}/prompt.md",
    )

    ending = run(launch, cancel)

    assert (ending.how, ending.exit_code) == (Ended.EXITED, 0)
    assert (tmp_path / "stdout").read_text(encoding="utf-8") == f"{tmp_path.resolve()}\ngrüß dich\ndo it\n0\n"
    assert (tmp_path / "stderr").read_text(encoding="utf-8") == "trouble\n"


def test_a_process_without_a_prompt_reads_nothing_and_waits_for_nobody(
    launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    ending = run(launch("wc -c"), cancel)

    assert ending.is_clean
    assert (tmp_path / "stdout").read_text(encoding="ascii").strip() == "0"


def test_a_process_gets_a_session_of_its_own_and_no_open_file_but_its_three(
    launch: Callable[..., Launch], wrapper: list[str], cancel: Cancel, tmp_path: Path
) -> None:
    script = "ls /proc/$$/fd; echo $$; cut -d' ' -f6 /proc/$$/stat"

    with (tmp_path / "open").open("w", encoding="utf-8"):
        run(launch(script), cancel)

    *files, pid, session = (tmp_path / "stdout").read_text(encoding="ascii").split()
    assert files == ["0", "1", "2"]
    assert session == ("0" if wrapper else pid)  # which it has from outside


def test_what_cannot_be_started_says_so_and_leaves_no_file_open(
    launch: Callable[..., Launch], tmp_path: Path
) -> None:
    before = _open_files()

    with pytest.raises(FileNotFoundError):
        process.start(launch("", argv=("no-such-program",)))
    with pytest.raises(FileNotFoundError):
        process.start(launch("true", stdin=f"{tmp_path}/no prompt"))

    assert _open_files() == before


# --- finish: every way to end


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", -9), ("kill -TERM $$", -15)]
)
def test_a_process_that_ends_by_itself_is_told_with_its_exit_code_or_signal(
    script: str, code: int, system: str, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    ending = run(launch(script), cancel)

    assert (ending.how, ending.exit_code) == (Ended.EXITED, code)
    assert 0 <= ending.seconds < 10


def test_a_process_that_ended_before_anybody_looked_is_told_as_it_was(
    system: str, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    given = launch("exit 4", clocks=Clocks(timeout=0, idle=0, flood=0))
    started = process.start(given)
    os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
    cancel.set()

    ending = process.finish(started, given, cancel)

    assert (ending.how, ending.exit_code) == (Ended.EXITED, 4)


def test_a_process_that_runs_too_long_is_ended(
    system: str, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    ending = run(launch(f"exec sleep {LONG}", clocks=Clocks(timeout=0.1)), cancel)

    assert (ending.how, ending.exit_code) == (Ended.TIMED_OUT, -signal.SIGTERM)
    assert 0.1 <= ending.seconds < 4


def test_a_process_that_is_ended_gets_time_for_its_last_words(
    launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    last_words = 'sh -c "sleep 0.1; echo bye"'  # by a program that is started only then
    script = f"trap '{last_words}; exit 0' TERM; touch ready; sleep {LONG} & wait; wait"
    given = launch(script)

    ending = _cancelled_once_ready(given, cancel, tmp_path)

    assert (ending.how, ending.exit_code, ending.is_clean) == (Ended.CANCELLED, 0, False)
    assert (tmp_path / "stdout").read_text(encoding="ascii") == "bye\n"


def test_a_process_that_ignores_the_order_to_end_is_killed_after_the_grace(
    system: str, hasty: None, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    script = f"trap '' TERM; touch ready; while :; do sleep {LONG}; done"

    ending = _cancelled_once_ready(launch(script), cancel, tmp_path)

    assert (ending.how, ending.exit_code) == (Ended.CANCELLED, -signal.SIGKILL)


@pytest.mark.parametrize("where", ["1", "2"])
def test_a_process_that_writes_too_much_is_ended(
    where: str, system: str, hasty: None, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    script = f"while :; do echo the same line again and again; done >&{where}"

    ending = run(launch(script, clocks=Clocks(flood=1000)), cancel)

    assert ending.how is Ended.FLOODED


def test_a_process_that_says_nothing_any_more_is_ended(
    system: str, hasty: None, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    ending = run(launch(f"echo hello; exec sleep {LONG}", clocks=Clocks(idle=0.2)), cancel)

    assert ending.how is Ended.IDLE
    assert (tmp_path / "stdout").read_text(encoding="ascii") == "hello\n"


def test_a_process_that_goes_on_talking_on_either_output_is_not_idle(
    hasty: None, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    script = "for _ in 1 2 3 4 5 6; do echo .; sleep 0.1; echo . >&2; sleep 0.1; done"

    ending = run(launch(script, clocks=Clocks(idle=0.9)), cancel)

    assert ending.is_clean
    assert ending.seconds > 0.9


def _signs(line: str) -> Sign | None:
    """`bye` is a last word, `stuck` says that nothing more will come by itself."""
    return {"bye": Sign.LAST, "stuck": Sign.STUCK}.get(line)


def test_a_process_that_does_not_go_away_after_its_last_word_is_sent_home(
    launch: Callable[..., Launch], cancel: Cancel, system: str, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "FAREWELL", 0.2)

    ending = run(launch(f"echo hello; echo bye; sleep {LONG}", sign=_signs), cancel)

    assert ending.how is Ended.OVERSTAYED
    assert ending.is_clean


def test_a_last_word_that_something_follows_was_not_the_last(
    launch: Callable[..., Launch], cancel: Cancel, system: str, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "FAREWELL", 0.6)

    ending = run(
        launch("echo bye; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; echo more; done; exit 3", sign=_signs),
        cancel,
    )

    assert (ending.how, ending.exit_code, ending.is_clean) == (Ended.EXITED, 3, False)


@pytest.mark.parametrize("output", ["1", "2"])
def test_a_process_that_says_it_is_stuck_is_ended(
    launch: Callable[..., Launch], cancel: Cancel, system: str, hasty: None, output: str
) -> None:
    ending = run(launch(f"echo hello; echo stuck >&{output}; sleep {LONG}", sign=_signs), cancel)

    assert (ending.how, ending.is_clean) == (Ended.STUCK, False)


def test_a_sign_is_heard_only_when_its_line_is_whole_and_however_it_comes(tmp_path: Path) -> None:
    """Cut anywhere, in the middle of a letter too."""
    out = tmp_path / "out"
    listener = process.Listener(lambda line: Sign.STUCK if line == "größe" else None, (str(out),))
    raw = "x" * 100_000 + "\ngröße\n"
    heard = []
    with out.open("wb") as file:
        for at in range(0, len(raw.encode()), 9_999):
            file.write(raw.encode()[at : at + 9_999])
            file.flush()
            heard.append(listener.heard(0.0))

    assert heard[-1] is Ended.STUCK
    assert not any(heard[:-1])


def test_an_output_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert process.Listener(_signs, (f"{tmp_path}/gone",)).heard(0.0) is None


def _finishing(pool: ThreadPoolExecutor, launch: Launch, cancel: Cancel) -> Any:
    return pool.submit(process.finish, process.start(launch), launch, cancel)


def _cancelled_once_ready(launch: Launch, cancel: Cancel, folder: Path, hard: bool = False) -> Ending:
    """The end of a process that is cancelled when its script has made the file `ready`."""
    with ThreadPoolExecutor(1) as pool:
        future = _finishing(pool, launch, cancel)
        eventually((folder / "ready").exists)
        cancel.set(hard)
        ending: Ending = future.result(timeout=30)
    return ending


def test_a_cancel_ends_every_process_that_is_waited_for(
    system: str, launch: Callable[..., Launch], cancel: Cancel
) -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [_finishing(pool, launch(f"exec sleep {LONG}", marker=None), cancel) for _ in range(4)]
        cancel.set()
        endings = [future.result(timeout=30) for future in futures]

    assert {(ending.how, ending.exit_code) for ending in endings} == {(Ended.CANCELLED, -signal.SIGTERM)}


def test_a_hard_cancel_spends_no_grace(
    system: str, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    script = f"trap '' TERM; touch ready; while :; do sleep {LONG}; done"

    ending = _cancelled_once_ready(launch(script), cancel, tmp_path, hard=True)

    assert (ending.how, ending.exit_code) == (Ended.CANCELLED, -signal.SIGKILL)
    assert ending.seconds < process.GRACE


def test_a_second_cancel_that_is_hard_cuts_the_grace_of_the_first_short(
    launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    script = "trap 'touch asked' TERM; touch ready; while :; do sleep 0.02; done"  # goes on after being asked
    with ThreadPoolExecutor(1) as pool:
        future = _finishing(pool, launch(script), cancel)
        eventually((tmp_path / "ready").exists)
        cancel.set()
        eventually((tmp_path / "asked").exists)
        asked = time.monotonic()

        cancel.set(hard=True)
        ending = future.result(timeout=30)

    assert ending.exit_code == -signal.SIGKILL
    assert time.monotonic() - asked < process.GRACE - 1


# --- finish: nothing is left


def test_children_left_behind_in_the_group_are_ended(
    system: str, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    ending = run(launch(f"sleep {LONG} & echo $! > child", marker=None), cancel)

    assert ending.is_clean
    assert not lives(tmp_path / "child")


def test_children_left_behind_are_asked_before_they_are_killed(
    launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    script = (
        f"(trap 'echo tidied > note; exit' TERM; touch ready; sleep {LONG} & wait) &"
        " while [ ! -e ready ]; do sleep 0.01; done"
    )

    ending = run(launch(script, marker=None), cancel)

    assert ending.is_clean
    assert (tmp_path / "note").read_text(encoding="ascii") == "tidied\n"


def test_children_left_behind_that_ignore_the_order_are_killed(
    system: str, hasty: None, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    script = (
        f"sh -c 'trap \"\" TERM; echo $$ > child; touch ready; sleep {LONG}; sleep {LONG}' &"
        " while [ ! -e ready ]; do sleep 0.01; done"
    )

    run(launch(script, marker=None), cancel)

    eventually(lambda: not lives(tmp_path / "child"))


@pytest.mark.parametrize(
    "clocks", [Clocks(), Clocks(timeout=1.1)], ids=["after it ended", "after it was ended"]
)
def test_children_that_left_the_group_are_found_by_their_marker(
    clocks: Clocks,
    system: str,
    launch: Callable[..., Launch],
    cancel: Cancel,
    tmp_path: Path,
) -> None:
    goes_on = f"exec sleep {LONG}" if clocks.timeout else "true"
    script = (
        f"setsid sh -c 'echo $$ > child; touch ready; exec sleep {LONG}' &"
        f" while [ ! -e ready ]; do sleep 0.01; done; {goes_on}"
    )

    run(launch(script, clocks=clocks), cancel)

    eventually(lambda: not lives(tmp_path / "child"))


def test_processes_of_others_are_left_alone(
    system: str, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path, child: Callable[..., Any]
) -> None:
    given = launch("true")
    stranger = child("sleep", LONG, env=marked(ATTEMPT_MARKER, f"{given.marker}x"))

    run(given, cancel)
    run(evolve(given, clocks=Clocks(timeout=0), argv=("sleep", LONG)), cancel)

    assert stranger.poll() is None


# --- ending by number and by marker


def test_a_group_is_ended_when_its_first_process_is_the_one_meant(
    system: str, tmp_path: Path, child: Callable[..., Any]
) -> None:
    leader = child("sh", "-c", f"sleep {LONG} & echo $! > child; touch ready; wait", cwd=tmp_path)
    eventually((tmp_path / "ready").exists)

    process.end_group(leader.pid, process.birth(leader.pid) or "")

    eventually(lambda: not lives(tmp_path / "child"))
    assert leader.wait() == -signal.SIGTERM


@pytest.mark.parametrize("born", ["", "another time"])
def test_a_group_is_left_alone_when_its_number_belongs_to_another_by_now(
    born: str, system: str, child: Callable[..., Any]
) -> None:
    leader = child("sleep", LONG)

    process.end_group(leader.pid, born)

    assert leader.poll() is None


def test_every_carrier_of_a_marker_is_ended_and_nobody_else(system: str, child: Callable[..., Any]) -> None:
    value = str(uuid4())
    carrying = [child("sleep", LONG, env=marked("MARK", value)) for _ in range(2)]
    others = [
        child("sleep", LONG, env=env)
        for env in (marked("MARK", value + "x"), marked("MARK2", value), marked("OTHER", f"MARK={value}"))
    ]

    ended = process.end_carriers("MARK", value)

    assert ended == 2
    assert [one.wait() for one in carrying] == [-signal.SIGTERM] * 2
    assert [one.poll() for one in others] == [None] * 3
    assert process.end_carriers("MARK", value) == 0


def test_a_carrier_that_ignores_the_order_to_end_is_killed(system: str, child: Callable[..., Any]) -> None:
    value = str(uuid4())
    stubborn = child(
        *("sh", "-c", f"trap '' TERM; echo ready; exec sleep {LONG}"),
        env=marked("MARK", value),
        stdout=subprocess.PIPE,
    )
    stubborn.stdout.readline()

    process.end_carriers("MARK", value, grace=0.1)

    assert stubborn.wait() == -signal.SIGKILL


def test_the_one_who_ends_carriers_may_carry_the_marker_too(system: str, tmp_path: Path) -> None:
    source = f"""
import os
from peal.system import process
if {system == "without /proc"}:
    process._HAS_PROC = False
print(process.end_carriers("MARK", os.environ["MARK"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", source],
        env=marked("MARK", str(uuid4())),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize("wrapper", ["in a sandbox"], indirect=True)
@pytest.mark.parametrize("is_over", [True, False], ids=["after it ended", "after it was ended"])
def test_in_a_sandbox_those_are_found_too_that_left_their_session_and_cleared_their_environment(
    is_over: bool, launch: Callable[..., Launch], cancel: Cancel, tmp_path: Path
) -> None:
    hidden = (
        f"setsid env -i sh -c 'echo $$ >left; exec sleep {LONG}' & until test -s left; do sleep 0.01; done"
    )
    script = f"{hidden}; touch ready; {'true' if is_over else f'sleep {LONG}'}"

    ending = (
        run(launch(script), cancel) if is_over else _cancelled_once_ready(launch(script), cancel, tmp_path)
    )

    assert ending.how is (Ended.EXITED if is_over else Ended.CANCELLED)
    assert not lives(tmp_path / "left")


# --- the reaper


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's temporary folder, with something in it."""
    made = tmp_path / "run's folder"
    (made / "inner").mkdir(parents=True)
    (made / "inner" / "file").touch()
    return made


@pytest.fixture
def carrier(child: Callable[..., Any]) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts a process of a run that is no child of the reaper's and has a group of its own."""

    def start(run: str, *argv: str) -> subprocess.Popen[bytes]:
        started: subprocess.Popen[bytes] = child(
            *(argv or ("sleep", LONG)), env=marked(RUN_MARKER, run), stdout=subprocess.PIPE
        )
        return started

    return start


def _reaper(folder: Path, run: str = "") -> tuple[str, ...]:
    """The reaper of a run as a command."""
    return (sys.executable, "-I", "-S", reaper.__file__, run or str(uuid4()), str(folder))


def _reapers(folder: Path) -> list[int]:
    """The living processes that were started to watch this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(folder) in words and is_running(entry.name):
                    found.append(int(entry.name))
    return found


def _stands_apart(folder: Path) -> bool:
    """Whether the reaper of this folder is nobody's child any more."""
    family = {process.pid for process in psutil.Process().children(recursive=True)}
    return bool(_reapers(folder)) and not family & set(_reapers(folder))


def test_a_reaper_stands_until_it_is_released_and_leaves_nothing_then(
    folder: Path, carrier: Callable[..., Any]
) -> None:
    run = str(uuid4())
    standing = Reaper.start(run, folder)
    left = carrier(run)
    other = carrier(f"{run}x")
    eventually(lambda: _reapers(folder))
    before = (folder.exists(), left.poll())

    standing.release()

    assert before == (True, None)
    assert left.wait() == -signal.SIGTERM
    assert other.poll() is None
    assert not folder.exists()
    assert _reapers(folder) == []


def test_a_reaper_acts_when_peal_is_killed(
    folder: Path, carrier: Callable[..., Any], child: Callable[..., Any]
) -> None:
    run = str(uuid4())
    source = (
        "import sys, time; from pathlib import Path; from peal.system.process import Reaper\n"
        "reaper = Reaper.start(sys.argv[1], Path(sys.argv[2])); print('stands', flush=True); time.sleep(300)"
    )
    peal = child(sys.executable, "-c", source, run, str(folder), stdout=subprocess.PIPE)
    assert peal.stdout.readline() == b"stands\n"
    left = carrier(run)

    peal.kill()

    assert left.wait(20) == -signal.SIGTERM
    eventually(lambda: not folder.exists())
    eventually(lambda: not _reapers(folder))


def test_a_reaper_is_nobodys_child(folder: Path) -> None:
    """Who ends a job by its tree of parents would end it, and miss what an agent had put in the background."""
    standing = Reaper.start(str(uuid4()), folder)
    eventually(lambda: _stands_apart(folder))
    standing.release()


@pytest.mark.parametrize("last_words", [b"", reaper.DONE], ids=["peal is gone", "peal ended in good order"])
def test_a_reaper_ends_what_ignores_the_order_and_starts_itself_anew(
    last_words: bytes, folder: Path, carrier: Callable[..., Any], child: Callable[..., Any]
) -> None:
    run = str(uuid4())
    standing = child(*_reaper(folder, run), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stubborn = carrier(
        run, "sh", "-c", f"trap '' TERM; echo ready; while :; do setsid sleep {LONG} & sleep 0.02; done"
    )
    stubborn.stdout.readline()

    standing.communicate(last_words, timeout=20)

    assert standing.returncode == 0
    assert stubborn.wait() == -signal.SIGKILL
    assert carriers(RUN_MARKER, run) == []
    assert not folder.exists()


@pytest.fixture
def hidden(child: Callable[..., Any], tmp_path: Path) -> tuple[int, int]:
    """A process that carries no marker, and its child in the same group."""
    leader = child("sh", "-c", f"sleep {LONG} & echo $! > child; touch ready; wait", cwd=tmp_path)
    eventually((tmp_path / "ready").exists)
    return leader.pid, number_in(tmp_path / "child")


def test_a_reaper_ends_the_groups_it_was_told_of_when_peal_is_gone(
    hidden: tuple[int, int], folder: Path, child: Callable[..., Any]
) -> None:
    standing = child(*_reaper(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    standing.communicate(b"%d %s\n" % (hidden[0], reaper.started(hidden[0])), timeout=20)

    assert standing.returncode == 0
    eventually(lambda: not any(map(is_running, hidden)))


def test_a_reaper_ends_the_group_of_a_carrier_that_it_was_not_told_of(
    folder: Path, carrier: Callable[..., Any], tmp_path: Path
) -> None:
    """Peal was killed just when it had started that, and whoever is in it may have no marker and ignore the order."""
    run = str(uuid4())
    bare = f"env -i sh -c 'trap \"\" TERM; echo $$ >{tmp_path}/bare; while :; do sleep 1; done' & wait"
    leader = carrier(run, "sh", "-c", bare)
    eventually(lambda: (tmp_path / "bare").exists() and (tmp_path / "bare").read_text())

    said = subprocess.run(_reaper(folder, run), input=b"", capture_output=True, timeout=20, check=True).stdout

    assert said == b""
    assert leader.wait(20) == -signal.SIGTERM
    eventually(lambda: not is_running(number_in(tmp_path / "bare")))


@pytest.mark.parametrize(
    ("born", "last_words"),
    [(b"1", b""), (b"", b""), (None, reaper.DONE)],
    ids=["of another process by now", "torn", "of peal's that ended in good order"],
)
def test_a_reaper_leaves_other_groups_alone(
    born: bytes | None, last_words: bytes, hidden: tuple[int, int], folder: Path, child: Callable[..., Any]
) -> None:
    standing = child(*_reaper(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    start = reaper.started(hidden[0]) if born is None else born

    standing.communicate(b"%d %s\n%s" % (hidden[0], start, last_words), timeout=20)

    assert standing.returncode == 0
    assert all(map(is_running, hidden))


def test_a_reaper_that_watches_a_process_is_told_its_number_and_start(
    hidden: tuple[int, int], folder: Path, child: Callable[..., Any]
) -> None:
    source = (
        "import sys, time; from pathlib import Path; from peal.system.process import Reaper\n"
        "reaper = Reaper.start('a run', Path(sys.argv[1])); reaper.watch(int(sys.argv[2]))\n"
        "print('stands', flush=True); time.sleep(300)"
    )
    peal = child(sys.executable, "-c", source, str(folder), str(hidden[0]), stdout=subprocess.PIPE)
    assert peal.stdout.readline() == b"stands\n"

    peal.kill()

    eventually(lambda: not any(map(is_running, hidden)))


def test_a_reaper_is_not_moved_by_the_signals_that_end_others(
    folder: Path, child: Callable[..., Any]
) -> None:
    standing = child(*_reaper(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    eventually(lambda: _stands_apart(folder))
    (stands,) = _reapers(folder)
    eventually(lambda: all(_ignores(stands, number) for number in signals))

    for number in signals:
        os.kill(stands, number)

    assert _reapers(folder) == [stands]
    standing.communicate(reaper.DONE, timeout=20)
    assert _reapers(folder) == []


def _ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    mask = int(status.split("SigIgn:")[1].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def test_a_reaper_has_nothing_to_say_when_the_folder_is_gone_already(
    folder: Path, child: Callable[..., Any]
) -> None:
    standing = child(
        *_reaper(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    shutil.rmtree(folder)

    said, _ = standing.communicate(timeout=20)

    assert (standing.returncode, said) == (0, b"")


def test_a_reaper_that_somebody_ended_is_released_without_complaint(folder: Path) -> None:
    standing = Reaper.start(str(uuid4()), folder)
    eventually(lambda: _stands_apart(folder))
    (pid,) = _reapers(folder)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_running(pid))

    standing.release()

    assert folder.exists()


def test_a_reaper_does_not_carry_the_marker_of_a_run_around_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = str(uuid4())
    monkeypatch.setenv(RUN_MARKER, outer)
    monkeypatch.setenv(ATTEMPT_MARKER, f"{outer}/1")

    standing = Reaper.start(str(uuid4()), folder)
    eventually(lambda: _reapers(folder))
    eventually(lambda: all(_is_seen(pid) for pid in _reapers(folder)))
    carrying = carriers(RUN_MARKER, outer) + carriers(ATTEMPT_MARKER, f"{outer}/1")
    standing.release()

    assert carrying == []
