"""What tests of sandboxes need: whether one works on this machine, found by running it."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

_TRIED = ("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-user-try", "true")


@cache
def why_no_bubblewrap(before: tuple[str, ...] = ()) -> str:
    """Why bubblewrap does not work here behind these words; empty if it does."""
    try:
        done = subprocess.run([*before, *_TRIED], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        return f"bubblewrap cannot be started here: {error.strerror}"
    return f"bubblewrap does not work here: {done.stderr.strip()}" if done.returncode else ""


needs_bubblewrap = pytest.mark.skipif(bool(why_no_bubblewrap()), reason=why_no_bubblewrap())
"""Marks a test, or a module's (`pytestmark`), that cannot be without it."""


def path_without_bubblewrap(folder: Path) -> str:
    """A PATH of one new folder with every program of this one but bubblewrap."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in place.iterdir() if place.is_dir() else ():
            if program.name != "bwrap" and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return str(folder)
