"""The settings file: read and written with its line ends, its mark and its mode as they were."""

import codecs
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.system import files
from peal.text.display import decoded


@frozen
class SettingsFile:
    """A settings file as it is before a change."""

    path: Path
    name: str
    """What a person calls it."""
    text: str
    """With `\\n` at the end of each line, whatever the file has."""
    line_end: str = "\n"
    mark: str = ""
    """The byte order mark that it begins with, if it does."""

    @classmethod
    def of(cls, path: Path, name: str) -> "SettingsFile":
        """The file at a path; one that is not there is empty."""
        try:
            raw = path.read_bytes()
            mark = "\ufeff" if raw.startswith(codecs.BOM_UTF8) else ""
            return cls(path, name, decoded(raw), "\r\n" if b"\r\n" in raw else "\n", mark)
        except FileNotFoundError:
            return cls(path, name, "")
        except (OSError, ValueError) as error:
            reason = f"{error.strerror}; mend it or take it away" if isinstance(error, OSError) else error
            raise PealError(f"{name}: cannot be read: {reason}") from None

    def write(self, text: str) -> None:
        """Put the new text in its place in one step; a link stays a link and the file's mode what it was."""
        target = self.path.resolve()
        try:
            files.rewrite(target, self.mark + text.replace("\n", self.line_end))
        except OSError as error:
            raise PealError(f"cannot write `{target}`: {error.strerror}; make its folder writable") from None
