"""What commands write into items while an agent is at work in the same tree: by that it is told from what the agent writes."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from peal.classes import frozen
from peal.record import lock
from peal.system.files import content, write_all
from peal.system.layout import RepoPaths


@frozen
class CommandWrites:
    """Noted as long as an agent is at work there; whoever notes holds the lock that landings take."""

    repo_paths: RepoPaths

    @property
    def _file(self) -> Path:
        return self.repo_paths.backlog_writes

    def begin(self) -> None:
        """Note them from now on."""
        self._file.write_bytes(b"")

    def note(self, writes: Mapping[Path, bytes | None]) -> None:
        """These files hold that now; None for one that is gone."""
        if not self._file.exists() or lock.live_run(self.repo_paths) is None:
            return
        lines = "".join(
            f"{json.dumps(_line(path.relative_to(self.repo_paths.repo), raw))}\n"
            for path, raw in writes.items()
        )
        file = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            write_all(file, lines.encode())
        finally:
            os.close(file)

    def read(self) -> dict[str, bytes | None]:
        """What was noted of each file last, by its path in the repository."""
        return dict(_noted(content(self._file) or b""))

    def end(self) -> None:
        """Note them no more."""
        self._file.unlink(missing_ok=True)


def _line(path: Path, raw: bytes | None) -> tuple[str, str | None]:
    return path.as_posix(), None if raw is None else raw.decode("utf-8", "surrogateescape")


def _noted(lines: bytes) -> Iterator[tuple[str, bytes | None]]:
    for line in lines.splitlines(keepends=True):
        if line.endswith(b"\n"):  # the last may be half written, for a while or for ever
            path, text = json.loads(line)
            yield path, None if text is None else text.encode("utf-8", "surrogateescape")
