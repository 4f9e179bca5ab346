"""What a terminal tells: keys as it sends them, and that what is drawn is to be drawn anew."""

import os
import signal
from pathlib import Path

import pytest

from peal.system.terminal import Terminal, keys_in


@pytest.mark.parametrize(
    ("typed", "keys", "rest"),
    [
        (b"", (), b""),
        (b"jq", ("j", "q"), b""),
        (b"\x1b[A\x1bOB\x1b[5~\x1b[6~", ("up", "down", "page up", "page down"), b""),
        (b"\x1b[H\x1b[1~\x1bOF\x1b[4~\x1b[8~", ("home", "home", "end", "end", "end"), b""),
        (b"j\x1b[", ("j",), b"\x1b["),
        (b"\x1b", (), b"\x1b"),
        (b"\x1bj", ("",), b""),
        (b"\x1b[1;5Aq\x1b[200~", ("", "q", ""), b""),
        ("ä\n".encode(), ("", "", "\n"), b""),
    ],
)
def test_keys_are_told_apart(typed: bytes, keys: tuple[str, ...], rest: bytes) -> None:
    """By letter or name; one that is not known is no other, and half of one waits for the rest."""
    assert keys_in(typed) == (keys, rest)


def test_another_size_is_told_at_once_and_whether_others_have_written_meanwhile(tmp_path: Path) -> None:
    """Also where no keys are heard; and to nobody once it is closed."""
    told: list[bool] = []
    numbers = (signal.SIGWINCH, signal.SIGCONT)
    before = [signal.getsignal(number) for number in numbers]
    with (tmp_path / "no-terminal").open("w+") as file:
        terminal = Terminal(file.fileno(), print, told.append)
        terminal.open()
        for number in numbers:
            os.kill(os.getpid(), number)
        terminal.close()

    assert told == [False, True]
    assert [signal.getsignal(number) for number in numbers] == before
