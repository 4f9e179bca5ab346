"""What is forked looks, from inside and from outside, like a Python that has just started."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forkserver
import pytest
from conftest import Repo, end_all, eventually, is_running, shell_plan
from forkserver import Process, on_path

Start = Callable[..., Process]

TELL = """
import gc, json, locale, os, resource, signal, sys, tempfile, threading, time

def told(stream):
    kinds = type(stream).__name__, type(stream.buffer).__name__, stream.mode, stream.encoding, stream.errors
    return *kinds, stream.line_buffering, stream.write_through, stream.isatty(), stream.closed

def whose(number):
    return "own" if number == os.getpid() else number

print(json.dumps({
    "arguments": [sys.argv, sys.orig_argv, sys.executable, list(sys.flags), sys.path, sys.warnoptions],
    "main": [__name__, __spec__.name, __file__, sys.modules["__main__"].__dict__ is globals()],
    "variables": [dict(os.environ), len(os.environb)],
    "folder": [os.getcwd(), tempfile.gettempdir()],
    "zone": [time.tzname, time.localtime(0).tm_hour],
    "language": [locale.setlocale(locale.LC_CTYPE), locale.getpreferredencoding()],
    "signals": {number: str(signal.getsignal(number)) for number in sorted(signal.valid_signals())},
    "blocked": [list(signal.pthread_sigmask(signal.SIG_BLOCK, [])), signal.set_wakeup_fd(-1)],
    "threads": [threading.active_count(), threading.current_thread() is threading.main_thread()],
    "collector": [gc.get_threshold(), gc.isenabled(), gc.get_debug()],
    "system": [os.nice(0), os.umask(0), [resource.getrlimit(number) for number in range(9)]],
    "group": [whose(os.getpgid(0)), whose(os.getsid(0))],
    "streams": [told(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "originals": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "files": [(file, os.get_inheritable(file)) for file in range(50) if os.path.exists(f"/dev/fd/{file}")],
}))
"""


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts a module of this source."""
    started: list[Process] = []

    def run(source: str, *words: str, **more: Any) -> Process:
        (tmp_path / "new.py").write_text(source, encoding="utf-8")
        (tmp_path / "new.py").replace(tmp_path / "started.py")  # at once: another may be reading it
        env = {**environment, "TZ": "Asia/Kathmandu", "TMPDIR": str(tmp_path), "GRÜN": "\udcff"}
        started.append(forkserver.popen(("started", *words), tmp_path, env, **more))
        return started[-1]

    yield run
    end_all(started)


@pytest.fixture(params=["forked", "cold"])
def either(start: Start, request: pytest.FixtureRequest) -> Start:
    """Starts it in one way or the other, of which a test must not be able to tell."""
    return lambda *words, **more: start(*words, cold=request.param == "cold", **more)


@pytest.mark.parametrize("start_new_session", [False, True])
def test_a_fork_is_in_the_state_of_a_python_that_has_just_started(
    start: Start, start_new_session: bool
) -> None:
    processes = [
        start(TELL, "a word", "", "ü", cold=cold, start_new_session=start_new_session)
        for cold in (False, True)
    ]

    forked, cold = (json.loads(process.communicate(timeout=30)[0]) for process in processes)

    assert forked == cold
    assert forked["variables"][0]["GRÜN"] == "\udcff"
    assert forked["zone"][0] == ["+0545", "+0545"]
    assert (forked["group"] == ["own", "own"]) is start_new_session


def test_a_fork_on_a_terminal_knows_it(start: Start) -> None:
    ours, theirs = pty.openpty()
    try:
        told = [
            json.loads(start(TELL, cold=cold, stdin=theirs, stderr=theirs).communicate(timeout=30)[0])[
                "streams"
            ]
            for cold in (False, True)
        ]
    finally:
        os.close(ours)
        os.close(theirs)

    assert told[0] == told[1]


ENDS = {
    "": 0,
    "import sys; sys.exit(3)": 3,
    "import sys; sys.exit('what was wrong')": 1,
    "import sys; sys.exit(-1)": 255,
    "1 / 0": 1,
    "raise KeyboardInterrupt": -signal.SIGINT,
    "import os; os._exit(4)": 4,
    "import os; os.kill(os.getpid(), 9)": -signal.SIGKILL,
    "import atexit; atexit.register(print, 'the end'); print('before')": 0,
    "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()": 0,
    "file = open('left', 'w'); file.write('open'); print(end='unfinished')": 0,
    "import os; print('nowhere'); os.close(1)": 120,
    "import subprocess; print(subprocess.run(['sh', '-c', 'exit 7']).returncode)": 0,
}


@pytest.mark.parametrize("source", ENDS)
def test_a_fork_ends_as_it_would(start: Start, source: str, tmp_path: Path) -> None:
    """The code or signal, what is printed, what is told of an error, and what has got into files."""
    seen = []
    for cold in (False, True):
        process = start(source, cold=cold)
        said, complained = process.communicate(timeout=30)
        left = sorted((path.name, path.read_text()) for path in tmp_path.glob("left"))
        seen.append((process.returncode, said, complained.splitlines()[-1:], left))

    assert seen[0] == seen[1]
    assert seen[0][0] == ENDS[source]


HANG = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_process_is_the_one_it_is_said_to_be_and_hears_signals(either: Start, number: int) -> None:
    process = either(HANG, stderr=subprocess.DEVNULL)
    assert process.stdout
    assert int(process.stdout.readline()) == process.pid
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)

    process.send_signal(number)

    assert process.wait(30) == -number
    assert process.poll() == process.returncode == -number
    process.send_signal(number)
    process.stdout.close()
    assert not is_running(process.pid)


def test_of_many_that_end_together_each_is_told_its_own_end(either: Start, tmp_path: Path) -> None:
    source = (
        "import os, sys, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nsys.exit(int(sys.argv[1]))"
    )
    processes = [either(source, str(code)) for code in range(1, 9)]

    (tmp_path / "go").touch()

    assert [process.wait(30) for process in reversed(processes)] == list(range(8, 0, -1))


PATIENT = """
import os, time
print("one", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
print("two" * 100_000)
"""


def test_what_is_printed_is_told_whole_though_a_wait_for_it_was_given_up(
    either: Start, tmp_path: Path
) -> None:
    process = either(PATIENT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.5)
    (tmp_path / "go").touch()

    assert process.communicate(timeout=30) == ("one\n" + "two" * 100_000 + "\n", "")
    assert process.returncode == 0


def test_many_run_side_by_side(either: Start) -> None:
    source = "import os, sys; print(os.getpid(), *sys.argv[1:]); sys.exit(int(sys.argv[1]))"
    processes = [either(source, str(number)) for number in range(5)]

    said = [process.communicate(timeout=30)[0] for process in processes]

    assert said == [f"{process.pid} {number}\n" for number, process in enumerate(processes)]
    assert [process.returncode for process in processes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("steering", [{"PYTHONUTF8": "0"}, {"LC_ALL": "C"}, {"LANG": "de_DE.UTF-8"}])
def test_what_python_reads_when_it_starts_is_read(
    steering: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    process = forkserver.popen(("peal", "--version"), tmp_path, {**environment, **steering})

    assert isinstance(process, subprocess.Popen)
    assert process.communicate(timeout=30)[0].startswith("peal ")


USER = """
import os, pathlib, sys, forkserver
process = forkserver.popen(("peal", "--version"), pathlib.Path.cwd(), os.environ)
print(type(process).__name__, process.communicate(timeout=30)[0].split()[0])
children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children")
print(*(children.read_text().split() if children.exists() else ()))
print(forkserver.on_path(), flush=True)
sys.stdin.read()
"""


def _user(environment: dict[str, str], **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USER], cwd=Path(__file__).parent, env={**environment, **more},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_no_server_outlives_the_process_that_it_serves(environment: dict[str, str]) -> None:
    with _user(environment, COLD="") as user:
        assert user.stdout
        assert user.stdout.readline() == "Forked peal\n"
        servers = user.stdout.readline().split()
        folder = Path(user.stdout.readline().strip())
        assert (folder / "peal").exists()

        user.kill()

    eventually(lambda: not any(map(is_running, servers)))
    eventually(lambda: not folder.parent.exists())


MAY = "print(*(line for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNew'))))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc and setpriv")
def test_a_fork_behind_setpriv_may_do_no_more_than_a_process_that_it_starts(
    start: Start, unprivileged: tuple[str, ...]
) -> None:
    forked, cold, free = (
        start(MAY, before=before, cold=cold)
        for before, cold in ((unprivileged, False), (unprivileged, True), ((), False))
    )

    assert isinstance(forked, forkserver.Forked)
    may = forked.communicate(timeout=30)[0]
    assert may == cold.communicate(timeout=30)[0]
    assert (may == free.communicate(timeout=30)[0]) is (unprivileged == ())


def test_words_that_would_not_last_start_a_process_of_their_own(start: Start) -> None:
    process = start("print(input())", before=("sh", "-c", 'echo told | "$@"', "sh"))

    assert isinstance(process, subprocess.Popen)
    assert process.communicate(timeout=30)[0] == "told\n"


def test_every_start_is_cold_where_that_is_asked_for(environment: dict[str, str]) -> None:
    with _user(environment, COLD="1") as user:
        assert user.communicate()[0] == f"Popen peal\n\n{Path(sys.executable).parent}\n"


@pytest.mark.parametrize(
    ("variables", "program"), [({}, "forkserver.py"), ({"PYTHONUNBUFFERED": "1"}, "-m peal")]
)
def test_a_peal_that_a_script_finds_on_path_ends_as_it_would(
    repo: Repo, variables: dict[str, str], program: str
) -> None:
    """It is a fork, or none where Python would begin otherwise; folder, variables and streams are the script's."""
    repo.write("plan.md", shell_plan('ps -o args= -p "$PPID"; echo "$MARK"; kill -9 "$PPID"'))
    env = {**repo.env, **variables, "MARK": "ü", "PATH": os.pathsep.join((on_path(), repo.env["PATH"]))}

    refused, told, killed = (
        subprocess.run(["peal", *words], cwd=repo.path, env=env, capture_output=True, text=True, check=False)
        for words in (("check", "none.md"), ("check", "plan.md"), ("run", "plan.md", "--agent", "shell"))
    )

    assert (refused.returncode, "none.md" in refused.stderr) == (1, True)
    assert (told.returncode, "1 task" in told.stdout) == (0, True)
    assert killed.returncode == -signal.SIGKILL
    (printed,) = repo.memory().glob("attempts/*execute*/stdout*")
    assert program in printed.read_text(encoding="utf-8")
    assert printed.read_text(encoding="utf-8").endswith("ü\n")
