"""`evolve` as attrs has it, for frozen values without validators, in a third of the time or less: journals are long."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attrs import evolve
else:
    from attrs import fields

    @cache
    def _members(kind: type) -> tuple[tuple[str, Any, Any], ...]:
        """Each member with what reads and what sets it, past the guard of a frozen class; none for one without slots."""
        if kind.__dictoffset__:
            return ()
        slots = ((member.name, getattr(kind, member.name)) for member in fields(kind))
        return tuple((name, slot.__get__, slot.__set__) for name, slot in slots)

    def evolve(value: Any, /, **changes: Any) -> Any:
        """A value like this one but for some members."""
        kind = type(value)
        made = kind.__new__(kind)
        if members := _members(kind):
            for name, get, put in members:
                put(made, changes[name] if name in changes else get(value))
        else:
            made.__dict__.update(value.__dict__)
            made.__dict__.update(changes)
        return made


__all__ = ["evolve"]
