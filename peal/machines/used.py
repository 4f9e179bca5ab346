"""Which machines a repository's runs have used, so that what they keep of it can be found again."""

from collections.abc import Iterable

from peal.system.files import content, replace
from peal.system.layout import RepoPaths


def note(repo_paths: RepoPaths, names: Iterable[str]) -> None:
    """They are used now, by these names as a person has given them."""
    known = noted(repo_paths)
    if new := [name for name in names if name not in known]:
        _write(repo_paths, [*known, *new])


def noted(repo_paths: RepoPaths) -> list[str]:
    """Those that may keep something of it."""
    return (content(repo_paths.used_machines) or b"").decode("utf-8", "surrogateescape").splitlines()


def forget(repo_paths: RepoPaths, names: Iterable[str]) -> None:
    """They keep nothing any more."""
    gone = set(names)
    _write(repo_paths, [name for name in noted(repo_paths) if name not in gone])


def _write(repo_paths: RepoPaths, names: Iterable[str]) -> None:
    text = "".join(f"{name}\n" for name in names)
    if text:
        repo_paths.machines.mkdir(parents=True, exist_ok=True)
        replace(repo_paths.used_machines, text)
    else:
        repo_paths.used_machines.unlink(missing_ok=True)
