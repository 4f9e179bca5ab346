"""Which remote a branch goes to, and where that is."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from peal.classes import frozen
from peal.errors import PealError
from peal.system import git
from peal.text.display import harmless, some

_USUAL = "origin"
_SHOWN = 5
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?")
_LIKE_SCP = re.compile(r"(?:[^@/]*@)?(?P<host>\[[^\]/]+\]|[^:/@]+):(?!//|:)(?P<path>.*)", re.DOTALL)
_WITH_PORT = ("http", "https")
"""Where a port is one that the host answers programs at, too."""
_LOGIN = re.compile(r"(?<=//)[^/\s]*@")


@frozen
class Place:
    """A repository on a host."""

    host: str
    path: str
    """As in its address: `owner/name`, or with more folders in front."""
    is_ssh: bool = False
    """The host is named as ssh knows it, which may be by another name."""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


@frozen
class Remote:
    """A remote that a branch goes to."""

    name: str
    place: Place | None
    """None where it is on no host, as in a folder."""
    others: tuple[str, ...] = ()
    """Remotes that it could have been."""
    push_address: str = ""
    """Where pushes go, if that is another repository than what is fetched from."""


def without_login(text: str) -> str:
    """A text in which no address holds a name or a password."""
    return _LOGIN.sub("", text)


def place_of(url: str) -> Place | None:
    """Where an address leads to, without any login in it; None for a folder, and for what is no address of a host."""
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        if parts.scheme == "file":
            return None
        shown = f"{host}:{port}" if port and parts.scheme in _WITH_PORT else host
        return _place(shown, parts.path, "ssh" in parts.scheme)
    found = _LIKE_SCP.fullmatch(url)
    return _place(found["host"], found["path"], True) if found else None


def _place(host: str, path: str, is_ssh: bool) -> Place | None:
    inner = path.strip("/").removesuffix(".git").rstrip("/")
    return Place(host.lower(), inner, is_ssh) if inner and _HOST.fullmatch(host) else None


def chosen(branch: str, configured: Sequence[tuple[str, str]], asked: str = "") -> str:
    """The remote that git's settings send a branch to, or the usual one, or the only one; PealError where that cannot be told."""
    settings: Mapping[str, str] = dict(configured)
    there = names(configured)
    keys = (f"branch.{branch}.pushremote", "remote.pushdefault", f"branch.{branch}.remote")
    wanted = asked or next((found for key in keys if (found := settings.get(key, "")) not in ("", ".")), "")
    if wanted:
        if wanted in there:
            return wanted
        known = f"known are {some(there, _SHOWN)}" if there else "there is none at all"
        raise PealError(
            f"there is no remote `{harmless(without_login(wanted))}`; {known}; name one with --remote"
        )
    if _USUAL in there:
        return _USUAL
    if len(there) == 1:
        return there[0]
    if not there:
        raise PealError(
            "the repository has no remote that a branch could be pushed to; `git remote add origin ADDRESS` names one"
        )
    raise PealError(
        f"the repository has the remotes {some(there, _SHOWN)}, and nothing says which is meant; name one with --remote, or for good "
        "with `git config remote.pushDefault NAME`"
    )


def _configured(repo: Path) -> list[tuple[str, str]]:
    """What git's settings say by now of remotes and of where branches go; the last counts."""
    asked = r"^(remote\..*\.url|remote\.pushdefault|branch\..*\.(pushremote|remote))$"
    told = os.fsdecode(git.run(repo, "config", "--includes", "-z", "--get-regexp", asked).stdout)
    entries = (entry.partition("\n") for entry in told.split("\0") if entry)
    return [(name, value) for name, _, value in entries]


def names(configured: Sequence[tuple[str, str]]) -> list[str]:
    """The remotes of a repository, by its settings."""
    found = [key.removeprefix("remote.").removesuffix(".url") for key, _ in configured if _is_address(key)]
    return list(dict.fromkeys(found))


def _is_address(key: str) -> bool:
    return key.startswith("remote.") and key.endswith(".url") and len(key) > len("remote..url")


def remote_of(repo: Path, branch: str, asked: str = "") -> Remote:
    """Where a branch of the repository goes; PealError where that cannot be told."""
    configured = _configured(repo)
    name = chosen(branch, configured, asked)
    fetched, pushed = _addresses(repo, name), _addresses(repo, name, "--push")
    if len(pushed) > 1:
        raise PealError(
            f"`{harmless(name)}` pushes to {len(pushed)} addresses, and a request is at one; `git remote add NAME ADDRESS` gives that "
            "a name of its own, for --remote"
        )
    others = tuple(one for one in names(configured) if one != name)
    elsewhere = "" if is_same_place(fetched[0], pushed[0]) else pushed[0]
    return Remote(name, place_of(pushed[0]), () if asked else others, elsewhere)


def _addresses(repo: Path, name: str, *words: str) -> list[str]:
    """The addresses of a remote, the first being the one that is asked; PealError if git knows none."""
    found = git.run(repo, "remote", "get-url", "--all", *words, "--", name)
    if found.returncode != 0:
        raise PealError(
            f"git cannot tell the address of `{harmless(name)}`: {without_login(git.said(found))}; "
            f"`git remote set-url {harmless(name)} ADDRESS` sets it"
        )
    return list(dict.fromkeys(os.fsdecode(found.stdout).removesuffix("\n").split("\n")))


def is_same_place(one: str, other: str) -> bool:
    """Whether two addresses lead to the same repository, be it by other ways."""
    places = [place and str(place) for place in (place_of(one), place_of(other))]
    return one == other or (places[0] is not None and places[0] == places[1])
