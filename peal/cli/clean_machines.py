"""`peal clean --machines`: removes what machines keep of a repository."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from peal.errors import PealError
from peal.machines import used
from peal.machines.asking import LOOK_SEC, Answers, ask_each
from peal.machines.connection import Connection
from peal.machines.named import called
from peal.settings import load
from peal.system.layout import RepoPaths
from peal.text.display import harmless, size


def without_stores(repo_paths: RepoPaths, given: str, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """What becomes of each store on these machines, or on those that were used; false for what had to go and could not."""
    settings, repository = load(repo_paths.repo, {"run_on": given} if given else {}), called(repo_paths.repo)
    names = settings.run_on if given else (*used.noted(repo_paths), *settings.run_on)
    method = "stores" if dry_run else "remove_stores"

    def ask(machine: Connection) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = machine.told(method, repository, within=LOOK_SEC)
        return found

    for name, answers in ask_each(names, settings, repo_paths, ask, everywhere=True).items():
        is_clean = True
        for text, is_gone in _of_all(answers, dry_run):
            is_clean = is_clean and is_gone
            yield text, is_gone
        if is_clean and not dry_run:
            used.forget(repo_paths, [name])
    if not dry_run:
        for folder in (*repo_paths.machines.glob("local-*"), repo_paths.machines):
            with suppress(OSError):  # something is left in it
                folder.rmdir()


def _of_all(answers: Answers[list[dict[str, Any]]], dry_run: bool) -> Iterator[tuple[str, bool]]:
    for machine, answer in answers.items():
        if isinstance(answer, PealError):
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
