"""Keys as a terminal sends them."""

import pytest

from peal.system.terminal import keys_in


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
