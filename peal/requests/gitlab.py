"""GitLab by `glab`: docs.gitlab.com/api/merge_requests, and `glab api` as its manual has it."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from peal.requests.forge import Call, Forge, Request, Wanted
from peal.requests.remotes import Place
from peal.text.loose_json import number, text

_FIELDS = {"title": "title", "text": "description", "base": "target_branch"}
_STATES = {"opened": "open", "locked": "open"}
_DRAFT = "Draft: "
_MARK = re.compile(r"\s*(?:draft:|\[draft\]|\(draft\)|wip:|\[wip\])\s*", re.IGNORECASE)
"""In front of a title it is what makes a draft."""


def _is_path(path: str) -> bool:
    return "/" in path


def _requests(place: Place) -> str:
    return f"projects/{quote(place.path, safe='', errors='surrogateescape')}/merge_requests"


def _find(place: Place, branch: str) -> Call:
    query = urlencode({"source_branch": branch, "state": "all", "per_page": 30}, errors="surrogateescape")
    return Call("GET", f"{_requests(place)}?{query}")


def _create(place: Place, wanted: Wanted) -> Call:
    body = {
        "source_branch": wanted.branch,
        "target_branch": wanted.base,
        "title": f"{_DRAFT if wanted.is_draft else ''}{wanted.title}",
        "description": wanted.text,
    }
    return Call("POST", _requests(place), body)


def _change(place: Place, request: Request, new: Mapping[str, str]) -> Call:
    body = {_FIELDS[name]: value for name, value in new.items()}
    if "title" in body:
        body["title"] = request.mark + body["title"]
    return Call("PUT", f"{_requests(place)}/{request.number}", body)


def _read(found: Mapping[str, Any], branch: str) -> Request | None:
    is_fork = number(found, "source_project_id") != number(found, "target_project_id")
    if is_fork or text(found, "source_branch") != branch:
        return None
    title = text(found, "title")
    mark = _MARK.match(title)
    state = text(found, "state")
    return Request(
        number(found, "iid"),
        text(found, "web_url"),
        _STATES.get(state, state),
        title[mark.end() :] if mark else title,
        text(found, "description"),
        text(found, "sha"),
        text(found, "target_branch"),
        mark[0] if mark else "",
    )


GITLAB = Forge(
    program="glab",
    noun="merge request",
    hosts={"gitlab.com": "gitlab.com", "altssh.gitlab.com": "gitlab.com"},
    host_variables=("GITLAB_HOST", "GL_HOST"),
    login="glab auth login --hostname",
    install="https://gitlab.com/gitlab-org/cli",
    longest_text=1_000_000,
    is_path=_is_path,
    find=_find,
    create=_create,
    change=_change,
    read=_read,
    env={"GLAB_CHECK_UPDATE": "false", "NO_COLOR": "1"},
)
