"""What is known of those who serve the agents: whose usage limit is reached, and what has been spent."""

from collections.abc import Sequence

from attrs import field

from peal.classes import define
from peal.model.decision import Budget
from peal.model.work import Result
from peal.record.events import Event, PlanRewritten, RunOpened, StepEnded
from peal.record.spending import Spending, dollars, tokens


@define
class Providers:
    """A fold over events, of one plan or of all that one peal works at."""

    limited: dict[str, float] = field(factory=dict)
    """Agents whose usage limit was met, and when it is reset, in wall-clock seconds; outlives a run."""
    spent: Spending = field(factory=Spending)
    """What attempts have used since `peal run`; a resume goes on counting."""
    ahead: Spending = field(factory=Spending)
    """The part of it that a run which is not opened yet has used already."""
    session: str = ""
    """The session whose spending this is; what several plans of it spend is counted together."""

    def apply(self, event: Event) -> None:
        """Take one more fact in."""
        match event:
            case RunOpened():
                if not event.resumed and not (event.session and event.session == self.session):
                    self.spent = Spending()
                    self.spent.take_in(self.ahead)
                self.ahead = Spending()
                if event.try_now:
                    self.limited.clear()
                self.session = event.session
            case PlanRewritten():
                for sums in (self.spent, self.ahead):
                    sums.add("normalize", event.usage)
            case StepEnded(outcome=outcome):
                self.spent.add(event.phase, outcome.usage)
                if outcome.result is Result.LIMITED and outcome.agent:
                    self.limited[outcome.agent] = outcome.until or 0.0

    def take_in(self, others: "Providers", spent: bool) -> None:
        """What is known of a plan is known of all; what it has `spent` before counts if its run goes on."""
        for agent, until in others.limited.items():
            self.limited[agent] = max(until, self.limited.get(agent, 0.0))
        self.ahead.take_in(others.ahead)
        if spent:
            self.spent.take_in(others.spent)

    def free_agent(self, chain: Sequence[str], now: float) -> str:
        """Who of these is to be asked: the first whose usage limit is not reached; empty if there is none."""
        return next((agent for agent in chain if self.limited.get(agent, 0.0) <= now), "")

    def free_at(self, chain: Sequence[str]) -> float:
        """When one of these can be asked, in wall-clock seconds; 0 if that was never in doubt."""
        return min((self.limited.get(agent, 0.0) for agent in chain), default=0.0)

    def why_over(self, budget: Budget) -> str:
        """Why no agent is asked any more; empty if there is money and are tokens left."""
        spent = self.spent.total
        if budget.max_cost is not None and (spent.cost or 0.0) >= budget.max_cost:
            return f"{dollars(spent.cost)} spent of `max_cost` {dollars(budget.max_cost)}"
        if budget.max_tokens is not None and spent.tokens >= budget.max_tokens:
            return f"{tokens(spent.tokens)} used of `max_tokens` {budget.max_tokens}"
        return ""
