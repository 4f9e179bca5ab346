"""The programs that git runs on files because of their attributes: those that are missing are found before a run."""

import os
import re
import shlex
import shutil
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.system import git
from peal.text.display import harmless

_FILTER = re.compile(r"^[^#\n]*\sfilter=([\w.-]+)", re.MULTILINE)
_OF_DRIVERS = re.compile(r"(filter|merge)\..*\.[a-z]+", re.DOTALL)
_PROGRAM = re.compile(r"[\w./~+-]*[\w+]")
_OF_THE_SHELL = frozenset(
    ("cd", "case", "command", "echo", "eval", "exec", "export", "for", "if", "printf", "read", "set")
)
"""Commands and words of its own, by which a line may begin."""
_YES = ("", "true", "yes", "on", "1")


@frozen
class Driver:
    """What git runs for one value of an attribute."""

    name: str
    attribute: str = "filter"
    """Or `merge`."""
    commands: tuple[str, ...] = ()
    """For a shell; those that are empty do nothing."""
    is_required: bool = False

    @property
    def what(self) -> str:
        """As a person would call it."""
        kind = "filter" if self.attribute == "filter" else "merge driver"
        return f"{kind} `{harmless(self.name)}`"


def check(repo: Path) -> list[str]:
    """What a person should know of filters and drivers that will not work; PealError if git cannot do without one."""
    configured = _drivers(_configured(repo))
    lacking = [(driver, missing) for driver in configured if (missing := _missing(driver, repo))]
    known = {driver.name for driver in configured if driver.attribute == "filter"}
    unknown = [(Driver(name), "") for name in sorted(filters_named(repo) - known)]
    found = [
        (driver, missing, file) for driver, missing in lacking + unknown if (file := _a_file(repo, driver))
    ]
    for driver, missing, file in found:
        if missing and driver.is_required:
            raise PealError(
                f"{driver.what}, without which git cannot read `{file}`, needs `{missing}`, which is not here; install it "
                f"or put it on PATH, or take filter.{driver.name} out of your git's settings"
            )
    return [_told(*one) for one in found]


def _told(driver: Driver, missing: str, file: str) -> str:
    if missing and driver.attribute == "merge":
        return f"{driver.what} needs `{missing}`, which is not here, so `{file}` cannot be merged by it; install it"
    if missing:
        return f"{driver.what} needs `{missing}`, which is not here, so it is passed over for `{file}`; install it"
    way_out = "run `git lfs install` and `git lfs pull`" if driver.name == "lfs" else "set it up"
    return (
        f"{driver.what} is not set up in your git, so tasks see `{file}` as it is stored, which may be but a pointer; "
        f"{way_out}"
    )


def _drivers(configured: dict[str, str]) -> list[Driver]:
    """One for each name, with the commands that git would run."""
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in configured.items():
        path, _, part = key.rpartition(".")
        attribute, _, name = path.partition(".")
        tables.setdefault((name, attribute), {})[part] = value
    found = []
    for (name, attribute), own in tables.items():
        parts = ("process",) if own.get("process") else ("clean", "smudge", "driver")
        is_required = own.get("required", "no").lower() in _YES
        found.append(Driver(name, attribute, tuple(own.get(part, "") for part in parts), is_required))
    return found


def _configured(repo: Path) -> dict[str, str]:
    """Settings of filters and merge drivers; the last of each counts."""
    return {key: value for key, value in git.configured(repo) if _OF_DRIVERS.fullmatch(key)}


def filters_named(repo: Path) -> set[str]:
    """The filters that the repository's files of attributes name."""
    listed = git.run(repo, "ls-files", "-z", "--", ":(top,glob)**/.gitattributes").stdout
    texts = (_text(repo / name) for name in os.fsdecode(listed).split("\0") if name)
    return {name for text in texts for name in _FILTER.findall(text)}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _a_file(repo: Path, driver: Driver) -> str:
    """One of the files that it is for, by everything that git knows of attributes; empty if there is none."""
    if not re.fullmatch(r"[\w.-]+", driver.name):
        return ""
    pattern = f":(top,attr:{driver.attribute}={driver.name})"
    listed = git.run(repo, "ls-files", "-z", "--", pattern).stdout
    return harmless(os.fsdecode(listed).split("\0", 1)[0])


def _missing(driver: Driver, repo: Path) -> str:
    """The first program of a driver that is not here; empty if all are, as far as can be told from outside of a shell."""
    programs = (_program(command) for command in driver.commands)
    return next((name for name in programs if name and not _check_is_here(name, repo)), "")


def _program(command: str) -> str:
    """What a command starts; empty where only a shell could tell."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        words.pop(0)
    if words[:2] == ["git", "lfs"]:
        return "git-lfs"
    if not words or words[0] in _OF_THE_SHELL or not _PROGRAM.fullmatch(words[0]):
        return ""
    return words[0]


def _check_is_here(name: str, repo: Path) -> bool:
    own = Path(name).expanduser() if name.startswith("~/") else repo / name
    if "/" in name:
        return shutil.which(own) is not None
    return bool(shutil.which(name)) or (
        name.startswith("git-") and (Path(git.output(repo, "--exec-path")) / name).is_file()
    )
