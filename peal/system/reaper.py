"""
Ends what a dead peal left running.

Run as `python -I -S reaper.py RUN FOLDER` with a pipe for standard input of which only peal holds the other end.
When the pipe closes, peal is gone, however it ended: everything that carries the run's marker in its environment
gets SIGTERM, half a second later SIGKILL, again until nothing is left; then the run's temporary folder goes. Its
standard output says nothing and closes when all that is done.

Imports nothing of peal's and little of Python's, because one starts with every run.
"""

import _signal as signal  # what `signal` wraps in enums, whose making takes longer than all the rest here
import os
import sys
import time

GRACE = 0.5
HOPELESS = 30.0
"""Seconds after which a process that SIGKILL does not end, as on a dead network disk, is left to the next start."""
DONE = b"done"
"""What peal writes last when it ends in good order."""
FEW = 200
"""Numbers that are quicker to try one by one than to find in a list of every process."""
QUIET = 4
"""Looks in a row, 50 ms apart, that must find nothing after a kill: a process may have been on its way into life."""


def carriers(marker: bytes, younger_than: int = 0) -> list[int]:
    """The processes with `NAME=value` in their environment; only ours can be read, and only they matter."""
    found = []
    own = os.getpid()
    for pid in candidates(younger_than):
        try:
            with open(f"/proc/{pid}/environ", "rb", buffering=0) as environ:
                variables = environ.read()
        except OSError:
            continue
        if pid != own and marker in variables and marker in variables.split(b"\0"):
            found.append(pid)
    return found


def candidates(younger_than: int) -> "list[int] | range":
    """
    Every process, or those begun after this one did.

    Numbers are given out in rising order until they wrap, and /proc/loadavg ends in the latest; counting up to it is
    far cheaper than listing every process of the machine.
    """
    if younger_than:
        with open("/proc/loadavg", "rb", buffering=0) as loadavg:
            latest = int(loadavg.read().split()[-1])
        if 0 <= latest - younger_than <= FEW:
            return range(younger_than + 1, latest + 1)
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def signal_all(pids: list[int], number: int) -> None:
    """Signal each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def end_groups(told: "list[bytes]") -> None:
    """End the groups of processes peal has started, each told as its number and its start: they may carry no marker."""
    pairs = [line.split() for line in told]
    groups = [int(pair[0]) for pair in pairs if len(pair) == 2 and started(int(pair[0])) == pair[1]]
    deadline = time.monotonic() + GRACE
    while groups and time.monotonic() < deadline + GRACE:
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        groups = [group for group in groups if signal_group(group, number)]
        time.sleep(0.02)


def signal_group(group: int, number: int) -> bool:
    """Whether the group still had a member to signal."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


def started(pid: int) -> bytes:
    """When a process began, in the system's own ticks; nothing if it is gone. See proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19]
    except (OSError, IndexError):
        return b""


def end_all(marker: bytes, quiet_looks: int) -> None:
    """
    End every carrier of the marker: TERM, then KILL after the grace, until none is seen so often in a row.

    And the groups that carriers lead: peal may have been killed before it told of one, and who is in it may have
    cleared its environment.
    """
    deadline = time.monotonic() + GRACE
    hopeless = deadline + HOPELESS
    quiet = 0
    asked: set[int] = set()
    groups: set[int] = set()
    while True:
        pids = carriers(marker)
        led = leaders(pids)
        groups = {group for group in groups | led if signal_group(group, 0)}
        quiet = 0 if pids or groups else quiet + 1
        if quiet >= quiet_looks or time.monotonic() >= hopeless:
            return
        if time.monotonic() >= deadline:
            signal_all(pids, signal.SIGKILL)
            for group in groups:
                signal_group(group, signal.SIGKILL)
            groups.clear()  # what is left of them now are the dead, whom nobody may have waited for
        else:
            signal_all([pid for pid in pids if pid not in asked], signal.SIGTERM)
            for group in led - asked:
                signal_group(group, signal.SIGTERM)
            asked.update(pids)
        time.sleep(0.05)


def leaders(pids: list[int]) -> set[int]:
    """Those who lead a group of their own, as whoever peal starts does."""
    found = set()
    for pid in pids:
        try:
            if os.getpgid(pid) == pid:
                found.add(pid)
        except OSError:
            continue
    return found


def stand_apart() -> None:
    """
    Go on as nobody's child.

    Slurm without control groups, and some that run builds, end a job by its tree of parents: with peal they would end
    the reaper, but not what an agent had put in the background.
    """
    if os.fork():
        os._exit(0)


def main() -> None:
    """Wait for peal's end, then clean up after it."""
    marker, folder = f"PEAL_RUN_ID={sys.argv[1]}".encode(), sys.argv[2]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stand_apart()
    told = b""
    while chunk := os.read(0, 65536):
        told += chunk
    *groups, last = told.split(b"\n")
    if os.path.isdir("/proc/self"):
        if last != DONE:
            end_groups(groups)
        end_all(marker, 1 if last == DONE else QUIET)
    if os.path.isdir(folder):
        import shutil  # only where there is something left to remove: it doubles the start
        from contextlib import suppress

        with suppress(RecursionError):  # of folders nested very deep; the next peal knows how
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # there is nothing to take apart
