"""What an attempt has used, and what that costs."""

from collections.abc import Mapping

from attrs import evolve

from peal.agents.needed import price_of
from peal.model.agent import Reply, Session, Usage
from peal.record.spending import minus, plus
from peal.settings import PriceSettings

_MILLION = 1_000_000


def used_by(
    reply: Reply, session: Session | None, model: str | None, prices: Mapping[str, PriceSettings]
) -> tuple[Usage, ...]:
    """
    What this attempt alone has used, by model, with its cost where the agent or the table of prices tells it.

    `model` is the one that was asked for, where the agent does not name it.
    """
    named = tuple(evolve(one, model=one.model or model or "") for one in reply.usage)
    if reply.counts_session and session is not None and session.id == reply.session:
        before = _by_model(session.used)
        named = tuple(minus(one, before.get(one.model, Usage())) for one in named)
    return tuple(_priced(one, prices) for one in named)


def _by_model(used: tuple[Usage, ...]) -> dict[str, Usage]:
    sums: dict[str, Usage] = {}
    for one in used:
        sums[one.model] = plus(sums.get(one.model, Usage(one.model)), one)
    return sums


def _priced(used: Usage, prices: Mapping[str, PriceSettings]) -> Usage:
    if used.cost is not None or (price := price_of(used.model, prices)) is None:
        return used
    cached = price.input if price.cached is None else price.cached
    written = price.input if price.written is None else price.written
    dollars = (
        used.input * price.input + used.cached * cached + used.written * written + used.output * price.output
    )
    return evolve(used, cost=dollars / _MILLION)
