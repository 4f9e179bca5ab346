"""What decides about a request: where it goes, whose commits a branch holds, which request is meant, and what it says."""

from collections.abc import Sequence
from typing import Any

import pytest

from peal.errors import PealError
from peal.formats.title import title
from peal.requests.forge import Call, Request, Wanted
from peal.requests.github import GITHUB
from peal.requests.gitlab import GITLAB
from peal.requests.ownership import Commit, Own, strangers
from peal.requests.prospect import Asked, Heads, base_of, heads_of
from peal.requests.remotes import Place, chosen, is_same_place, place_of, without_login
from peal.requests.service import is_named
from peal.requests.submission import planned
from peal.requests.wording import Wording, changes, title_of


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("git@github.com:o/r.git", "github.com", "o/r"),
        ("github.com:o/r", "github.com", "o/r"),
        ("ssh://git@GitLab.Example.org:2222/a/b/c.git/", "gitlab.example.org", "a/b/c"),
        ("https://me:pw@git.example.org:8443/a/b", "git.example.org:8443", "a/b"),
        ("https://token@github.com/o/r.git", "github.com", "o/r"),
        ("git@[::1]:o/r", "", ""),
        ("https://-x/o/r", "", ""),
        ("https://host:port/o/r", "", ""),
        ("https://github.com/", "", ""),
        ("file:///srv/r.git", "", ""),
        ("/srv/r.git", "", ""),
        ("../r", "", ""),
        ("C:/r", "c", "r"),
        ("ext::sh -c x", "", ""),
        ("", "", ""),
    ],
)
def test_an_address_tells_where_it_leads(url: str, host: str, path: str) -> None:
    found = place_of(url)

    assert ((found.host, found.path) if found else ("", "")) == (host, path)


def test_no_login_is_left_in_an_address() -> None:
    said = "cannot reach 'https://me:p@w@host/x' nor ssh://git@host/y, but me@host:z"

    assert without_login(said) == "cannot reach 'https://host/x' nor ssh://host/y, but me@host:z"


@pytest.mark.parametrize(
    ("fetched", "pushed", "is_same"),
    [
        ("https://github.com/o/r.git", "git@github.com:o/r", True),
        ("https://github.com/o/r.git", "git@github.com:me/r", False),
        ("/srv/r", "/srv/r", True),
        ("/srv/r", "/srv/s", False),
    ],
)
def test_a_repository_may_be_fetched_and_pushed_by_other_ways(
    fetched: str, pushed: str, is_same: bool
) -> None:
    assert is_same_place(fetched, pushed) is is_same


URLS = [("remote.fork.url", "x"), ("remote.up.url", "y")]


@pytest.mark.parametrize(
    ("settings", "asked", "remote"),
    [
        ([("remote.origin.url", "x"), *URLS], "", "origin"),
        ([*URLS, ("branch.b.remote", "fork")], "", "fork"),
        ([*URLS, ("branch.b.remote", "fork"), ("remote.pushdefault", "up")], "", "up"),
        ([*URLS, ("branch.b.pushremote", "fork"), ("remote.pushdefault", "up")], "", "fork"),
        ([*URLS, ("branch.b.remote", "."), ("remote.origin.url", "x")], "", "origin"),
        ([*URLS, ("branch.b.remote", "fork")], "up", "up"),
        ([("remote.up.url", "y")], "", "up"),
        ([("remote.a.b.url", "y"), ("remote.a.b.pushurl", "y")], "", "a.b"),
        (URLS, "", "the repository has the remotes `fork`, `up`, and nothing says which is meant"),
        (URLS, "-x", "there is no remote `-x`; known are `fork`, `up`"),
        ([*URLS, ("branch.b.remote", "https://me:pw@h/x")], "", "there is no remote `https://h/x`"),
        ([], "", "the repository has no remote"),
    ],
)
def test_git_says_which_remote_is_meant(settings: list[tuple[str, str]], asked: str, remote: str) -> None:
    try:
        found = chosen("b", settings, asked)
    except PealError as error:
        found = str(error)

    assert found.startswith(remote)


OWN = [
    Own(frozenset({"m1", "c1"}), frozenset({"a.md", "old/a.md"})),
    Own(frozenset({"c9"}), frozenset({"b.md"})),
]


@pytest.mark.parametrize(
    ("commit", "is_own"),
    [
        (Commit("m1", "Merge task 1"), True),  # remembered: merges have no trailers
        (
            Commit("c7", "Task 1", "", "a.md", "1"),
            True,
        ),  # of a run that is not remembered any more, or rebased since
        (Commit("c7", "Task 1", "", "old/a.md", "1"), True),  # before the plan's file was moved
        (Commit("c9", "x"), True),  # another plan that landed in the same branch
        (Commit("c8", "mine"), False),
        (Commit("c8", "Task 1", "", "c.md", "1"), False),  # another plan's
        (Commit("c8", "Task 1", "", "a.md", ""), False),
        (Commit("c8", "Merge branch 'main'"), False),
    ],
)
def test_commits_belong_to_plans_by_memory_or_by_what_they_say(commit: Commit, is_own: bool) -> None:
    assert strangers([commit], OWN) == ([] if is_own else [commit])


def test_the_branches_of_a_remote_are_read_as_git_tells_them() -> None:
    told = "ref: refs/heads/trunk\tHEAD\n11\tHEAD\n11\trefs/heads/trunk\n22\trefs/heads/origin/x\n"

    heads = heads_of(told)

    assert heads == Heads({"trunk": "11", "origin/x": "22"}, "trunk")
    names = ("", "trunk", "origin/trunk", "refs/heads/trunk", "refs/remotes/origin/trunk", "origin/x", "v1")
    assert [base_of(Asked("b", name), "origin", heads) for name in names] == [
        *["trunk"] * 5,
        "origin/x",
        "trunk",
    ]
    with pytest.raises(PealError, match="has no branch `v1`"):
        base_of(Asked("b", "v1", must_be_there=True), "origin", heads)
    for asked in (Asked("b"), Asked("b", "main", must_be_there=True)):
        with pytest.raises(
            PealError, match=r"`origin` has no branch yet .* `git push origin NAME` brings one"
        ):
            base_of(asked, "origin", heads_of(""))
    with pytest.raises(PealError, match="name one with --base"):
        base_of(Asked("b"), "origin", heads_of("11\trefs/heads/x\n"))


def _request(number: int, state: str, head: str = "tip", base: str = "main") -> Request:
    return Request(number, f"url/{number}", state, "title", "text", head, base)


@pytest.mark.parametrize(
    ("found", "number", "is_over"),
    [
        ([], None, False),
        ([_request(3, "open", "old"), _request(2, "merged")], 3, False),
        ([_request(4, "open", base="x"), _request(3, "open")], 3, False),
        ([_request(4, "open", base="x"), _request(3, "open", base="y")], 4, False),
        ([_request(3, "merged"), _request(2, "open")], 2, False),
        ([_request(3, "merged")], 3, True),
        ([_request(3, "merged", "old"), _request(2, "merged")], None, False),
        ([_request(3, "closed", "old")], None, False),
    ],
)
def test_which_request_is_meant(found: Sequence[Request], number: int | None, is_over: bool) -> None:
    plan = planned(found, "tip", "main")

    assert (plan.request.number if plan.request else None, plan.is_over) == (number, is_over)


def test_a_request_that_a_person_has_closed_stays_closed() -> None:
    with pytest.raises(PealError, match="url/3 was closed"):
        planned([_request(3, "closed")], "tip", "main")


def test_peal_writes_its_part_and_its_title_and_nothing_else() -> None:
    """Orders and marks in what others have written are neither; a part that is taken out comes behind what is there."""
    wording = Wording("New", "/merge\n  /close #1\n/ a\n<!--  PEAL:end -->\n<!-- peal:end -->\n")
    part = wording.part()
    assert (part.count("<!-- peal:"), part.count("<!--")) == (2, 2)
    assert [line for line in part.splitlines() if line.lstrip().startswith("/")] == ["/ a"]

    old = Wording("Old", "old").part()
    begun = f"Mine\r\n{old}\nand mine"
    assert changes(_with("Old", begun), wording) == {"title": "New", "text": f"Mine\r\n{part}\nand mine"}
    kept = changes(_with("By hand", begun), wording)
    assert kept.keys() == {"text"}
    assert kept["text"] == f"Mine\r\n{wording.part(old[22:34])}\nand mine"
    assert changes(_with("By hand", kept["text"]), wording) == {}
    assert changes(_with("New", "all mine\n"), wording)["text"] == f"all mine\n\n{part}"
    assert changes(_with("New", part.replace("\n", "\r\n")), wording) == {}
    torn = old.replace("<!-- peal:end -->", "and mine")
    again = changes(_with("New", torn), wording)["text"]
    assert again == f"{torn}\n\n{part}"
    assert changes(_with("New", again), Wording("New", "newer"))["text"].startswith(f"{torn}\n\n<!-- peal:")


def _with(title: str, text: str) -> Request:
    return Request(1, "url", "open", title, text, "tip", "main")


def test_a_title_is_one_short_line() -> None:
    assert title_of(["\x1b[31mA\nplan\udcff"]) == "A plan?"
    assert title_of(["", "b"]) == "A plan and 1 more plan"
    long = title_of(["x" * 300, "b", "c"])
    assert (len(long), long[-20:]) == (200, "xx… and 2 more plans")


def test_a_host_may_be_named_by_a_variable() -> None:
    assert is_named(GITHUB, "ghe.corp", {"GH_HOST": "GHE.corp"})
    assert is_named(GITLAB, "git.corp", {"GL_HOST": "https://git.corp/"})
    assert not is_named(GITLAB, "git.corp", {"GH_HOST": "git.corp", "GITLAB_HOST": "x.git.corp"})


def test_calls_are_written_as_each_forge_reads_them() -> None:
    """What people and agents have named can be no other part of an address."""
    place, wanted = Place("h", "a/b"), Wanted("x?y&/#%{owner}:id", "main", "T", "t", is_draft=True)

    assert GITHUB.find(place, wanted.branch).path == (
        "repos/a/b/pulls?head=a%3Ax%3Fy%26%2F%23%25%7Bowner%7D%3Aid&state=all&per_page=30"
    )
    assert GITLAB.find(place, wanted.branch).path == (
        "projects/a%2Fb/merge_requests?source_branch=x%3Fy%26%2F%23%25%7Bowner%7D%3Aid&state=all&per_page=30"
    )
    assert GITLAB.create(place, wanted).body == {
        "source_branch": wanted.branch, "target_branch": "main", "title": "Draft: T", "description": "t"
    }  # fmt: skip
    assert GITHUB.argv("h", Call("GET", "p")) == ["gh", "api", "--hostname", "h", "--method", "GET", "p"]
    assert (GITHUB.is_path("a/b"), GITHUB.is_path("a/b/c"), GITLAB.is_path("a/b/c"), GITLAB.is_path("a")) == (
        True, False, True, False
    )  # fmt: skip
    fork = {"source_project_id": 1, "target_project_id": 2, "title": "x", "source_branch": "b"}
    assert (GITLAB.read(fork, "b"), GITLAB.read({"source_branch": "b"}, "other")) == (None, None)
    read = GITLAB.read(
        {"iid": 3, "state": "locked", "title": "[Draft] x", "description": None, "source_branch": "b"}, "b"
    )
    assert read == Request(3, "", "open", "x", "", "", "", "[Draft] ")
    assert GITLAB.change(place, read, {"title": "y"}) == Call(
        "PUT", "projects/a%2Fb/merge_requests/3", {"title": "[Draft] y"}
    )


def test_a_request_is_only_of_the_branch_and_the_repository_that_it_says() -> None:
    """Whatever was asked for: one that a person wrote for something else is not to be written into."""
    base = {"ref": "main", "repo": {"id": 1}}
    found: dict[str, Any] = {
        "number": 3,
        "state": "open",
        "head": {"ref": "b", "sha": "s", "repo": {"id": 1}},
        "base": base,
    }
    assert GITHUB.read(found, "b") == Request(3, "", "open", "", "", "s", "main")
    assert GITHUB.read(found, "other") is None
    assert GITHUB.read({**found, "head": {"ref": "b", "repo": {"id": 2}}}, "b") is None
    assert GITHUB.read({**found, "head": {"ref": "b", "repo": None}}, "b") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Greet  *everyone*\n\n## Task 1: a\n", "Greet *everyone*"),
        ("---\nname: x\n---\n```\n# no\n```\n# Yes\n# No\n", "Yes"),
        ("# Task 1: a\n", ""),
        ("# Task 1: a\n# Notes\n", "Notes"),
        ("## Small\n", ""),
        ("{}", ""),
    ],
)
def test_a_plan_is_called_after_its_first_heading(text: str, found: str) -> None:
    assert title(text.encode(), "plan.md") == found
