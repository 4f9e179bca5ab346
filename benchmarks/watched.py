"""A process under watch: its own CPU time and its own peak memory, without those of its children."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks.ground import Broken, Missing, last_words

_LOOK = 0.01


@frozen
class Usage:
    """What one process used."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of one core."""
    peak: float
    """Resident memory, in millions of bytes."""


def watch(argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: int) -> Usage:
    """
    Run a command to its good end.

    The kernel's usage of a collected child (wait4) counts that child's own children too. So memory is read while
    the process lives, every 10 ms (the mark only rises), and CPU time after its end before it is collected.
    """
    if not hasattr(os, "waitid") or not Path("/proc/self/status").exists():
        raise Missing("needs /proc")
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
    )
    peak = 0.0
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        peak = max(peak, _peak(process.pid))
        time.sleep(_LOOK)
    wall, cpu = time.perf_counter() - began, _cpu(process.pid)
    _, said = process.communicate()
    if process.returncode:
        raise Broken(last_words(argv, process.returncode, said))
    return Usage(wall, cpu, peak)


def _peak(pid: int) -> float:
    """The highest resident memory so far; 0 once the process has given it back."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    found = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(next(found, "0")) * 1024 / 1e6


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
