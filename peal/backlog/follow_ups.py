"""Work that came up while an item was worked on, as new items; pure."""

import re
from collections.abc import Iterable, Sequence

from peal.backlog.item import LONGEST_TITLE, Item
from peal.classes import frozen
from peal.model.phase_result import Description, FollowUp
from peal.text.display import harmless, some

_SHOWN = 5


@frozen
class Brought:
    """What has become of follow-ups."""

    items: tuple[Item, ...] = ()
    told: tuple[str, ...] = ()
    """What was not made an item, and why."""


def brought(
    item: Item, phase: str, wanted: Sequence[FollowUp], known: Iterable[Item], ids: Sequence[str], at: str
) -> Brought:
    """
    New items for what a phase of an item has come upon, as many as there are ids for.

    What the same item has brought before, in whatever phase, is not brought again, be it open or over by now; nor is what the
    item itself is called, or each of them would bring the next.
    """
    before = {
        _words(one.title): one.id
        for one in (item, *known)
        if one is item or one.origin.partition("/")[0] == item.id
    }
    fresh: dict[str, FollowUp] = {}
    again = []
    for one in wanted:
        words = _words(one.title)
        if there := before.get(words):
            again.append(f"follow-up `{harmless(one.title)[:LONGEST_TITLE]}` is there already, as {there}")
        else:
            fresh.setdefault(words, one)
    pairs = zip(fresh.values(), ids, strict=False)
    made = tuple(_item(one, name, f"{item.id}/{phase}", at) for one, name in pairs)
    left = [one.title[:LONGEST_TITLE] for one in fresh.values()][len(made) :]
    cut = (
        f"{len(left)} more of its follow-ups are left out, for a phase brings at most {len(ids)} "
        f"(`execution.max_follow_ups`): {some(left, _SHOWN)}"
    )
    return Brought(made, (*again, *[cut] * bool(left)))


def _item(follow_up: FollowUp, name: str, origin: str, at: str) -> Item:
    title, context = " ".join(harmless(follow_up.title).split()), follow_up.context.strip()
    if len(title) > LONGEST_TITLE:
        title, context = f"{title[: LONGEST_TITLE - 1]}…", "\n\n".join(filter(None, (title, context)))
    return Item(
        name,
        title,
        size=follow_up.suggested_size,
        risk=follow_up.suggested_risk,
        origin=origin,
        created=at,
        updated=at,
        description=Description(context=context),
    )


def _words(title: str) -> str:
    """What two titles have in common that say the same: their words, in small letters."""
    folded = title.casefold()
    return " ".join(re.findall(r"\w+", folded)) or folded.strip()
