"""GitHub by `gh`: docs.github.com/rest/pulls/pulls, and `gh api` as its manual has it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from peal.requests.forge import Call, Forge, Request, Wanted
from peal.requests.remotes import Place
from peal.text.loose_json import inner, number, text

_FIELDS = {"title": "title", "text": "body", "base": "base"}


def _is_path(path: str) -> bool:
    return path.count("/") == 1


def _pulls(place: Place) -> str:
    return f"repos/{quote(place.path, errors='surrogateescape')}/pulls"


def _find(place: Place, branch: str) -> Call:
    owner = place.path.partition("/")[0]
    query = urlencode({"head": f"{owner}:{branch}", "state": "all", "per_page": 30}, errors="surrogateescape")
    return Call("GET", f"{_pulls(place)}?{query}")


def _create(place: Place, wanted: Wanted) -> Call:
    body = {
        "head": wanted.branch,
        "base": wanted.base,
        "title": wanted.title,
        "body": wanted.text,
        "draft": wanted.is_draft,
    }
    return Call("POST", _pulls(place), body)


def _change(place: Place, request: Request, new: Mapping[str, str]) -> Call:
    body = {_FIELDS[name]: value for name, value in new.items()}
    return Call("PATCH", f"{_pulls(place)}/{request.number}", body)


def _read(found: Mapping[str, Any], branch: str) -> Request | None:
    head, base = inner(found, "head"), inner(found, "base")
    is_fork = number(inner(head, "repo"), "id") != number(inner(base, "repo"), "id")
    if is_fork or text(head, "ref") != branch:
        return None
    state = "merged" if text(found, "merged_at") else text(found, "state")
    return Request(
        number(found, "number"),
        text(found, "html_url"),
        state,
        text(found, "title"),
        text(found, "body"),
        text(head, "sha"),
        text(base, "ref"),
    )


GITHUB = Forge(
    program="gh",
    noun="pull request",
    hosts={"github.com": "github.com", "ssh.github.com": "github.com"},
    host_variables=("GH_HOST",),
    login="gh auth login --hostname",
    install="https://cli.github.com",
    longest_text=65_536,
    is_path=_is_path,
    find=_find,
    create=_create,
    change=_change,
    read=_read,
    env={"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"},
)
