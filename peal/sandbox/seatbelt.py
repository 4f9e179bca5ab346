"""
The words of sandbox-exec, which makes a sandbox of macOS' seatbelt.

By sandbox-exec(1), the profiles in /System/Library/Sandbox/Profiles as others describe them, and the profiles that other programs
start agents with. It has never been run: nobody has tried it on a Mac.
"""

from collections.abc import Iterator

from attrs import evolve

from peal.classes import frozen
from peal.sandbox.rules import Rule, Sandbox, Touch, touch

PROGRAM = "/usr/bin/sandbox-exec"
_OPENING = """\
(version 1)
(allow default)
(deny file-write*)
(allow file-write*
  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx")
  (regex #"^/dev/ttys[0-9]+$") (regex #"^/dev/fd/"))
(deny network-outbound (regex #"/(S\\.gpg-agent|agent\\.[0-9]+|default)$"))
(deny signal) (allow signal (target same-sandbox))
(deny process-info*) (allow process-info* (target same-sandbox))
(deny appleevent-send) (deny lsopen)
(deny mach-lookup (global-name-prefix "com.docker."))
"""
"""
What holds whatever the rules are: sockets by which agents of keys and terminals are spoken with, other people's processes, and
services that start programs outside. Reading, the keychain and name look-up stay as they are.
"""
_NO_NETWORK = "(deny network*)\n"
_CLAUSES = {
    Touch.HIDE: "(deny file-read* file-write* {0})\n(deny network-outbound {0})\n",
    Touch.READ: "(allow file-read* {0})\n(deny file-write* {0})\n(allow network-outbound {0})\n",
    Touch.WRITE: "(allow file-read* file-write* {0})\n(allow network-outbound {0})\n",
    Touch.OWN: "(deny file-read-data file-write* {0})\n(deny network-outbound {0})\n",
}
"""
Nothing can stand in the place of another folder, so what ought to be a program's own is hidden. Its name can be seen, as whoever
looks for the real path of what lies below has to.
"""
_STAYS = "(deny file-write-unlink {0})\n"
_NAMES = {Touch.HIDE: "HIDDEN", Touch.READ: "READ", Touch.WRITE: "WRITTEN", Touch.OWN: "OWN"}


@frozen
class _Named:
    """A path with the name by which the profile has it: so nothing that is in a path has to be quoted."""

    name: str
    path: str


def words(sandbox: Sandbox) -> list[str]:
    """
    What stands in front of a program's own words; it is put in the place of sandbox-exec, so its number and group are the same.

    A file of which a program ought to see another in its place is read as it is: git does not start where it may not read one.

    The clauses come in the order of the rules, for the last one that fits holds.
    """
    rules = tuple(evolve(rule, touch=Touch.READ) if rule.instead else rule for rule in sandbox.rules)
    named = [_Named(f"{_NAMES[rule.touch]}_{at}", rule.path) for at, rule in enumerate(rules, 1)]
    staying = [_Named(f"STAYS_{at}", path) for at, path in enumerate(_staying(rules), 1)]
    profile = [_OPENING]
    profile += [_clause(rule, one.name) for rule, one in zip(rules, named, strict=True)]
    profile += [_STAYS.format(_literal(one.name)) for one in staying]
    profile += [] if sandbox.has_network else [_NO_NETWORK]
    given = [word for one in (*named, *staying) for word in ("-D", f"{one.name}={one.path}")]
    return [PROGRAM, "-p", "".join(profile), *given]


def _clause(rule: Rule, name: str) -> str:
    return _CLAUSES[rule.touch].format(f'(subpath (param "{name}"))' if rule.is_folder else _literal(name))


def _literal(name: str) -> str:
    return f'(literal (param "{name}"))'


def _staying(rules: tuple[Rule, ...]) -> Iterator[str]:
    """Folders that may be written and not be moved away: with them a rule would lose the path that it is about."""
    found = [rule.path for rule in rules if rule.touch is Touch.WRITE and rule.is_folder]
    for rule in rules:
        if rule.touch in (Touch.HIDE, Touch.READ):
            found += [above for above in _above(rule.path) if touch(rules, above) is Touch.WRITE]
    yield from dict.fromkeys(found)


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
