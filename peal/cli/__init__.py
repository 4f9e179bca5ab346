"""The command line: click lives here only; wires objects together, maps errors to exit codes."""

import gc
import os
import sys

from peal.system.python import too_old

_CODE = "PYTHON_TOO_OLD"


def main() -> None:
    """The `peal` command; answers `--version` before anything heavy is imported."""
    try:
        _open_closed_streams()
        if wrong := too_old(sys.version_info):
            sys.exit(_refuse_python(*wrong))
        code = _tell_version() if sys.argv[1:] in (["--version"], ["-V"]) else _run()
    except KeyboardInterrupt:
        code = 130
    _give_up_on_streams()
    if code:
        sys.exit(code)


def _refuse_python(found: str, by_hand: str) -> int:
    """Told before anything is imported that an older Python cannot read; `doctor` tells it as a finding."""
    if sys.argv[1:2] != ["doctor"]:
        print(f"error: {found}; {by_hand}", file=sys.stderr)
    elif "--json" in sys.argv:
        import json

        finding = {
            "code": _CODE,
            "severity": "error",
            "found": found,
            "where": sys.executable,
            "by_hand": by_hand,
        }
        print(json.dumps([{**finding, "can_be_mended": False, "is_mended": False}]))
    else:
        print(f"error {_CODE}: {found}\n  {by_hand}")
    return 1


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
    from peal.system.version import version

    try:
        print(f"peal {version()}", flush=True)
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
