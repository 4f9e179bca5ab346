"""The words of bubblewrap, which makes a sandbox of Linux' namespaces; see bwrap(1)."""

from collections.abc import Iterator

from peal.sandbox.rules import Rule, Sandbox, Touch

PROGRAM = "bwrap"
_OF_THE_KERNEL = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
"""Where root may write though it has no capabilities, and with one line becomes root of the whole machine."""
_OWN_ANYWAY = "/dev/shm"
"""Part of the /dev that bubblewrap makes."""


def words(sandbox: Sandbox, is_root: bool) -> list[str]:
    """
    What stands in front of a program's own words.

    No session of its own and no death with the parent: peal ends what it has started by its process group, with a grace.
    Root keeps the one capability that programs need to make a sandbox of their own inside.
    """
    found = [PROGRAM, "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"]
    found += ["--cap-add", "CAP_SETFCAP"] if is_root else []
    found += [] if sandbox.has_network else ["--unshare-net"]
    found += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for path in _OF_THE_KERNEL if is_root else ():
        found += ["--ro-bind-try", path, path]
    for rule in sandbox.rules:
        if rule.touch is not Touch.OWN or rule.path != _OWN_ANYWAY:
            found += _mounted(rule, sandbox.own)
    return [*found, *_sealed(sandbox), "--chdir", sandbox.workspace, "--"]


def _mounted(rule: Rule, own: str) -> list[str]:
    match rule.touch:
        case Touch.HIDE if rule.is_folder:
            return ["--tmpfs", rule.path]
        case Touch.HIDE:
            return ["--ro-bind", rule.instead or "/dev/null", rule.path]
        case Touch.READ:
            return ["--ro-bind", rule.path, rule.path]
        case Touch.WRITE:
            return ["--bind", rule.path, rule.path]
        case Touch.OWN:
            return ["--bind", own, rule.path]


def _sealed(sandbox: Sandbox) -> Iterator[str]:
    """What is hidden is an empty folder in memory: nobody fills that."""
    for rule in sandbox.rules:
        if rule.touch is Touch.HIDE and rule.is_folder:
            yield from ("--remount-ro", rule.path)
