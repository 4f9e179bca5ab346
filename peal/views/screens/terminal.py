"""What a terminal has beside its lines: a title, and a bell."""

from collections.abc import Mapping
from typing import Self

from peal.classes import define
from peal.text.display import harmless
from peal.views.screens import Output

_KEEP, _PUT_BACK = "\x1b[22;2t", "\x1b[23;2t"
"""The terminal keeps its title on a stack; see ctlseqs(ms) of xterm."""
_TITLE, _END, _BELL = "\x1b]2;", "\x07", "\x07"
_WITHOUT_TITLE = ("linux", "vt", "cons", "emacs", "eterm")
"""What TERM begins with where there is none, and its letters might be shown instead."""
_LONGEST = 120


@define
class Terminal:
    """Both, as long as somebody looks; one that is stopped (Ctrl-S) is not waited for."""

    out: Output
    has_title: bool
    _shown: str = ""

    @classmethod
    def of(cls, outputs: tuple[Output, ...], environ: Mapping[str, str]) -> Self | None:
        """The first of these that a person looks at; None if that is none of them."""
        out = next((out for out in outputs if out.can_redraw(environ)), None)
        has_title = not environ.get("TERM", "").lower().startswith(_WITHOUT_TITLE)
        return cls(out, has_title) if out else None

    def entitle(self, title: str) -> None:
        """Have this title, until it is closed."""
        title = harmless(title)[:_LONGEST]
        if self.has_title and title != self._shown and self.out.can_take:
            kept = "" if self._shown else _KEEP
            self.out.write(f"{kept}{_TITLE}{title}{_END}")
            self._shown = title

    def ring(self) -> None:
        """The bell, once."""
        if self.out.can_take:
            self.out.write(_BELL)

    def close(self) -> None:
        """The title is what it was; none where the terminal has not kept it."""
        if self._shown and self.out.can_take:
            self.out.write(f"{_TITLE}{_END}{_PUT_BACK}")
        self._shown = ""
