"""What a check finds, and what can be done about it."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from attrs import field

from peal.classes import frozen
from peal.doctor.backups import Keeping
from peal.errors import PealError

Mend = Callable[[Keeping], str]
"""Puts something right, keeps beforehand what it changes, and tells what it did; PealError or OSError if it cannot."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """A run would be refused, or something is lost."""
    WARNING = "warning"
    """Something is not as it should be, and the next run copes with it or a person should look."""
    INFO = "info"
    """Good to know."""


@frozen
class Symptom:
    """What one check has seen in one place."""

    found: str
    by_hand: str
    """How a person mends it, with a command where there is one."""
    where: str = ""
    """A path, seen from the repository, or a branch."""
    mend: Mend | None = field(default=None, eq=False)
    """None where only a person can."""
    severity: Severity | None = None
    """Where it is not that of its check."""

    @property
    def refusal(self) -> str:
        """As a run says it that does not begin for this."""
        return "; ".join(filter(None, (self.found, self.by_hand)))


def of_refusal(error: PealError, where: str = "", mend: Mend | None = None) -> Iterator[Symptom]:
    """What a refusal tells: on each line what is wrong, and behind the first semicolon the way out."""
    for line in str(error).splitlines():
        found, _, by_hand = line.partition("; ")
        yield Symptom(found, by_hand, where, mend)


def refused(*steps: Callable[[], object]) -> Iterator[Symptom]:
    """What the steps of a run's beginning refuse, all of them."""
    for step in steps:
        try:
            step()
        except PealError as error:
            yield from of_refusal(error)


@frozen
class Finding:
    """A symptom under the code by which it is known."""

    code: str
    severity: Severity
    symptom: Symptom
    is_mended: bool = False

    @property
    def can_be_mended(self) -> bool:
        """Whether `peal doctor --fix` does something about it."""
        return self.symptom.mend is not None

    @property
    def is_error(self) -> bool:
        """Whether it still keeps a run from going on."""
        return self.severity is Severity.ERROR and not self.is_mended

    def as_json(self) -> Mapping[str, str | bool]:
        """As scripts get it."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "found": self.symptom.found,
            "where": self.symptom.where,
            "by_hand": self.symptom.by_hand,
            "can_be_mended": self.can_be_mended,
            "is_mended": self.is_mended,
        }
