"""Whether a sandbox works on this machine, found by running it."""

import os
import re
import shutil
import sys
from pathlib import Path
from uuid import uuid4

from peal.agents.registry import surroundings
from peal.model.access import Access
from peal.model.process import Ended
from peal.sandbox.confinement import Confinement
from peal.system import removal
from peal.system.files import end_of
from peal.system.process import Cancel, Clocks, Launch
from peal.system.scratch import Scratch
from peal.text.display import tail

_TIMEOUT = 60.0
"""Seconds; a wrapper may have to fetch an image."""
_WRITTEN = "written"
_SCRIPT = f": > {_WRITTEN}"
_INSTALL = {
    "bubblewrap": ("linux", "bwrap", "install it (`apt install bubblewrap`, `dnf install bubblewrap`)"),
    "seatbelt": ("darwin", "sandbox-exec", "it is a part of macOS"),
}
"""The system that each is for, its program, and how to come by it."""
_APPARMOR = (
    "AppArmor does not let programs make user namespaces: `apt install apparmor-profiles`, copy `bwrap-userns-restrict` from "
    "/usr/share/apparmor/extra-profiles to /etc/apparmor.d and load it with `apparmor_parser -r`"
)
_LIMITED = "user namespaces are limited to none here: `sysctl user.max_user_namespaces=10000` as root"
_PROC = (
    "a container that hides parts of /proc does not let programs have one of their own; it is a sandbox already, or start it with "
    "`--security-opt systempaths=unconfined`"
)
_FORBIDDEN = (
    "user namespaces are not allowed here: `sysctl kernel.unprivileged_userns_clone=1` as root on old Debian; a container is a "
    "sandbox already"
)
_ADVICE = (
    (r"uid map: Permission denied|RTM_NEWADDR|apparmor", _APPARMOR),
    (r"No space left on device|max_user_namespaces", _LIMITED),
    (r"Can't mount proc", _PROC),
    (r"No permissions to create|new namespace|Operation not permitted", _FORBIDDEN),
)
"""What bubblewrap says where it may not do its work, and what allows it; see bwrap(1), user_namespaces(7)."""


def best() -> str:
    """The one that is meant for this system."""
    return next((name for name, (system, _, _) in _INSTALL.items() if sys.platform.startswith(system)), "")


def problem(confinement: Confinement, scratch: Scratch, has_network: bool = True) -> str:
    """Why programs cannot be started in it, and how to go on; empty if they can."""
    name = confinement.kind[0]
    if not name:
        return "there is none for this system"
    if missing := _missing(name):
        return missing
    place = scratch.folder / f"sandbox-{uuid4().hex[:8]}"
    workspace = place / "work"
    workspace.mkdir(parents=True)
    try:
        return _tried(confinement, scratch, place, has_network)
    finally:
        removal.remove(place)


def _missing(name: str) -> str:
    """What is known without a try."""
    if name not in _INSTALL:
        return "" if shutil.which(name) else f"`{name}` is not on PATH; install it, or mend `sandbox`"
    system, program, way = _INSTALL[name]
    if not sys.platform.startswith(system):
        return f"it is not for this system; set `sandbox` to `{best() or 'none'}`"
    return "" if shutil.which(program) else f"`{program}` is not on PATH: {way}"


def _tried(confinement: Confinement, scratch: Scratch, place: Path, has_network: bool) -> str:
    workspace, temporary = place / "work", place / "tmp"
    temporary.mkdir()
    env = {**confinement.environment(surroundings(), ""), "TMPDIR": str(temporary)}
    words = confinement.wrapped(
        ("sh", "-c", _SCRIPT), Access(has_network=has_network), workspace, str(temporary), env.get("PATH", "")
    )
    stdout, stderr = f"{place}/stdout", f"{place}/stderr"
    encoded = {os.fsencode(key): os.fsencode(value) for key, value in env.items()}
    launch = Launch(words, workspace, encoded, stdout, stderr, clocks=Clocks(timeout=_TIMEOUT))
    cancel = Cancel()
    try:
        ending = scratch.carry_out(place.name, launch, cancel)
    except OSError as error:
        return f"`{words[0]}` cannot be started: {error.strerror}"
    finally:
        cancel.close()
    said = " / ".join(tail(end_of(stderr), 3) or tail(end_of(stdout), 3))
    if ending.how is not Ended.EXITED:
        return f"it did not end within {_TIMEOUT:.0f} seconds: {said}"
    if ending.exit_code:
        return f"{said or ending.status}{_advice(said)}"
    if not (workspace / _WRITTEN).exists():
        return "what a program wrote there did not arrive in the folder it was started in; mount {workspace}"
    return ""


def _advice(said: str) -> str:
    """What allows it, if the words are known."""
    return next((f"; {way}" for pattern, way in _ADVICE if re.search(pattern, said)), "")
