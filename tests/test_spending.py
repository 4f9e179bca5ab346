"""What attempts use and cost, when they are tried again, and what nobody may read."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from peal.agents.needed import price_of
from peal.model.agent import Reply, Session, Usage
from peal.model.work import Outcome, Result
from peal.record.spending import Spending, amount, dollars, minus, plus, summed, tokens
from peal.settings import PriceSettings
from peal.text.redaction import HIDDEN, redactor, secrets
from peal.work.backoff import at_its_limit, with_time
from peal.work.usage import used_by

OPUS = Usage("opus", 100, 20, 3, 40, 0.5)
CODEX = Usage("gpt-5", 1000, 200, 0, 50)
PRICE = PriceSettings(input=2.0, output=10.0, cached=0.5)

_counts = st.integers(0, 10**9)
_costs = st.none() | st.floats(0, 1e6)
_usages = st.builds(Usage, st.sampled_from(["opus", "gpt-5", ""]), _counts, _counts, _counts, _counts, _costs)


# Sums


def test_a_sum_counts_each_token_once_and_leaves_out_what_nobody_knows() -> None:
    spent = Spending()
    spent.add("plan", (OPUS,))
    spent.add("execute", (OPUS, CODEX))

    assert spent.total == Usage("", 1200, 240, 6, 130, 1.0)
    assert spent.models == {"opus": Usage("opus", 200, 40, 6, 80, 1.0), "gpt-5": CODEX}
    assert spent.phases["plan"] == evolve(OPUS, model="")
    assert spent.unpriced == {"gpt-5"}


def test_a_model_that_was_not_used_is_not_called_unknown() -> None:
    spent = Spending()
    spent.add("plan", (Usage("gpt-5"),))

    assert spent.unpriced == set()


@given(_usages, _usages)
def test_what_was_added_can_be_taken_away_again(one: Usage, other: Usage) -> None:
    back = minus(plus(one, other), other)

    assert evolve(back, cost=None) == evolve(one, cost=None)
    assert back.tokens == one.tokens


@given(st.lists(_usages))
def test_a_sum_does_not_depend_on_the_order(used: list[Usage]) -> None:
    there, back = summed(tuple(used)), summed(tuple(reversed(used)))

    assert (there.tokens, there.input) == (back.tokens, back.input)
    assert (there.cost or 0.0) == pytest.approx(back.cost or 0.0)


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (OPUS, "163 tokens (20 cached), $0.50"),
        (Usage("", 12_340, 0, 0, 0, 0.0012), "12.3k tokens, $0.0012"),
        (Usage("", 999_960, 0, 0, 0, 0.0), "1.0M tokens, $0.00"),
        (Usage("", 2_500_000, 10_000_000, 0, 0), "12.5M tokens (10.0M cached), unknown cost"),
        (Usage("", 1), "1 token, unknown cost"),
    ],
)
def test_amounts_are_told_short(used: Usage, told: str) -> None:
    assert amount(used) == told
    assert tokens(used.tokens) in told
    assert dollars(used.cost) in told


# Costs


def _used(reply: Reply, session: Session | None = None, model: str | None = None) -> tuple[Usage, ...]:
    return used_by(reply, session, model, {"gpt-5": PRICE, "glm-*": evolve(PRICE, cached=None)})


def test_the_cost_that_the_agent_tells_counts_before_any_price() -> None:
    assert _used(Reply("", usage=(Usage("gpt-5", 10, cost=9.0),)))[0].cost == 9.0


def test_a_price_is_for_a_million_tokens_of_each_kind() -> None:
    (used,) = _used(Reply("", usage=(Usage("gpt-5", 1_000_000, 2_000_000, 500_000, 100_000),)))

    assert used.cost == pytest.approx(2.0 + 1.0 + 1.0 + 1.0)


def test_a_pattern_prices_models_whose_name_fits() -> None:
    (used,) = _used(Reply("", usage=(Usage("glm-5", 0, 1_000_000),)))

    assert used.cost == pytest.approx(2.0), "what is read from the cache costs as much as what is not"
    assert price_of("glm5", {"glm-*": PRICE}) is None


def test_what_has_no_price_stays_unknown() -> None:
    assert _used(Reply("", usage=(Usage("sonnet", 10),)))[0].cost is None


def test_an_agent_that_does_not_name_its_model_used_the_one_it_was_told() -> None:
    (used,) = _used(Reply("", usage=(Usage("", 1_000_000),)), model="gpt-5")

    assert (used.model, used.cost) == ("gpt-5", 2.0)


def test_of_a_session_that_counts_from_its_beginning_only_the_new_part_counts() -> None:
    before = Session("s1", "/tree", (Usage("gpt-5", 600, 100, 0, 20), Usage("gpt-5", 400, 100, 0, 30)))
    reply = Reply("", session="s1", usage=(Usage("", 1500, 250, 0, 80),), counts_session=True)

    (used,) = _used(reply, before, "gpt-5")

    assert evolve(used, cost=None) == Usage("gpt-5", 500, 50, 0, 30)
    assert _used(evolve(reply, session="s2"), before, "gpt-5")[0].input == 1500, "another session began anew"
    assert _used(evolve(reply, counts_session=False), before, "gpt-5")[0].input == 1500


# Tried again


@given(st.integers(0, 50), st.sampled_from([Result.TRANSIENT, Result.LIMITED]))
def test_the_pauses_grow_up_to_a_longest(setbacks: int, result: Result) -> None:
    now = 1000.0
    until = with_time(Outcome(result), setbacks, now).until

    first, longest = (2.0, 300.0) if result is Result.TRANSIENT else (300.0, 3600.0)
    pause = min(first * 2**setbacks, longest)
    assert now + pause / 2 <= until <= now + pause


def test_a_time_that_was_told_is_kept_with_a_little_spread() -> None:
    assert 5000.0 <= with_time(Outcome(Result.LIMITED, until=5000.0), 3, 1000.0).until <= 5003.0


@pytest.mark.parametrize("result", [Result.TRANSIENT, Result.LIMITED])
def test_a_time_that_is_over_is_asked_again_at_once_and_then_more_and_more_slowly(result: Result) -> None:
    assert 1000.0 < with_time(Outcome(result, until=999.0), 0, 1000.0).until <= 1002.0
    assert 1128.0 <= with_time(Outcome(result, until=999.0), 7, 1000.0).until <= 1256.0


def test_who_asks_too_often_for_a_moment_is_at_its_limit() -> None:
    told = Outcome(Result.TRANSIENT, "You have exhausted your capacity; it will reset after 1s", until=1001.0)

    assert at_its_limit(told, 1, 2) == told
    assert at_its_limit(told, 2, 2) == evolve(told, result=Result.LIMITED, until=None)
    assert at_its_limit(evolve(told, reason="status 529"), 2, 2).result is Result.TRANSIENT
    assert at_its_limit(evolve(told, result=Result.FAILED), 2, 2).result is Result.FAILED


@pytest.mark.parametrize("result", [Result.PASSED, Result.FAILED, Result.INTERRUPTED, Result.STOPPED])
def test_what_is_not_put_off_has_no_time(result: Result) -> None:
    assert with_time(Outcome(result), 1, 1000.0) == Outcome(result)


# Secrets


def test_values_of_variables_that_look_like_keys_are_secret() -> None:
    environ = {
        "ANTHROPIC_API_KEY": "sk-ant-123456",
        "GITHUB_TOKEN": "ghp_abcdefgh",
        "DB_PASSWORD": "hunter2hunter2",
        "AWS_SECRET_ACCESS_KEY": "aws-secret-value",
        "MY_CREDENTIALS": "user:password1",
        "KEYBOARD": "qwertyuiop",
        "TOKENIZERS_PARALLELISM": "false-false",
        "MONKEY": "banana-banana",
        "SHORT_KEY": "test",
        "PATH": "/usr/bin:/bin",
    }

    assert set(secrets(environ.items())) == set(list(environ.values())[:5])


def test_values_that_a_person_names_are_secret_however_short() -> None:
    environ = {"MINE": "ab", "EMPTY": "", "BLANK": "  "}

    assert secrets(environ.items(), ("MINE", "EMPTY", "BLANK", "MISSING")) == ("ab",)


def test_a_secret_is_hidden_wherever_it_stands_the_longest_first() -> None:
    hide = redactor(secrets([("A_KEY", "12345678"), ("B_KEY", "12345678-more")]))

    assert hide("x12345678-morey 12345678\n.*") == f"x{HIDDEN}y {HIDDEN}\n.*"


def test_a_secret_of_several_lines_is_hidden_line_by_line() -> None:
    hide = redactor(secrets([("A_KEY", "-----BEGIN-----\nab/cdefgh\n x\n")]))

    assert [hide(line) for line in ("  | ab/cdefgh", "x", "BEGIN")] == [f"  | {HIDDEN}", "x", "BEGIN"]


def test_without_secrets_nothing_is_hidden() -> None:
    assert redactor(())("anything") == "anything"
