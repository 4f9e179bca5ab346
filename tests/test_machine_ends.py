"""The two ends of a link, one at a time: what each makes of nonsense, names that lead elsewhere, silence, and foreign commits."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
from conftest import eventually

from peal.machines import trees
from peal.machines.packs import packed, unpacked
from peal.machines.placing import Offer, Placing
from peal.machines.rpc import LARGEST, FarError, LinkError, Methods, Peer
from peal.machines.site import Site
from peal.machines.trees import Store
from peal.system.git import GitError
from peal.system.scratch import Scratch


class Link:
    """Two peers, or one and a test that speaks for the other."""

    def __init__(self, methods: Methods, silence: float = 60.0) -> None:
        here, self.says = os.pipe()
        self.hears, there = os.pipe()
        self.peer = Peer(here, there, methods, silence)
        self.ends: list[str] = []
        threading.Thread(target=lambda: self.ends.append(self.peer.serve()), daemon=True).start()

    def say(self, *messages: Any) -> None:
        """As the other end would."""
        for message in messages:
            os.write(self.says, message if isinstance(message, bytes) else msgpack.packb(message))

    def heard(self) -> Any:
        """The next message to the other end."""
        unpacker = msgpack.Unpacker()
        while True:
            unpacker.feed(os.read(self.hears, 65536))
            for message in unpacker:
                return message

    def end(self) -> str:
        """Why it ended."""
        eventually(lambda: self.ends)
        return self.ends[0]


@pytest.fixture
def link() -> Iterator[Callable[..., Link]]:
    made: list[Link] = []

    def make(silence: float = 60.0, **calls: Callable[..., Any]) -> Link:
        made.append(Link(Methods(calls, {}), silence))
        return made[-1]

    yield make
    for one in made:
        os.close(one.says)
        one.end()
        for file in (one.hears, one.peer.read, one.peer.write):
            os.close(file)


def test_a_call_is_answered_by_its_number(link: Callable[..., Link]) -> None:
    one = link(add=lambda a, b: a + b)

    one.say([0, 7, "add", [1, 2]])

    assert one.heard() == [1, 7, None, 3]


def test_an_error_goes_back_in_its_own_words(link: Callable[..., Link]) -> None:
    one = link(bad=lambda: int("x"))

    one.say([0, 7, "bad", []])

    number, error = one.heard()[1:3]
    assert (number, error) == (7, "ValueError: invalid literal for int() with base 10: 'x'")


@pytest.mark.parametrize(
    ("nonsense", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it said what is no message"),
        ([3, 1, "x", []], "it said what is no message"),
        ([2, "nobody", []], "it asked for `nobody`, which is not known here"),
        (b"\xc1", "FormatError"),
    ],
    ids=["a greeting", "another kind", "an unknown notice", "no message at all"],
)
def test_nonsense_ends_the_link_and_whoever_waits_is_told(
    nonsense: Any, why: str, link: Callable[..., Link]
) -> None:
    one = link()
    waiting = one.peer.call("anything")

    one.say(nonsense)

    end = one.end()
    assert why in end
    with pytest.raises(LinkError):
        waiting.result(5)
    with pytest.raises(LinkError):
        one.peer.call("anything")


def test_no_message_grows_beyond_the_bound(link: Callable[..., Link]) -> None:
    one = link()
    writing = threading.Thread(
        target=lambda: os.write(one.says, b"\xdb\x7f\xff\xff\xff" + b"x" * (LARGEST + 4 * 1024 * 1024)),
        daemon=True,
    )

    writing.start()

    assert one.end()
    os.set_blocking(one.peer.read, False)
    while writing.is_alive():  # it waits for somebody who reads on
        with suppress(BlockingIOError):
            os.read(one.peer.read, 65536)


def test_silence_ends_the_link(link: Callable[..., Link]) -> None:
    assert link(silence=0.3).end() == "nothing was heard of it for 0.3 seconds"


def test_whoever_lives_is_heard_of_though_there_is_nothing_to_say(link: Callable[..., Link]) -> None:
    assert link(silence=0.4).heard() == [2, "alive", []]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "scratch").mkdir()
    return Site(tmp_path / "home", Scratch("life", tmp_path / "scratch", lambda _: None), "life")


NAMES = ["../up", "a/b", "/etc", "", ".", "..", "-x", "a\0b", "x" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_machine_keeps_has_plain_names(name: str, site: Site) -> None:
    asked: list[Callable[[], object]] = [
        lambda: site.bases(name, "sha1"),
        lambda: site.take("repo", "0" * 40, name),
        lambda: site.piece(name, b""),
        lambda: site.snapshot("repo", name, "0" * 40, "x", []),
        lambda: site.read("repo", f"trees/{name}", "file", 10),
        lambda: site.give_back("repo", name, "x"),
    ]

    for one in asked:
        with pytest.raises(ValueError, match="no plain name"):
            one()


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../../b", ".git/config", "", "link/file"])
def test_files_are_put_below_their_place_and_nowhere_else(name: str, site: Site, tmp_path: Path) -> None:
    tree = tmp_path / "home/repo/trees/1"
    tree.mkdir(parents=True)
    (tree / "link").symlink_to(tmp_path)
    site.piece("it", b"text")

    for one in (
        lambda: site.put("repo", "trees/1", name, "it", 0o644),
        lambda: site.read("repo", "trees/1", name, 10),
        lambda: site.remove("repo", "trees/1", name),
    ):
        with pytest.raises(ValueError, match=r"is no name of a file there|leads out of there"):
            one()

    assert not (tmp_path / "file").exists()


def test_an_order_for_another_life_is_refused(site: Site) -> None:
    with pytest.raises(ValueError, match="meant for an earlier life of this machine"):
        site.carry_out({"life": "another"})


def test_an_end_that_is_heard_before_its_beginning_counts(
    site: Site, link: Callable[..., Link], tmp_path: Path
) -> None:
    """What is told is heard at once, and what is asked in a thread of its own."""
    site.peer = link().peer
    for folder in ("attempts/one", "trees/1"):
        (tmp_path / "home/repo" / folder).mkdir(parents=True)
    order = {
        "life": "life",
        "errand": "one",
        "repository": "repo",
        "attempt": "one",
        "tree": "1",
        "argv": ["sleep", "40"],
        "env": {},
        "prefix": "",
        "stdin": "",
        "sandbox": None,
        "access": {},
        "clocks": [None, None, None],
    }

    site.cancel("one", hard=True)

    assert site.carry_out(order)["how"] == "cancelled"


# --- commits


@pytest.fixture
def git(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """git in a repository of this name, which is made first."""

    def run(name: str, *words: str, stdin: bytes = b"") -> str:
        folder = tmp_path / name
        if not folder.exists():
            subprocess.run(["git", "init", "-q", str(folder)], env=environment, check=True)
        who = ["-c", "user.name=A", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", *who, *words], cwd=folder, env=environment, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    return run


@pytest.mark.parametrize("count", [3, 300], ids=["few objects", "many objects"])
def test_a_commit_arrives_with_all_that_it_needs(count: int, git: Callable[..., str], tmp_path: Path) -> None:
    git("one", "commit", "-q", "--allow-empty", "-m", "base")
    base = git("one", "rev-parse", "HEAD")
    for number in range(count):
        (tmp_path / f"one/{number}").write_text(f"{number}\n")
    git("one", "add", ".")
    git("one", "commit", "-qm", "more")
    commit = git("one", "rev-parse", "HEAD")
    git("two", "fetch", "-q", "../one", base)

    packed(tmp_path / "one", commit, [base], tmp_path / "pack")
    unpacked(tmp_path / "two", tmp_path / "pack", commit, [base])

    assert len(git("two", "ls-tree", "--name-only", commit).split()) == count


@pytest.mark.parametrize("path", [".git", ".GIT", "..", "."])
def test_a_name_that_would_leave_the_tree_is_refused(
    path: str, git: Callable[..., str], tmp_path: Path
) -> None:
    blob = git("one", "hash-object", "-w", "--stdin", stdin=b"evil")
    entry = b"100644 %s\0%s" % (path.encode(), bytes.fromhex(blob))
    tree = git("one", "hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=entry)
    commit = git("one", "commit-tree", "-m", "evil", tree)
    git("two", "status")
    packed(tmp_path / "one", commit, [], tmp_path / "pack")

    with pytest.raises(GitError):
        unpacked(tmp_path / "two", tmp_path / "pack", commit, [])


def test_another_commit_than_the_one_that_was_told_is_refused(
    git: Callable[..., str], tmp_path: Path
) -> None:
    git("one", "commit", "-q", "--allow-empty", "-m", "one")
    git("two", "status")
    packed(tmp_path / "one", "HEAD", [], tmp_path / "pack")

    with pytest.raises(GitError):
        unpacked(tmp_path / "two", tmp_path / "pack", "1" * 40, [])


def test_a_commit_that_lacks_something_is_refused(git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    git("three", "status")
    subprocess.run(["git", "init", "-q", str(tmp_path / "one")], check=True)
    (tmp_path / "one/a").write_text("a\n")
    git("one", "add", ".")
    git("one", "commit", "-qm", "base")
    base = git("one", "rev-parse", "HEAD")
    (tmp_path / "one/b").write_text("b\n")
    git("one", "add", ".")
    git("one", "commit", "-qm", "more")

    packed(tmp_path / "one", "HEAD", [base], tmp_path / "pack")

    with pytest.raises(GitError):
        unpacked(tmp_path / "three", tmp_path / "pack", git("one", "rev-parse", "HEAD"), [])


def test_what_one_attempt_does_with_git_is_not_seen_by_the_next(
    git: Callable[..., str], tmp_path: Path
) -> None:
    """Nor do its commits matter: what it left in the tree is its work."""
    (tmp_path / "one").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "one")], check=True)
    (tmp_path / "one/kept").write_text("kept\n")
    git("one", "add", ".")
    git("one", "commit", "-qm", "base")
    base = git("one", "rev-parse", "HEAD")
    store = Store.open(tmp_path, "store")
    assert store.bases("sha1") == []
    packed(tmp_path / "one", base, [], tmp_path / "pack")
    store.bring(tmp_path / "pack", base, [])
    name = store.take(base)
    tree = store.tree(name)
    (tree / "made").write_text("made\n")
    for words in (
        ["add", "."],
        ["commit", "-qm", "mine"],
        ["branch", "mine"],
        ["config", "core.fsmonitor", "false"],
    ):
        git(str(tree.relative_to(tmp_path)), *words)
    (tree / "later").write_text("later\n")

    commit = store.snapshot(name, base, (), tmp_path / "done").commit
    unpacked(tmp_path / "one", tmp_path / "done", commit, [base])
    store.give_back(name)
    again = store.take(base)

    assert git("one", "ls-tree", "--name-only", commit).split() == ["kept", "later", "made"]
    assert git("one", "rev-parse", f"{commit}^") == base
    assert again == name
    assert sorted(path.name for path in tree.iterdir()) == [".git", "kept"]
    assert git(str(tree.relative_to(tmp_path)), "branch", "--list", "mine") == ""
    assert "fsmonitor" not in (tmp_path / "store/trees/1.git/config").read_text()
    assert store.bases("sha1") == [base]


def test_a_store_knows_the_latest_bases_and_those_that_trees_are_lent_on(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there were: each is asked for whenever another is brought."""
    monkeypatch.setattr(trees, "_BASES_KEPT", 6)
    commits = []
    for number in range(12):
        git("one", "commit", "-q", "--allow-empty", "-m", str(number))
        commits.append(git("one", "rev-parse", "HEAD"))
    store = Store.open(tmp_path, "store")
    store.bases("sha1")
    lent = []
    for before, commit in zip([None, *commits], commits, strict=False):
        packed(tmp_path / "one", commit, [before] if before else [], tmp_path / "pack")
        store.bring(tmp_path / "pack", commit, [before] if before else [])
        if commit == commits[2]:
            lent.append(store.take(commit))

    known = store.bases("sha1")

    assert set(known) == {commits[2], *commits[-6:]}
    store.give_back(lent[0])
    assert store.take(commits[-1]) == lent[0]


def test_two_that_serve_on_one_machine_have_a_store_each(tmp_path: Path) -> None:
    one, two = Store.open(tmp_path, "repo"), Store.open(tmp_path, "repo")

    assert (one.folder.name, two.folder.name) == ("repo", "repo-2")


# --- who goes where


def test_the_machine_with_the_least_to_do_is_taken_as_far_as_its_places_go() -> None:
    placing = Placing([Offer("a", {"claude": 1}), Offer("b", {"claude": 2, "codex": 1}), Offer("c")])

    taken = [placing.take("claude", ["a", "b"]) for _ in range(4)]
    placing.give_back("claude", "b")

    assert taken == ["a", "b", "b", None]
    assert placing.take("codex", ["a"]) is None
    assert [placing.take("codex", ["a", "b"]) for _ in range(2)] == ["b", None]
    assert placing.take("claude", ["a", "b"]) == "b"
    assert placing.take("any", ["a", "b", "c"]) == "c"


def test_an_error_of_the_other_end_is_no_end_of_the_link(link: Callable[..., Link]) -> None:
    one = link()
    waiting = one.peer.call("anything")
    number = one.heard()[1]

    one.say([1, number, "it did not work", None])

    with pytest.raises(FarError, match="it did not work"):
        waiting.result(5)
    assert one.peer.call("more")
