"""The machine stays awake while a run goes on: a stand-in for the system's program is there for just as long."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from conftest import WAIT, Repo, commit_plan, ended, eventually, is_running, run_plan, shell_plan

STAND_IN = """\
#!/bin/sh
echo "${0##*/} $*" >>"$OUT/asked"
echo $$ >"$OUT/pid"
while [ "${1#-}" != "$1" ]; do shift; done
"$@"
echo over >>"$OUT/asked"
"""
NEEDED = ("bash", "cat", "git", "seq", "sh", "sleep", "touch")


def put(project: Repo, out: Path, **programs: str) -> None:
    """Have only these on PATH, and what a run needs anyway."""
    bin_ = out.parent / "bin"
    shutil.rmtree(bin_, ignore_errors=True)
    bin_.mkdir()
    for name in NEEDED:
        (bin_ / name).symlink_to(shutil.which(name) or name)
    for name, script in programs.items():
        path = bin_ / name.replace("_", "-")
        path.write_text(script)
        path.chmod(0o755)
    project.env["PATH"] = str(bin_)
    project.env.pop("PEAL_KEEP_AWAKE", None)


def test_the_machine_stays_awake_for_as_long_as_a_run_goes_on(project: Repo, out: Path) -> None:
    """By default, once for all plans; Ctrl-C ends the run and then that, and `kill -9` leaves nothing of it."""
    for name, script in (("a", "true"), ("b", WAIT)):
        project.write(f"plans/{name}.md", shell_plan(script))
    project.git("add", ".")
    project.git("commit", "-qm", "plans")
    put(project, out, systemd_inhibit=STAND_IN, caffeinate=STAND_IN)
    process = project.start("run", "plans", "--agent", "shell")
    eventually((out / "begun-1").exists)
    asked = (out / "asked").read_text()
    process.send_signal(signal.SIGINT)
    ended(process, 130)
    over = (out / "asked").read_text()

    (out / "begun-1").unlink()
    put(project, out, caffeinate=STAND_IN)
    process = project.start("resume")
    eventually((out / "begun-1").exists)
    pid = (out / "pid").read_text().strip()
    was_there = is_running(pid)
    os.kill(process.pid, signal.SIGKILL)

    assert asked == "systemd-inhibit --what=idle:sleep --who=peal --why=a run goes on --mode=block cat\n"
    assert over == f"{asked}over\n"
    assert was_there
    eventually(lambda: not is_running(pid))
    assert (out / "asked").read_text() == f"{over}caffeinate -i cat\nover\n"


def test_what_does_not_end_with_a_run_is_ended(project: Repo, out: Path) -> None:
    put(project, out, caffeinate='#!/bin/sh\necho $$ >"$OUT/pid"; trap "" HUP TERM; exec sleep 779')
    commit_plan(project, "until [ -s $OUT/pid ]; do sleep 0.02; done")

    run_plan(project)

    assert not is_running((out / "pid").read_text().strip())


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({}, "`keep_awake`: neither `systemd-inhibit` nor `caffeinate` is here; the machine may go to sleep"),
        (
            {"systemd_inhibit": "#!/bin/sh\necho no bus >&2\nexit 1"},
            "`keep_awake`: it was given up (no bus);",
        ),
    ],
    ids=["not here", "fails"],
)
def test_who_asked_for_it_is_told_once_that_the_machine_may_sleep(
    programs: dict[str, str], told: str, project: Repo, out: Path
) -> None:
    """By default nothing is said, and the run is the same."""
    put(project, out, **programs)
    commit_plan(project, "touch a", "touch b")

    said = run_plan(project, "--keep-awake")
    by_default = run_plan(project, "--fresh") if not programs else ""

    assert (said.count(told), said.count("keep_awake`:")) == (1, 1)
    assert "keep_awake`:" not in by_default
