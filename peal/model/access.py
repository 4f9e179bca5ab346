"""What a program says of itself that its sandbox has to know."""

from collections.abc import Mapping

from peal.classes import frozen


@frozen
class Access:
    """What one program needs."""

    cli: str = ""
    """The coding CLI whose state and variables it uses; empty for any other program."""
    may_write: bool = True
    """It may change the folder it works in."""
    has_network: bool = True


@frozen
class StateFolder:
    """A folder in which a coding CLI keeps sessions, its login, and settings."""

    below_home: str
    """Where it is, from the home folder."""
    variable: str = ""
    """Its value, if it is set, names the folder instead, or the one that `below` is in."""
    below: str = ""
    settings: tuple[str, ...] = ()
    """What in there is run or believed by a person's own sessions."""

    def place(self, home: str, variables: Mapping[str, str]) -> str:
        """Where it is for somebody with this home folder and these variables."""
        named = variables.get(self.variable, "") if self.variable else ""
        parts = (named, self.below) if named else (home, self.below_home)
        return "/".join(part.rstrip("/") for part in parts if part)
