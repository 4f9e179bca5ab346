"""The program that serves a host, found and asked."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.requests.forge import Call, Forge
from peal.requests.github import GITHUB
from peal.requests.gitlab import GITLAB
from peal.requests.programs import Programs, Ran
from peal.requests.remotes import Place, Remote
from peal.system import git
from peal.text.display import harmless

FORGES = (GITHUB, GITLAB)
_NUMBER = re.compile(r"[\d.]+|.*:.*")
"""The address of a host; see inet_pton(3)."""
_PATIENCE = 120.0
"""Seconds for one call."""
_LOUD = (b"GH_FORCE_TTY", b"CLICOLOR_FORCE", b"FORCE_COLOR")
"""Variables by which answers would come in colours."""


@frozen
class Service:
    """The program that serves a repository's host."""

    forge: Forge
    place: Place
    repo: Path
    programs: Programs

    def answer(self, call: Call, what: str) -> Any:
        """What a call is answered with; PealError with the forge's own words where it is refused."""
        forge, body = self.forge, "" if call.body is None else written(call.body)
        argv = forge.argv(self.place.host, call)
        ran = self.programs.run(argv, self.repo, environment_of(forge), _PATIENCE, body)
        if not ran.is_clean or ran.json is None:
            raise PealError(
                f"`{forge.program}` could not {what} a {forge.noun} at {self.place}: {said(ran)}; "
                f"`{forge.program} auth status` tells who it is there; mend that"
            )
        return ran.json


def service_of(remote: Remote, repo: Path, programs: Programs) -> Service:
    """The program that serves a remote's host and is here; PealError with the way out if there is none."""
    place = remote.place
    by_hand = f"`git push {shlex.quote(remote.name)}` and `peal report --markdown` do it by hand"
    if place is None:
        raise PealError(
            f"`{remote.name}` is on no host that `gh` or `glab` could open a request at; name another with --remote, or {by_hand}"
        )
    if found := _serving(place, repo, programs, by_hand):
        return found
    if place.is_ssh and (host := _as_ssh_knows(place.host, repo, programs)) != place.host:
        place = evolve(place, host=host)
        if found := _serving(place, repo, programs, by_hand):
            return found
    logins = " or ".join(f"`{forge.login} {place.host}`" for forge in FORGES)
    raise PealError(
        f"nobody is logged in to {place.host} by {' or '.join(f'`{forge.program}`' for forge in FORGES)}; {logins}, or {by_hand}"
    )


def _serving(place: Place, repo: Path, programs: Programs, by_hand: str) -> Service | None:
    """The program that serves a host of this name; None if it is known to neither. PealError if it is one that is not here."""
    for forge in FORGES:
        if (host := forge.hosts.get(place.host)) is not None:
            if not shutil.which(forge.program):
                raise PealError(
                    f"a {forge.noun} at {host} needs `{forge.program}`, which is not installed; get it from {forge.install}, "
                    f"then `{forge.login} {host}`, or {by_hand}"
                )
            return _fit(Service(forge, evolve(place, host=host), repo, programs))
    here = [forge for forge in FORGES if shutil.which(forge.program)]
    for forge in here:
        if is_named(forge, place.host, os.environ) or _is_logged_in(forge, place.host, repo, programs):
            return _fit(Service(forge, place, repo, programs))
    return None


def is_named(forge: Forge, host: str, variables: Mapping[str, str]) -> bool:
    """Whether a variable names a host as the one that a program is to serve, be it as an address."""
    named = (variables.get(name, "") for name in forge.host_variables)
    return any(one.rpartition("://")[2].strip("/").lower() == host for one in named)


def _fit(found: Service) -> Service:
    forge, place = found.forge, found.place
    if not forge.is_path(place.path):
        raise PealError(
            f"`{harmless(place.path)}` is no repository at {place.host} that `{forge.program}` could open a {forge.noun} in; "
            "`git remote set-url` mends the remote's address"
        )
    return found


def _as_ssh_knows(name: str, repo: Path, programs: Programs) -> str:
    """The host behind a name that ssh's own settings may give to it, unless that is but a number; see ssh_config(5), "HostName"."""
    if not shutil.which("ssh"):
        return name
    ran = programs.run(["ssh", "-G", "--", name], repo, os.environb, _PATIENCE)
    found = _host_name(os.fsdecode(ran.stdout)) if ran.is_clean else ""
    return found if found and not _NUMBER.fullmatch(found) else name


def _host_name(told: str) -> str:
    words = (line.partition(" ") for line in told.splitlines())
    return next((value.strip().lower() for key, _, value in words if key == "hostname"), "")


def _is_logged_in(forge: Forge, host: str, repo: Path, programs: Programs) -> bool:
    return programs.run(forge.login_question(host), repo, environment_of(forge), _PATIENCE).is_clean


def environment_of(forge: Forge) -> dict[bytes, bytes]:
    """peal's own environment, in which the program asks nobody and prints nothing but the answer."""
    steering = {name.encode() for name in git.STEERING}
    kept = {name: value for name, value in os.environb.items() if name not in steering and name not in _LOUD}
    return {**kept, **{name.encode(): value.encode() for name, value in forge.env.items()}}


def written(body: Mapping[str, Any]) -> str:
    """The body of a call as JSON that any program reads."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode()


def said(ran: Ran) -> str:
    """Why a call was refused: the program's words, and what the forge says besides."""
    more = [text for text in _messages(ran.json) if text not in ran.said]
    return ", ".join([ran.said, *(f'"{harmless(text)}"' for text in more)])


def _messages(answer: Any) -> Iterator[str]:
    """The texts under `message` and `errors` of an answer, whatever their shape."""
    match answer:
        case str():
            yield answer
        case list():
            for one in answer:
                yield from _messages(one)
        case dict():
            inner = [answer.get(key) for key in ("message", "errors", "error")]
            for one in inner if any(inner) else answer.values():
                yield from _messages(one)
