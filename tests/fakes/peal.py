"""
A `peal` on PATH that has the server of tests/forkserver.py fork one: `peal.py DOOR VARIABLES WORDS…`.

It is Python without `site`, and so starts in milliseconds. What it is told, the fork is: folder, variables, streams; and it
ends as the fork does. Where the variables have Python itself begin otherwise than the server, it becomes `python -m peal`.
"""

import json
import os
import signal
import socket
import sys


def main(door, variables, *words):
    """The exit code."""
    reads = {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "LC_", "LANG"))}
    if reads != json.loads(variables):
        os.execv(sys.executable, [sys.executable, "-m", "peal", *words])
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(door)
        call = (["peal", *words], os.getcwd(), dict(os.environ), False)  # noqa: PTH109
        socket.send_fds(line, [b"."], [0, 1, 2])
        line.sendall(json.dumps(call).encode())
        line.shutdown(socket.SHUT_WR)
        line.recv(4)
        code = int.from_bytes(line.recv(4), "big", signed=True)
    if code < 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the one that Python listens to
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
