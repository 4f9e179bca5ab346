"""The command line: click lives here only; wires objects together, maps errors to exit codes."""

import gc
import os
import sys


def main() -> None:
    """The `peal` command; answers `--version` before anything heavy is imported."""
    try:
        _open_closed_streams()
        code = _tell_version() if sys.argv[1:] in (["--version"], ["-V"]) else _run()
    except KeyboardInterrupt:
        code = 130
    _give_up_on_streams()
    if code:
        sys.exit(code)


def _run() -> int:
    from peal.cli.app import run_command_line

    code = run_command_line()
    # Python would look through all that is in memory for cycles before it exits; it goes with the process anyway.
    gc.freeze()
    return code


def _open_closed_streams() -> None:
    """Started with `>&-`, Python has no stream at all there; peal then prints into the void."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))


def _tell_version() -> int:
    from peal import __version__

    try:
        print(f"peal {__version__}", flush=True)
    except OSError:
        return 1
    return 0


def _give_up_on_streams() -> None:
    """Python is not to try once more what could not be printed, complain, and end with 120 whatever peal's own code is."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
