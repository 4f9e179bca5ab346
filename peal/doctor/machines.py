"""The machines on which attempts run: whether they answer, and what they keep."""

from collections.abc import Iterator
from functools import partial

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom
from peal.doctor.look import Look
from peal.errors import PealError

_REMOVES = "peal clean --machines"


def unreachable(look: Look) -> Iterator[Symptom]:
    """A machine of the settings that nothing can run on."""
    for name, found in look.stores.items():
        if isinstance(found, PealError):
            yield Symptom(str(found), f"mend that, or take `{name}` out of `run_on`", name)


def store_damaged(look: Look) -> Iterator[Symptom]:
    """What a machine keeps, as far as git cannot read it."""
    for name, found in look.stores.items():
        damaged = [] if isinstance(found, PealError) else [store for store in found if store["damage"]]
        for store in damaged:
            told = f"machine `{name}`: the store `{store['path']}` is damaged: {store['damage']}"
            by_hand = f"`{_REMOVES} {name}` removes it, and the next run makes it anew"
            yield Symptom(told, by_hand, name, partial(_remove_stores, look))


def store_left(look: Look) -> Iterator[Symptom]:
    """A machine that runs have used and the settings do not name: what it keeps of the repository stays there."""
    if not look.repo_paths.used_machines.exists():
        return
    from peal.machines import used  # only here: most have no machines

    for name in used.noted(look.repo_paths):
        if name not in look.readable.settings.run_on:
            told = f"a run has used machine `{name}`, and a store of this repository may be there"
            yield Symptom(told, f"`{_REMOVES} {name}` removes it", name)


def _remove_stores(look: Look, keeping: Keeping) -> str:  # noqa: ARG001 - all that is in them is here as well
    look.ask_machines("remove_stores")
    return "removed the stores on the machines; the next run makes them anew"
