"""A branch as its remote would get it, looked at before anything is sent, and refused where more would go than plans have brought."""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.landing import renamed_branch
from peal.requests.ownership import Commit, Own, strangers
from peal.requests.programs import Programs, environment_of_git
from peal.requests.remotes import Remote, remote_of, without_login
from peal.system import git
from peal.text.display import count, harmless

_HEADS = "refs/heads/"
_SHOWN = 3
_SHORT = 10
"""Letters of a commit's id that are shown."""
_PATIENCE = 120.0
"""Seconds for a remote to say which branches it has."""
_AS_SENT = {"GIT_NO_REPLACE_OBJECTS": "1"}
"""Commits with the parents that a push sends, whatever `git replace` shows in their place."""
_FIELDS = (
    "%H",
    "%s",
    "%an",
    "%(trailers:key=Peal-Plan,valueonly,separator=%x20)",
    "%(trailers:key=Peal-Task,valueonly,separator=%x20)",
)


@frozen
class Asked:
    """What is to be offered for merging, and into what."""

    branch: str
    base: str = ""
    """As a person names it; empty for the branch that the remote has as its own."""
    must_be_there: bool = False
    """`base` was asked for, and nothing else will do."""
    remote: str = ""
    is_branch_named: bool = True
    """A person has named the branch; else it is what was checked out when the plan was run."""


@frozen
class Heads:
    """The branches of a remote."""

    commits: Mapping[str, str]
    default: str = ""
    """The one that it has as its own; empty if it does not say."""


@frozen
class Prospect:
    """What would be sent where."""

    branch: str
    tip: str
    remote: Remote
    base: str
    is_base_asked: bool
    """A request that is there is to be for that base too."""
    lacking: Sequence[Commit]
    """The branch's commits that the remote does not have."""
    bringing: Sequence[Commit]
    """Its commits that the base does not have."""
    is_there: bool
    """The remote's branch is on that commit already."""
    may_be_shared: bool = False
    """The remote has that branch, and nobody has said that it is for the plan: others may work in it."""


def heads_of(told: str) -> Heads:
    """The branches in what `git ls-remote --symref` tells; see git-ls-remote(1), "OUTPUT"."""
    default, commits = "", {}
    for line in told.split("\n"):
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith(f"ref: {_HEADS}"):
            default = value.removeprefix(f"ref: {_HEADS}")
        elif name.startswith(_HEADS):
            commits[name.removeprefix(_HEADS)] = value
    return Heads(commits, default)


def base_of(asked: Asked, remote: str, heads: Heads) -> str:
    """The remote's branch that a request is for; PealError where there is none."""
    begins = ("", _HEADS, f"{remote}/", f"refs/remotes/{remote}/")
    names = [asked.base.removeprefix(begin) for begin in begins if asked.base.startswith(begin)]
    if found := next((name for name in names if name in heads.commits), ""):
        return found
    if asked.must_be_there and heads.commits:
        raise PealError(
            f"`{remote}` has no branch `{harmless(asked.base)}` that the request could be for; give --base one that it has"
        )
    if not heads.commits:
        raise PealError(
            f"`{remote}` has no branch yet that the request could be for; `git push {shlex.quote(remote)} NAME` brings one"
        )
    if heads.default in heads.commits:
        return heads.default
    raise PealError(f"`{remote}` does not say which branch is its own; name one with --base")


def look(repo: Path, asked: Asked, programs: Programs) -> Prospect:
    """What would be sent; PealError where there is nothing, where it is the base itself, or where the remote has gone another way."""
    branch = asked.branch
    if not (tip := _tip(repo, branch)):
        raise PealError(_gone(repo, branch))
    remote = remote_of(repo, branch, asked.remote)
    heads = _heads(repo, remote, programs)
    base = base_of(asked, remote.name, heads)
    if base == branch:
        raise PealError(_is_base(branch))
    there = heads.commits.get(branch, "")
    here = _here(repo, remote, heads)
    if there and there != tip and not (here.get(branch) == there and git.is_ancestor(repo, there, tip)):
        raise PealError(_moved_on(remote.name, branch))
    return Prospect(
        branch,
        tip,
        remote,
        base,
        asked.must_be_there,
        _commits(repo, tip, here.values()),
        _commits(repo, tip, [here[base]] if base in here else ()),
        there == tip,
        bool(there) and not asked.is_branch_named,
    )


def _tip(repo: Path, branch: str) -> str:
    """The commit that a branch is on; empty for what is none, though it may mean one, as `main~1` does."""
    name = f"{_HEADS}{branch}"
    return git.commit_id(repo, name) if git.succeeds(repo, "check-ref-format", name) else ""


def check(prospect: Prospect, own: Iterable[Own]) -> None:
    """PealError if commits would go that no plan has brought."""
    _check_own(prospect.branch, prospect.remote.name, prospect.lacking, own, prospect.branch)


def foresee(repo: Path, branch: str, begins_at: str, own: Iterable[Own]) -> None:
    """
    PealError for what will keep a branch from being offered, as far as the repository knows without asking its remote.

    `begins_at` is the commit at which the branch is to be made; empty if it is there.
    """
    remote = remote_of(repo, branch).name
    fetched = f"refs/remotes/{remote}/"
    if not git.output(repo, "for-each-ref", "--count=1", fetched):
        return
    default = git.run(repo, "symbolic-ref", "--quiet", f"{fetched}HEAD")
    if os.fsdecode(default.stdout).strip() == f"{fetched}{branch}":
        raise PealError(_is_base(branch))
    lacking = _commits(repo, begins_at or f"{_HEADS}{branch}", (), f"--remotes={_escaped(remote)}")
    _check_own(branch, remote, lacking, own, f"{begins_at}:{_HEADS}{branch}" if begins_at else branch)


def _check_own(branch: str, remote: str, lacking: Sequence[Commit], own: Iterable[Own], what: str) -> None:
    """PealError if some are nobody's; `what` is what a person pushes who wants them to go."""
    if others := strangers(lacking, own):
        shown = [
            f'{one.id[:_SHORT]} "{harmless(one.subject)[:60]}" ({harmless(one.author)})' for one in others
        ]
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise PealError(
            f"`{branch}` holds {count(len(others), 'commit')} that `{remote}` does not have and no plan has brought: "
            f"{', '.join(shown[:_SHOWN])}{more}; if they are to go too, `git push {shlex.quote(remote)} {shlex.quote(what)}`"
        )


def _heads(repo: Path, remote: Remote, programs: Programs) -> Heads:
    asked = remote.push_address or remote.name
    argv = git.plain(repo, "ls-remote", "--symref", "--", asked, "HEAD", f"{_HEADS}*")
    ran = programs.run(argv, repo, environment_of_git(), _PATIENCE)
    if not ran.is_clean:
        raise PealError(
            f"`{remote.name}` cannot be reached: {ran.said}; "
            f"`git ls-remote {shlex.quote(without_login(asked))}` has to work without a question"
        )
    return heads_of(os.fsdecode(ran.stdout))


def _known(repo: Path, commits: Iterable[str]) -> set[str]:
    """Those that are in the repository."""
    ids = list(dict.fromkeys(commits))
    asked = "".join(f"{one}\n" for one in ids).encode()
    from_here = {"GIT_NO_LAZY_FETCH": "1"}  # a partial clone would get what is missing
    told = git.output(
        repo, "cat-file", "--batch-check=%(objecttype)", stdin=asked, env=from_here
    ).splitlines()
    return {one for one, kind in zip(ids, told, strict=True) if kind == "commit"}


def _here(repo: Path, remote: Remote, heads: Heads) -> dict[str, str]:
    """
    The remote's branches, each at its commit, or where that is not here at the one that it was on when last fetched.

    One that the remote has no more is none, though git remembers it: what was taken back there is not to come again.
    """
    known, fetched = _known(repo, heads.commits.values()), _fetched(repo, remote)
    found = {name: id_ if id_ in known else fetched.get(name, "") for name, id_ in heads.commits.items()}
    return {name: id_ for name, id_ in found.items() if id_}


def _fetched(repo: Path, remote: Remote) -> dict[str, str]:
    """The remote's branches as they were when last fetched; none where pushes go to another repository."""
    if remote.push_address:
        return {}
    begin = f"refs/remotes/{remote.name}/"
    lines = git.output(repo, "for-each-ref", "--format=%(objectname) %(refname)", begin).splitlines()
    return {name.removeprefix(begin): id_ for id_, _, name in (line.partition(" ") for line in lines)}


def _commits(repo: Path, tip: str, without: Iterable[str], *also_without: str) -> list[Commit]:
    """What `tip` contains and those do not, the newest first."""
    asked = "".join(f"{one}\n" for one in (tip, *(f"^{one}" for one in without)))
    also = ["--not", *also_without] if also_without else []
    words = ("log", "--stdin", "-z", f"--format={'%x00'.join(_FIELDS)}", *also, "--")
    fields = git.output(repo, *words, stdin=asked.encode(), env=_AS_SENT).split("\0")[:-1]
    return [Commit(*row) for row in zip(*[iter(fields)] * len(_FIELDS), strict=True)]


def _escaped(name: str) -> str:
    """A name for git's options that take patterns."""
    return "".join(f"\\{letter}" if letter in "*?[\\" else letter for letter in name)


def _gone(repo: Path, branch: str) -> str:
    now = renamed_branch.renamed(repo, branch)
    way = (
        f"is called `{now}` now; `peal pr --branch {shlex.quote(now)}`"
        if now
        else "is not there any more; `peal pr --branch NAME` takes another that has the plan's commits"
    )
    return f"the branch `{harmless(branch)}`, in which the plan has landed, {way}"


def _is_base(branch: str) -> str:
    name = shlex.quote(branch)
    return (
        f"the plan has landed in `{branch}`, the branch that a request would be for; `git branch NEW {name}` makes another of it and "
        f'`peal pr --branch NEW` offers that; the next run lands in one of its own with --branch "feature/{{plan}}"'
    )


def _moved_on(remote: str, branch: str) -> str:
    quoted, name = shlex.quote(remote), shlex.quote(branch)
    return (
        f"`{remote}` has commits in `{branch}` that are not here, and peal never forces; `git fetch {quoted}` and "
        f"`git log {name}..{quoted}/{name}` show them; merge or rebase, `git push {quoted} {name}`"
    )
