"""`peal clean --machines`: removes what machines keep of a repository."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

from peal.errors import MachineLost
from peal.machines import used
from peal.machines.connection import Connection
from peal.machines.named import called, fleet_of
from peal.settings import load
from peal.system.layout import RepoPaths
from peal.text.display import harmless, size

_WITHIN = 600.0
"""Seconds for a machine to remove what it keeps."""


def without_stores(repo_paths: RepoPaths, given: str, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """What becomes of each store on these machines, or on those that were used; false for what had to go and could not."""
    settings = load(repo_paths.repo, {"run_on": given} if given else {})
    names = settings.run_on if given else (*used.noted(repo_paths), *settings.run_on)
    for name in dict.fromkeys(names):
        is_clean = True
        for text, is_gone in _on(name, repo_paths, dry_run):
            is_clean = is_clean and is_gone
            yield text, is_gone
        if is_clean and not dry_run:
            used.forget(repo_paths, [name])
    if not dry_run:
        for folder in (*repo_paths.machines.glob("local-*"), repo_paths.machines):
            with suppress(OSError):  # something is left in it
                folder.rmdir()


def _on(name: str, repo_paths: RepoPaths, dry_run: bool) -> Iterator[tuple[str, bool]]:
    settings = load(repo_paths.repo, {"run_on": name})
    repository = called(repo_paths.repo)

    def ask(machine: Connection) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = machine.told(
            "stores" if dry_run else "remove_stores", repository, within=_WITHIN
        )
        return found

    with closing(fleet_of(settings, repo_paths)) as fleet:
        for machine, answer in fleet.ask_all(ask).items():
            if isinstance(answer, MachineLost):
                yield f"{harmless(str(answer))}; what it keeps of this repository stays", False
                continue
            for store in answer:
                yield _told(machine, store, dry_run)


def _told(machine: str, store: dict[str, Any], dry_run: bool) -> tuple[str, bool]:
    what = f"store `{harmless(store['path'])}` on `{machine}`"
    kept = "another peal is using it" if store.get("is_in_use") else store.get("kept", "")
    if kept:
        return f"kept {what}: {harmless(kept)}", False
    return f"{'would have removed' if dry_run else 'removed'} {what}, {size(store['size'])}", True
