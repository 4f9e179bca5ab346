"""What tests of sandboxes need: whether one works on this machine, found by running it."""

import subprocess
from functools import cache

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
