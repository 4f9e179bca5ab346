"""Which variables of the environment a program in a sandbox is given."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from peal.text.redaction import looks_secret

_WAYS_OUT = frozenset(
    (
        "SSH_AUTH_SOCK", "SSH_AGENT_PID", "PGPASSFILE", "PGSERVICEFILE", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_CONFIG_PARAMETERS", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS",
        "DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "TMUX", "TMUX_PANE", "STY",
        "DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "KUBECONFIG", "VSCODE_IPC_HOOK_CLI", "VSCODE_GIT_IPC_HANDLE",
        "NVIM", "NVIM_LISTEN_ADDRESS", "KITTY_LISTEN_ON", "WEZTERM_UNIX_SOCKET", "INVOCATION_ID", "NOTIFY_SOCKET",
    )
)  # fmt: skip
"""They lead to services that do what they are asked, outside of any sandbox."""
_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
"""An address that lets in whoever has it, as of a database."""
_NAME, _VALUE = "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"
_OF_ACCESS = re.compile(
    r"credential\.|http\..*(extraheader|cookiefile|sslkey)$|url\.https?://[^/]*@", re.IGNORECASE
)
"""Settings of git that let in whoever has them; see git-config(1)."""
_NOTHING = {_NAME: "peal.leftOut", _VALUE: ""}


def let_in(variables: Mapping[str, str], own: Iterable[str], named: Iterable[str]) -> dict[str, str]:
    """
    Those that are no secret and lead nowhere out, with the program's `own` and the ones that a person has `named`.

    `own` and `named` may be patterns, as `ANTHROPIC_*` is.
    """
    patterns = (*own, *named)
    found = {
        name: value
        for name, value in variables.items()
        if _fits(name, patterns) or not _is_kept_out(name, value)
    }
    return found | _of_git(variables, patterns)


def _of_git(variables: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """
    Settings for git, which are numbered: git refuses to work where one is missing, so another takes its place.

    See git-config(1), "GIT_CONFIG_COUNT".
    """
    found: dict[str, str] = {}
    for name, setting in variables.items():
        number = name.removeprefix(_NAME)
        if number != name and number.isdigit() and not _fits(name, patterns):
            value = variables.get(_VALUE + number, "")
            is_kept_out = _OF_ACCESS.match(setting) or _WITH_PASSWORD.search(f"{setting}\n{value}")
            told = _NOTHING if is_kept_out else {_NAME: setting, _VALUE: value}
            found |= {part + number: text for part, text in told.items()}
    return found


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_kept_out(name: str, value: str) -> bool:
    if name in _WAYS_OUT or looks_secret(name):
        return True
    return bool(_WITH_PASSWORD.search(value)) and not name.lower().endswith("_proxy")
