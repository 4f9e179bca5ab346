"""Which plans are meant by words of a command line: files, folders, patterns; in which order, and which of them by name."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.jobs.backlog_paths import refuse_backlog
from peal.jobs.plan_files import can_be_rewritten, read_plan
from peal.system.layout import RepoPaths
from peal.text.display import harmless, some
from peal.text.names import natural

_SHOWN = 3


@frozen
class PlanQueue:
    """Plan files in their order, each once."""

    files: tuple[Path, ...]
    left_out: tuple[Path, ...] = ()
    """Files of folders in which there is no plan."""


def queue_of(words: Iterable[Path], repo_paths: RepoPaths) -> PlanQueue:
    """
    The plans that are meant.

    A folder is one plan where its files are one task each; otherwise it stands for the plans in it, as a pattern does for the
    files that fit, each in natural order: 2 before 10. PealError for a folder without a plan, for what is of the backlog, and for
    a pattern that nothing fits.
    """
    found: dict[str, Path] = {}
    left_out: list[Path] = []
    for word in words:
        for path in _files(word):
            refuse_backlog(path, repo_paths)
            if path.is_dir() and not _is_one_plan(path):
                plans, others = _plans_in(path, repo_paths)
                found |= {
                    os.path.realpath(plan): plan for plan in plans if os.path.realpath(plan) not in found
                }
                left_out += others
            else:
                found.setdefault(os.path.realpath(path), path)
    return PlanQueue(tuple(found.values()), tuple(left_out))


def _files(word: Path) -> list[Path]:
    """What a word names: itself, or what fits it where it is a pattern and nothing has its name."""
    text = str(word)
    if os.path.lexists(word) or not glob.has_magic(text):
        return [word]
    fitting = sorted(glob.glob(text, recursive=True), key=natural)  # noqa: PTH207 - Path.glob takes none that is absolute
    if not fitting:
        raise PealError(
            f"no file fits `{harmless(text)}`; name a plan file, a folder of plans or another pattern"
        )
    return [Path(one) for one in fitting]


def _is_one_plan(folder: Path) -> bool:
    from peal.formats import is_one_plan  # only here: reading markdown takes long to load

    try:
        return is_one_plan({path.name: path.read_bytes() for path in _markdown_in(folder)})
    except OSError as error:
        raise PealError(f"`{folder}` cannot be read: {error.strerror}; name a plan file") from None


def _markdown_in(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("*.md") if path.is_file() and not path.name.startswith("."))
    return sorted(found, key=lambda path: natural(path.name))


def _plans_in(folder: Path, repo_paths: RepoPaths) -> tuple[list[Path], list[Path]]:
    """The plans of a folder, and its files that are none."""
    files = _markdown_in(folder)
    others = [path for path in files if can_be_rewritten(read_plan(path, repo_paths))]
    plans = [path for path in files if path not in others]
    if not plans:
        shown = f" in {some([path.name for path in files], _SHOWN)}" if files else ""
        raise PealError(f"no plan was found in folder `{harmless(str(folder))}`{shown}; name a plan file")
    return plans, others


def picked(files: Sequence[Path], names: Sequence[str]) -> tuple[Path, ...]:
    """The plans of these names, in the order of the names; PealError if one is not there, is meant twice, or could be several."""
    chosen: list[Path] = []
    for name in names:
        fitting = list(_named(files, name))
        if not fitting:
            there = some([_stem(path) for path in files], len(files))
            raise PealError(f"--target {harmless(name)}: there is no such plan in the batch; it has {there}")
        if len(fitting) > 1:
            shown = some([harmless(str(path)) for path in fitting], _SHOWN)
            raise PealError(f"--target {harmless(name)} could be {shown}; write more of its path")
        if fitting[0] in chosen:
            raise PealError(f"--target {harmless(name)} is given twice; give each plan once")
        chosen.append(fitting[0])
    return tuple(chosen)


def _named(files: Sequence[Path], name: str) -> Iterator[Path]:
    """Whose path, end of it, file name or name without the suffix this is: by the first of these that fits any."""
    wanted = Path(name).parts
    tests = (
        lambda path: str(path) == name or os.path.realpath(path) == os.path.realpath(name),
        lambda path: path.parts[-len(wanted) :] == wanted,
        lambda path: _stem(path) == name,
    )
    yield from next((fitting for test in tests if (fitting := [path for path in files if test(path)])), [])


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem
