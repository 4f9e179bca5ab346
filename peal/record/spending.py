"""What attempts have used, added up."""

from attrs import evolve, field

from peal.classes import define
from peal.model.agent import Usage
from peal.text.display import count


@define
class Spending:
    """Sums that grow with every attempt; a cost that nobody knows is left out, and remembered as such."""

    total: Usage = field(factory=Usage)
    models: dict[str, Usage] = field(factory=dict)
    phases: dict[str, Usage] = field(factory=dict)
    unpriced: set[str] = field(factory=set)
    """Models of which something was used without anybody knowing what it cost."""

    def add(self, phase: str, used: tuple[Usage, ...]) -> None:
        """Take in what one attempt at this phase has used."""
        for one in used:
            self.total = plus(self.total, evolve(one, model=""))
            self.models[one.model] = plus(self.models.get(one.model, Usage(one.model)), one)
            self.phases[phase] = plus(self.phases.get(phase, Usage()), evolve(one, model=""))
            if one.cost is None and one.tokens:
                self.unpriced.add(one.model)

    def take_in(self, others: "Spending") -> None:
        """Add what is counted elsewhere."""
        self.total = plus(self.total, others.total)
        for sums, more in ((self.models, others.models), (self.phases, others.phases)):
            for name, used in more.items():
                sums[name] = plus(sums[name], used) if name in sums else used
        self.unpriced |= others.unpriced


def plus(one: Usage, other: Usage) -> Usage:
    """Both together, under the first one's name; the cost is what is known of it."""
    costs = [part.cost for part in (one, other) if part.cost is not None]
    return Usage(
        one.model,
        one.input + other.input,
        one.cached + other.cached,
        one.written + other.written,
        one.output + other.output,
        sum(costs) if costs else None,
    )


def minus(one: Usage, other: Usage) -> Usage:
    """What `one` is more than `other`, never less than nothing."""
    cost = None if one.cost is None else max(one.cost - (other.cost or 0.0), 0.0)
    return Usage(
        one.model,
        max(one.input - other.input, 0),
        max(one.cached - other.cached, 0),
        max(one.written - other.written, 0),
        max(one.output - other.output, 0),
        cost,
    )


def summed(used: tuple[Usage, ...]) -> Usage:
    """All models together."""
    total = Usage()
    for one in used:
        total = plus(total, one)
    return total


def dollars(cost: float | None) -> str:
    """`$1.23`, with more digits for less than a cent; `unknown cost`."""
    if cost is None:
        return "unknown cost"
    return f"${cost:.2f}" if cost >= 0.01 or cost == 0 else f"${cost:.4f}"


def tokens(number: int) -> str:
    """`950 tokens`, `12.3k tokens`, `1.2M tokens`."""
    if number < 1000:
        return count(number, "token")
    return f"{number / 1e3:.1f}k tokens" if number < 999_950 else f"{number / 1e6:.1f}M tokens"


def amount(used: Usage) -> str:
    """`12.3k tokens (10.0k cached), $0.12`."""
    cached = (
        f" ({tokens(used.cached).removesuffix(' tokens').removesuffix(' token')} cached)"
        if used.cached
        else ""
    )
    return f"{tokens(used.tokens)}{cached}, {dollars(used.cost)}"
