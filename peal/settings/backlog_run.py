"""What is in force when a backlog is worked on: `[execution]` before peal's own keys, flags before both."""

from attrs import evolve

from peal.classes import frozen
from peal.settings.schema import Settings

_FLAG = "command line"
_MOST = 2**31 - 1
"""Seconds that a clock takes everywhere."""


@frozen
class _Choice:
    """A key of `[execution]`, and peal's own key for the same."""

    name: str
    value: int | None
    """None for nothing."""
    set_by: str
    """Empty if it has its default."""
    own: str
    own_value: int
    own_set_by: str
    unit: int = 1
    """How much of the own key's is one of the other's."""

    @property
    def is_own(self) -> bool:
        """Whether peal's own key counts: given as a flag, or the only one that was set."""
        return self.value is None or self.own_set_by == _FLAG or bool(self.own_set_by and not self.set_by)

    @property
    def result(self) -> int:
        """What counts, as peal's own key has it."""
        return self.own_value if self.is_own else min((self.value or 0) * self.unit, _MOST)

    @property
    def told(self) -> str:
        """What to say where the two were set differently; empty otherwise."""
        if not self.set_by or not self.own_set_by or self.value is None:
            return ""
        if self.value * self.unit == self.own_value:
            return ""
        wins = f"`{self.own}` counts, for it is a flag" if self.is_own else "in a backlog the first counts"
        both = f"`execution.{self.name}` is {self.value} ({self.set_by}) and `{self.own}` {self.own_value} ({self.own_set_by})"
        return f"{both}; {wins}"


def for_backlog(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The settings by which a backlog is worked on, and a line for each key that was set in two ways."""
    execution, origins = settings.execution, settings.origins

    def choice(name: str, value: int | None, own: str, own_value: int, unit: int = 1) -> _Choice:
        set_by, own_set_by = origins.get(f"execution.{name}", ""), origins.get(own, "")
        return _Choice(name, value, set_by, own, own_value, own_set_by, unit)

    steps = settings.max_parallel if settings.parallel else 1
    places = choice("max_concurrent", execution.max_concurrent, _who_says_steps(settings), steps)
    timeout = choice(
        "phase_timeout_minutes",
        execution.phase_timeout_minutes,
        "phase_timeout_sec",
        settings.phase_timeout_sec,
        60,
    )
    retries = choice("max_retries", execution.max_retries, "phase_retry_count", settings.phase_retry_count)
    found = evolve(
        settings,
        parallel=places.result > 1,
        max_parallel=max(places.result, 1),
        phase_timeout_sec=timeout.result,
        phase_retry_count=retries.result,
    )
    return found, tuple(one.told for one in (places, timeout, retries) if one.told)


def _who_says_steps(settings: Settings) -> str:
    """The key that says how many steps there are at once: `--no-parallel` does so too."""
    origins = settings.origins
    said = [name for name in ("max_parallel", "parallel") if name in origins]
    return next((name for name in said if origins[name] == _FLAG), said[0] if said else "max_parallel")
