"""What keys do: which part of the tasks is seen, or the help; pure."""

from attrs import evolve

from peal.classes import frozen

_LINES = {"j": 1, "down": 1, "k": -1, "up": -1}
_PAGES = {" ": 1, "page down": 1, "b": -1, "page up": -1}
QUIT = "q"


@frozen
class Keys:
    """What is said of keys where they are heard."""

    quit: str
    """What `q` does, in a word."""
    quit_help: tuple[str, ...]
    """The same in full: what it does, and what comes then."""

    @property
    def hint(self) -> str:
        """In one line."""
        return f"j k to scroll, ? for help, q to {self.quit}"

    @property
    def help(self) -> tuple[tuple[str, str], ...]:
        """Each key with what it does; first what matters most, for a small terminal has no room for all."""
        first, *more = self.quit_help
        return (
            ("?", "this help; any key goes back"),
            ("q", first),
            *(("", line) for line in more),
            ("j ↓, k ↑", "one task down, up in the list of all"),
            ("PgDn, PgUp", "a page of it down, up; also space and b"),
            ("Home, End", "its first, its last task; also g and G"),
            ("f", "back to what matters: what runs, has failed, is held, comes next"),
        )


OF_RUN = Keys(
    "stop",
    (
        "end the run as Ctrl-C does: what runs is ended, what is done stays done",
        "once more to end it at once; `peal resume` goes on later",
    ),
)
OF_WATCH = Keys("leave", ("leave this view, as Ctrl-C does; the run goes on",))


@frozen
class View:
    """What a person has asked to see."""

    top: int | None = None
    """The first task seen of all, counted from 0; None for those that matter, wherever they stand."""
    is_help: bool = False
    keys: Keys | None = None
    """None where no keys are heard."""


UNTOUCHED = View()
"""Nobody has asked for anything."""


@frozen
class Extent:
    """How much there is to see, as it was drawn last."""

    here: int = 0
    """Where the tasks begin that matter, by which a list is opened."""
    page: int = 1
    """Tasks that are seen at once."""
    last: int = 0
    """The top of the last page."""
    is_more: bool = True
    """Whether there are tasks that are not seen among those that matter."""


NO_MORE = Extent(is_more=False)
"""All there is, is seen."""


def turned(view: View, key: str, extent: Extent) -> View:
    """The view after a key; the same for one that does nothing."""
    if view.is_help:
        return evolve(view, is_help=False)
    if key == "?":
        return evolve(view, is_help=True)
    if key == "f":
        return evolve(view, top=None)
    top = _top(view, key, extent)
    return view if top is None or not extent.is_more else evolve(view, top=max(min(top, extent.last), 0))


def _top(view: View, key: str, extent: Extent) -> int | None:
    """Where a key leads to; None if it does not scroll."""
    if key in ("home", "g"):
        return 0
    if key in ("end", "G"):
        return extent.last
    now = extent.here if view.top is None else view.top
    if key in _LINES:
        return now + _LINES[key]
    return now + _PAGES[key] * max(extent.page - 1, 1) if key in _PAGES else None
