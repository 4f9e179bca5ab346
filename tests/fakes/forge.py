"""
Stand-ins for gh and glab: `main(NAME, ARGUMENTS)` answers calls of `api` as GitHub and GitLab do, and `auth status`.

The requests are kept in `$FAKE_FORGE/requests.json`, which a test may change as a person would; each call leaves a file beside it.
`$FAKE_FORGE/refuse-METHOD` holds a status and an answer for calls of that method, `answer-METHOD` one that
is told as if all were well, `logged-in` names of programs with hosts.
Branches are looked up in the bare repositories below `$FAKE_REMOTES`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


def main(name, argv):
    """The exit code."""
    state = Path(os.environ["FAKE_FORGE"])
    if argv[:2] == ["auth", "status"]:
        _note(state, name, argv, "")
        known = state / "logged-in"
        wanted = f"{name} {_option(argv, '--hostname')}"
        return 0 if known.exists() and wanted in known.read_text().splitlines() else 1
    assert argv[0] == "api", argv
    text = sys.stdin.read()
    _note(state, name, argv, text)
    method, address = _option(argv, "--method"), urlsplit(argv[-1])
    answered = state / f"answer-{method}"
    if answered.exists():
        print(answered.read_text())
        return 0
    refused = state / f"refuse-{method}"
    if refused.exists():
        status, _, answer = refused.read_text().partition(" ")
        return _refuse(name, int(status), answer)
    body = None
    if "--input" in argv:
        assert _option(argv, "--input") == "-"
        assert _option(argv, "--header") == "Content-Type: application/json"
        body = json.loads(text)
    forge = {"gh": GitHub, "glab": GitLab}[name](state)
    return forge.answer(method, address.path, parse_qs(address.query), body)


def _option(argv, flag):
    return argv[argv.index(flag) + 1]


def _note(state, name, argv, text):
    number = len(list(state.glob("call-*.json")))
    told = {"name": name, "argv": argv, "stdin": text}
    (state / f"call-{number:03}.json").write_text(json.dumps(told))


def _refuse(name, status, answer):
    """As both programs print an answer that is an error: the answer itself, and its message on stderr where that is a text."""
    print(answer)
    found = json.loads(answer) if answer.startswith("{") else {}
    said = (
        f"{found['message']} (HTTP {status})" if isinstance(found.get("message"), str) else f"HTTP {status}"
    )
    print(f"{name}: {said}", file=sys.stderr)
    return 1


class Forge:
    """What both have in common: a list of requests, and branches that have to be there."""

    def __init__(self, state):
        self.path = state / "requests.json"
        self.requests = json.loads(self.path.read_text()) if self.path.exists() else []

    def answer(self, method, path, query, body):
        parts = [unquote(part) for part in path.split("/")]
        self.repository, number = self.parted(parts)
        if method == "GET":
            found = [one for one in self.requests if self.is_meant(one, query)]
            return self.tell(list(reversed(found)))
        if method == "POST":
            return self.create(body)
        (request,) = [one for one in self.requests if self.number(one) == number]
        request |= self.changed(request, body)
        return self.keep(request)

    def keep(self, request):
        self.path.write_text(json.dumps(self.requests))
        return self.tell(request)

    def tell(self, answer):
        print(json.dumps(answer))
        return 0

    def commit(self, branch):
        words = ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
        bare = Path(os.environ["FAKE_REMOTES"]) / f"{self.repository}.git"
        found = subprocess.run(words, cwd=bare, capture_output=True, text=True, check=False)
        return found.stdout.strip()


class GitHub(Forge):
    def parted(self, parts):
        assert (parts[0], parts[3]) == ("repos", "pulls"), parts
        return "/".join(parts[1:3]), int(parts[4]) if len(parts) > 4 else 0

    def number(self, request):
        return request["number"]

    def is_meant(self, request, query):
        owner = self.repository.partition("/")[0]
        assert query["state"] == ["all"]
        return query["head"] == [f"{owner}:{request['head']['ref']}"]

    def create(self, body):
        head, base = self.commit(body["head"]), self.commit(body["base"])
        if not head or not base:
            answer = {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}
            return _refuse("gh", 422, json.dumps(answer))
        number = len(self.requests) + 1
        request = {
            "number": number,
            "html_url": f"https://github.com/{self.repository}/pull/{number}",
            "state": "open",
            "merged_at": None,
            "title": body["title"],
            "body": body["body"],
            "draft": body["draft"],
            "head": {"ref": body["head"], "sha": head, "repo": {"id": 7}},
            "base": {"ref": body["base"], "repo": {"id": 7}},
        }
        self.requests.append(request)
        return self.keep(request)

    def changed(self, _request, body):
        assert body.keys() <= {"title", "body", "base"}
        return {**body, "base": {"ref": body["base"], "repo": {"id": 7}}} if "base" in body else body


class GitLab(Forge):
    def parted(self, parts):
        assert (parts[0], parts[2]) == ("projects", "merge_requests"), parts
        return parts[1], int(parts[3]) if len(parts) > 3 else 0

    def number(self, request):
        return request["iid"]

    def is_meant(self, request, query):
        return query["source_branch"] == [request["source_branch"]]

    def create(self, body):
        number = len(self.requests) + 1
        request = {
            "id": 4000 + number,
            "iid": number,
            "web_url": f"https://gitlab.com/{self.repository}/-/merge_requests/{number}",
            "state": "opened",
            "draft": body["title"].startswith("Draft:"),
            "sha": self.commit(body["source_branch"]),
            "source_project_id": 7,
            "target_project_id": 7,
            **body,
        }
        self.requests.append(request)
        return self.keep(request)

    def changed(self, _request, body):
        assert body.keys() <= {"title", "description", "target_branch"}
        return body
