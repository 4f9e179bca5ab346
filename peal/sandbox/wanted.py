"""What a person has asked of a sandbox, before it is known whether there can be one."""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import asdict

from peal.classes import frozen
from peal.settings import ItemPhaseSettings, Settings
from peal.text.display import some

_SHOWN = 6
"""Variables that are told of by their names."""


@frozen
class Wanted:
    """The same wherever it is to stand."""

    kind: tuple[str, ...]
    """As the settings have it, and not `none`: `auto` is whatever works there."""
    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    has_network: bool = True
    """Whether nobody is to be kept from the network."""

    @classmethod
    def of(cls, settings: Settings, kind: tuple[str, ...], has_network: bool) -> "Wanted":
        """By the settings, but for what has been decided since."""
        return cls(
            kind, settings.sandbox_writable, settings.sandbox_hidden, settings.sandbox_env, has_network
        )

    @classmethod
    def likely(cls, settings: Settings) -> "Wanted":
        """What a run would ask for, or could where the settings do not."""
        kind = ("auto",) if settings.sandbox == ("none",) else settings.sandbox
        return cls.of(settings, kind, has_network=not any(kept_from_network(settings, ())))

    @property
    def is_auto(self) -> bool:
        """Whether another, or none, will do as well."""
        return self.kind == ("auto",)

    @property
    def is_required(self) -> bool:
        """Whether nothing may be started where there is none."""
        return not self.is_auto or not self.has_network

    def as_json(self) -> dict[str, Any]:
        """As it is told to machines; `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Wanted":
        """What the other end has told."""
        made: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        return cls(**made)


def kept_from_network(settings: Settings, phases: Iterable[ItemPhaseSettings]) -> Iterator[str]:
    """Who is to have no network, in words for a person."""
    yield from (f"reviewer `{one.name}`" for one in settings.reviewers if one.network == "off")
    yield from (f"phase `{one.name}`" for one in phases if one.network == "off")


def refusal(kind: tuple[str, ...], who: Iterable[str]) -> str:
    """Why nothing can keep them from the network, and how to go on; empty if something can."""
    named = ", ".join(who)
    if not named or (len(kind) == 1 and kind[0] not in ("none", "")):
        return ""
    if len(kind) > 1:
        return (
            f"{named}: what is let through is the business of the wrapper `{kind[0]}`; put that into the words of `sandbox`, as "
            'in `--network=none`, and take `network = "off"` out'
        )
    return (
        f"{named}: nothing would keep it from the network, for there is no sandbox; set `sandbox` to `auto`, or take "
        '`network = "off"` out'
    )


def unusable(wanted: Wanted, kind: tuple[str, ...]) -> str:
    """Begins to say that it does not work somewhere; `kind` is what it is there."""
    name = " ".join(wanted.kind)
    told = f"sandbox `{name}`{f' (`{kind[0]}`)' * (wanted.is_auto and bool(kind[0]))} cannot be used"
    return told if wanted.has_network else f"{told} where `network` is `off`"


def left_out(kind: tuple[str, ...], names: Iterable[str]) -> str:
    """Which variables programs are not given, in words; empty for none."""
    if not (listed := list(names)):
        return ""
    return (
        f"in the sandbox ({' '.join(kind)}) programs are not given {some(listed, _SHOWN)}, but for an agent's own; `sandbox_env` "
        "lets others in"
    )
