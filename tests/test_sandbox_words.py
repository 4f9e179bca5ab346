"""What stands in front of a program's words in a sandbox that cannot be tried everywhere: seatbelt's profile, and a person's own wrapper."""

import pytest

from peal.sandbox import seatbelt, wrapper
from peal.sandbox.rules import Rule, Sandbox, Touch, in_order

HOME = "/Users/o'hara"
TREE = f'{HOME}/my "best" work'
RULES = in_order(
    [
        Rule("/private/tmp", Touch.OWN),
        Rule("/private/var/run", Touch.HIDE),
        Rule("/private/var/run/mDNSResponder", Touch.READ, is_folder=False),
        Rule(f"{HOME}/.ssh", Touch.HIDE),
        Rule(f"{HOME}/.netrc", Touch.HIDE, is_folder=False),
        Rule(f"{HOME}/.claude", Touch.WRITE),
        Rule(f"{HOME}/.claude/settings.json", Touch.READ, is_folder=False),
        Rule(f"{HOME}/.claude/hooks/mine", Touch.READ),
        Rule("/private/tmp/peal-1/a=b", Touch.WRITE),
        Rule(f"{TREE}/.peal/worktrees/1", Touch.WRITE),
        Rule(f"{TREE}/.peal/worktrees/1/.git", Touch.READ, is_folder=False),
    ]
)
PROFILE = r"""(version 1)
(allow default)
(deny file-write*)
(allow file-write*
  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx")
  (regex #"^/dev/ttys[0-9]+$") (regex #"^/dev/fd/"))
(deny network-outbound (regex #"/(S\.gpg-agent|agent\.[0-9]+|default)$"))
(deny signal) (allow signal (target same-sandbox))
(deny process-info*) (allow process-info* (target same-sandbox))
(deny appleevent-send) (deny lsopen)
(deny mach-lookup (global-name-prefix "com.docker."))
(deny file-read-data file-write* (subpath (param "OWN_1")))
(deny network-outbound (subpath (param "OWN_1")))
(allow file-read* file-write* (subpath (param "WRITTEN_2")))
(allow network-outbound (subpath (param "WRITTEN_2")))
(deny file-read* file-write* (literal (param "HIDDEN_3")))
(deny network-outbound (literal (param "HIDDEN_3")))
(deny file-read* file-write* (subpath (param "HIDDEN_4")))
(deny network-outbound (subpath (param "HIDDEN_4")))
(deny file-read* file-write* (subpath (param "HIDDEN_5")))
(deny network-outbound (subpath (param "HIDDEN_5")))
(allow file-read* (literal (param "READ_6")))
(deny file-write* (literal (param "READ_6")))
(allow network-outbound (literal (param "READ_6")))
(allow file-read* file-write* (subpath (param "WRITTEN_7")))
(allow network-outbound (subpath (param "WRITTEN_7")))
(allow file-read* (literal (param "READ_8")))
(deny file-write* (literal (param "READ_8")))
(allow network-outbound (literal (param "READ_8")))
(allow file-read* (subpath (param "READ_9")))
(deny file-write* (subpath (param "READ_9")))
(allow network-outbound (subpath (param "READ_9")))
(allow file-read* file-write* (subpath (param "WRITTEN_10")))
(allow network-outbound (subpath (param "WRITTEN_10")))
(allow file-read* (literal (param "READ_11")))
(deny file-write* (literal (param "READ_11")))
(allow network-outbound (literal (param "READ_11")))
(deny file-write-unlink (literal (param "STAYS_1")))
(deny file-write-unlink (literal (param "STAYS_2")))
(deny file-write-unlink (literal (param "STAYS_3")))
(deny file-write-unlink (literal (param "STAYS_4")))
"""


def _sandbox(has_network: bool = True, **values: tuple[str, ...]) -> Sandbox:
    return Sandbox(f"{TREE}/.peal/worktrees/1", RULES, "/own", has_network, tuple(values.items()))


def test_rules_that_change_nothing_are_left_out() -> None:
    """What is hidden in a folder of the program's own is out of sight without a rule."""
    own, hidden = Rule("/tmp", Touch.OWN), Rule("/run", Touch.HIDE)
    idle = [Rule("/tmp/service", Touch.HIDE), Rule("/run/service", Touch.HIDE), Rule("/usr", Touch.READ)]
    needed = [
        Rule("/run/names", Touch.READ),
        Rule("/tmp/work", Touch.READ),
        Rule("/tmp/work/.env", Touch.HIDE),
    ]

    assert set(in_order([own, hidden, *idle, *needed])) == {own, hidden, *needed}


def test_the_profile_for_seatbelt() -> None:
    """The clauses in the order of the rules, for the last one that fits holds."""
    program, flag, profile, *_ = seatbelt.words(_sandbox())

    assert (program, flag) == ("/usr/bin/sandbox-exec", "-p")
    assert profile == PROFILE


def test_paths_are_given_to_seatbelt_beside_the_profile() -> None:
    """So blanks, quotes, parentheses and equal signs in one are nothing but letters."""
    given = seatbelt.words(_sandbox())[3:]

    assert given[::2] == ["-D"] * (len(given) // 2)
    assert given[1::2] == [
        "OWN_1=/private/tmp",
        f"WRITTEN_2={HOME}/.claude",
        f"HIDDEN_3={HOME}/.netrc",
        f"HIDDEN_4={HOME}/.ssh",
        "HIDDEN_5=/private/var/run",
        f"READ_6={HOME}/.claude/settings.json",
        "WRITTEN_7=/private/tmp/peal-1/a=b",
        "READ_8=/private/var/run/mDNSResponder",
        f"READ_9={HOME}/.claude/hooks/mine",
        f"WRITTEN_10={TREE}/.peal/worktrees/1",
        f"READ_11={TREE}/.peal/worktrees/1/.git",
        f"STAYS_1={HOME}/.claude",
        "STAYS_2=/private/tmp/peal-1/a=b",
        f"STAYS_3={TREE}/.peal/worktrees/1",
        f"STAYS_4={HOME}/.claude/hooks",
    ]


def test_without_a_network_seatbelt_lets_nothing_out() -> None:
    """As the last clause: no rule before it lets anything through."""
    assert seatbelt.words(_sandbox(has_network=False))[2] == f"{PROFILE}(deny network*)\n"


def test_seatbelt_shows_nothing_in_place_of_another_thing() -> None:
    """So what git cannot start without is read as it is."""
    rules = (Rule("/h/.gitconfig", Touch.HIDE, is_folder=False, instead="/copy"),)

    _, _, profile, *given = seatbelt.words(Sandbox("/w", rules, "/own"))

    assert given == ["-D", "READ_1=/h/.gitconfig"]
    assert '(allow file-read* (literal (param "READ_1")))\n(deny file-write* ' in profile


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["docker", "run"], ["docker", "run"]),
        (["-v", "{workspace}:{workspace}:rw"], ["-v", "/w x:/w x:rw"]),
        (["--mount={state}"], ["--mount=/a", "--mount=/b"]),
        (["{state}={phase}"], ["/a=plan", "/b=plan"]),
        (["--volume={own_git}:{own_git}", "-i"], ["-i"]),
        (["{unknown} {}", "${HOME}"], ["{unknown} {}", "${HOME}"]),
        (["{odd}"], ["{phase}"]),
    ],
)
def test_the_words_of_a_wrapper(given: list[str], made: list[str]) -> None:
    """A word comes once for each thing that it stands for; what stands for a place is not looked through again."""
    values = {
        "workspace": ("/w x",),
        "state": ("/a", "/b"),
        "phase": ("plan",),
        "own_git": (),
        "odd": ("{phase}",),
    }

    assert wrapper.words(given, _sandbox(**values)) == made
