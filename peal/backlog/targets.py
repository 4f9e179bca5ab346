"""The items that a person asks for by `--target`, worked on one after another: which one is it now; pure."""

from collections.abc import Collection, Sequence

from attrs import evolve

from peal.backlog.item import FINAL, Item
from peal.backlog.selection import View, hindrance
from peal.classes import frozen
from peal.errors import PealError
from peal.text.display import some

_SHOWN = 5


@frozen
class Targets:
    """What was asked for, and how far it is."""

    ids: tuple[str, ...]
    auto_advance: bool = False
    """Go on with the next one where one is blocked, instead of ending the run."""
    current: str = ""
    """The one that is worked on; empty before the first turn, and where none can be worked on."""
    over: frozenset[str] = frozenset()
    """For these nothing more is done in this run."""
    begun: frozenset[str] = frozenset()
    """These have been the current one."""
    passed: frozenset[str] = frozenset()
    """What was said of those that wait, so that it is said once."""

    def place(self, target: str) -> str:
        """`2/3` for the second of three."""
        return f"{self.ids.index(target) + 1}/{len(self.ids)}"


@frozen
class Turn:
    """What has become of the targets."""

    targets: Targets
    told: tuple[str, ...] = ()
    """Lines for the person."""
    has_advanced: bool = False
    """One that was blocked in this run is left behind."""
    halted: str = ""
    """The target whose block ends the run."""


def targets_of(ids: Sequence[str], auto_advance: bool = False) -> Targets:
    """The items asked for, by their whole ids, in the order given; PealError for one that is there twice."""
    if twice := [one for one in dict.fromkeys(ids) if ids.count(one) > 1]:
        raise PealError(f"more than one `--target` means {some(twice, _SHOWN)}; give each once")
    return Targets(tuple(ids), auto_advance)


def turn(targets: Targets, view: View, blocked: Collection[str]) -> Turn:
    """
    Which target is worked on now, given the items that were blocked in this run.

    The current one stays until it is over, blocked, or waits for something. Then comes the first one in the order given that
    can be worked on, so that one which had to wait for another is taken up again as soon as that is done.
    """
    if targets.current in view.running:
        return Turn(targets)
    found = Turn(evolve(targets, current=""))
    left = [one for one in targets.ids if one not in targets.over]
    for target in sorted(left, key=lambda one: one != targets.current):
        found = _looked_at(target, found, view, blocked)
        if found.targets.current or found.halted:
            break
    now = found.targets.current
    if now and now != targets.current and (found.told or targets.begun):
        found = _told(found, f"Next: {now} ({targets.place(now)}).")
    return found


def _looked_at(target: str, so_far: Turn, view: View, blocked: Collection[str]) -> Turn:
    """The turn with this target as the current one, or with why it is not."""
    targets, item = so_far.targets, view.items.get(target)
    place = targets.place(target)
    is_blocked = item is not None and item.status == "blocked"
    if is_blocked and target in blocked:
        if not targets.auto_advance:
            return evolve(_told(so_far, f"{target} blocked ({place}). Halting."), halted=target)
        return evolve(
            _over(so_far, target, f"{target} blocked ({place}). Auto-advancing."), has_advanced=True
        )
    if item is None or is_blocked or item.status in FINAL:
        return _over(so_far, target, _why_over(target, item, targets))
    if why := hindrance(item, view):
        said = f"{target} {why}. Passing over ({place})."
        passed = targets.passed | {said}
        so_far = so_far if said in targets.passed else _told(so_far, said)
        return evolve(so_far, targets=evolve(targets, passed=passed))
    return evolve(so_far, targets=evolve(targets, current=target, begun=targets.begun | {target}))


def _why_over(target: str, item: Item | None, targets: Targets) -> str:
    place = targets.place(target)
    if item is None:
        return f"{target} not found (archived?). Skipping ({place})."
    if item.status == "done" and target in targets.begun:
        return f"{target} completed ({place})."
    return f"{target} already {item.status}. Skipping ({place})."


def _over(so_far: Turn, target: str, said: str) -> Turn:
    targets = evolve(so_far.targets, over=so_far.targets.over | {target})
    return evolve(_told(so_far, said), targets=targets)


def _told(so_far: Turn, said: str) -> Turn:
    return evolve(so_far, told=(*so_far.told, f"[target] {said}"))
