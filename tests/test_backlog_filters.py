"""Filters of a backlog: what may be written, what it means, and what is said where it means nothing."""

from typing import Any, get_args

import pytest

from peal.backlog.filters import Criterion, Filter, meant, parse
from peal.backlog.item import Blocked, Item, Status
from peal.errors import PealError


def _item(id_: str = "A-1", **more: Any) -> Item:
    if more.get("status") == "blocked":
        more["blocked"] = Blocked("new", "decision", "why", "2026-01-01")
    return Item(id_, f"item {id_}", **more)


def _wrong(*texts: str) -> list[str]:
    with pytest.raises(PealError) as raised:
        parse(texts)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("status=new", "status", ("new",)),  # parse_filter_status
        ("impact=high", "impact", ("high",)),
        ("size=small", "size", ("small",)),
        ("risk=low", "risk", ("low",)),
        ("complexity=medium", "complexity", ("medium",)),
        ("tag=backend", "tag", ("backend",)),
        ("pipeline_type=feature", "pipeline_type", ("feature",)),
        ("pipeline=feature", "pipeline_type", ("feature",)),
        (
            "status=In_Progress",
            "status",
            ("in_progress",),
        ),  # parse_filter_case_insensitive_status_in_progress
        ("status=cancelled", "status", ("cancelled",)),
        ("IMPACT=HIGH", "impact", ("high",)),  # parse_filter_case_insensitive_field_name
        ("size=S,m,L", "size", ("small", "medium", "large")),
        ("risk=l,M,h", "risk", ("low", "medium", "high")),
        ("tag=BackEnd", "tag", ("BackEnd",)),  # parse_filter_tag_preserves_case
        ("pipeline_type=Feature", "pipeline_type", ("Feature",)),
        ("tag=a=b", "tag", ("a=b",)),  # parse_filter_tag_with_equals_in_value
        ("tag=a=b,c=d", "tag", ("a=b", "c=d")),  # parse_filter_tag_equals_and_commas
        ("tag=a,A", "tag", ("a", "A")),  # parse_filter_tag_different_case_accepted
        (" impact = high , low ", "impact", ("high", "low")),  # parse_filter_whitespace_after_comma_trimmed
    ],
)
def test_what_may_be_written(text: str, field: str, values: tuple[str, ...]) -> None:
    assert parse([text]) == Filter((Criterion(field, values),))


_LEVELS = "Valid values: low, medium, high"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status", "Filter must be in format KEY=VALUE, got: status"),  # parse_filter_no_equals
        ("", "Filter must be in format KEY=VALUE, got: "),
        ("  ", "Filter must be in format KEY=VALUE, got:   "),
        ("impact=", "Filter must be in format KEY=VALUE, got: impact="),
        ("=high", "Filter must be in format KEY=VALUE, got: =high"),
        (
            "colour=red",
            "Unknown filter field: colour. Supported: status, impact, size, risk, complexity, tag, pipeline_type",
        ),
        ("size=huge", "Invalid value 'huge' for field 'size'. Valid values: small, medium, large"),
        ("impact=s", f"Invalid value 's' for field 'impact'. {_LEVELS}"),
        (
            "status=n",
            f"Invalid value 'n' for field 'status'. Valid values: {', '.join(get_args(Status))}",
        ),
        ("impact=high,bad,worse", f"Invalid value 'bad' for field 'impact'. {_LEVELS}"),  # fail_fast
        *(
            (
                f"tag={value}",
                "Empty value in comma-separated list for field 'tag'. Each value must be non-empty.",
            )
            for value in ("a,,b", ",a", "a,", ",", "a, ,b")
        ),
        ("tag=a,a", "Duplicate value 'a' for field 'tag'"),
        ("impact=high,H", "Duplicate value 'high' for field 'impact'"),  # duplicate_case_insensitive_enum
    ],
)
def test_what_means_nothing_is_told(text: str, said: str) -> None:
    assert _wrong(text) == [said]


def test_a_text_that_a_terminal_would_obey_is_shown_harmless() -> None:
    assert _wrong("\x1b[31mred=1") == [
        "Unknown filter field: red. Supported: status, impact, size, risk, complexity, tag, pipeline_type"
    ]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["impact=high"],
        ["impact=high", "size=small"],
        ["tag=a", "tag=b"],
        ["tag=a,b", "tag=a"],
        ["tag=a", "impact=high", "tag=b"],
    ],
)
def test_fields_may_be_combined(texts: list[str]) -> None:
    """`validate_*_returns_ok`; and what is shown reads as it was written."""
    found = parse(texts)

    assert str(found) == " AND ".join(texts)
    assert parse([str(one) for one in found.criteria]) == found


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            ["impact=high", "impact=low"],
            "Field 'impact' is given in separate --only flags; join its values with commas: --only impact=high,low",
        ),
        (
            ["impact=high", "size=s", "impact=high", "impact=m"],
            "Field 'impact' is given in separate --only flags; join its values with commas: --only impact=high,medium",
        ),
        (["tag=a", "tag=a"], "Filter 'tag=a' is given twice; give it once"),
        (["tag=a,b", "size=s", "tag=b,a"], "Filter 'tag=b,a' is given twice; give it once"),
    ],
)
def test_a_field_that_is_given_twice_is_told_with_the_way_out(texts: list[str], said: str) -> None:
    assert _wrong(*texts) == [said]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert _wrong("nothing", "size=huge", "tag=a", "tag=a") == [
        "Filter must be in format KEY=VALUE, got: nothing",
        "Invalid value 'huge' for field 'size'. Valid values: small, medium, large",
        "Filter 'tag=a' is given twice; give it once",
    ]


@pytest.mark.parametrize(
    ("texts", "item", "matches"),
    [
        ([], _item(), True),
        (["status=in_progress"], _item(status="in_progress"), True),
        (["status=in_progress"], _item(status="ready"), False),
        (["status=blocked"], _item(status="blocked"), True),
        (["impact=high,medium"], _item(impact="medium"), True),  # multi_value_or_matches_second_value
        (["impact=high,medium"], _item(impact="low"), False),
        (["impact=low,medium,high"], _item(), False),  # none_impact_never_matches
        (["size=s,m,l"], _item(), False),
        (["risk=l,m,h"], _item(), False),
        (["complexity=l,m,h"], _item(), False),
        (["size=m"], _item(size="medium"), True),
        (["pipeline_type=feature"], _item(), False),  # none_pipeline_type_never_matches
        (["pipeline_type=feature"], _item(pipeline="feature"), True),
        (["pipeline_type=Feature"], _item(pipeline="feature"), False),
        (["tag=a"], _item(), False),
        (["tag=a"], _item(tags=("b", "a")), True),
        (["tag=a"], _item(tags=("A", "ab")), False),
        (["tag=a,b"], _item(tags=("b",)), True),  # tag_or_matches_either
        (["tag=a", "tag=b"], _item(tags=("b",)), False),
        (["tag=a", "tag=b"], _item(tags=("b", "c", "a")), True),
        (["tag=a,b", "tag=c"], _item(tags=("b", "c")), True),  # tag_or_and_composition
        (["impact=high", "size=small"], _item(impact="high"), False),
        (["impact=high", "size=small", "tag=x"], _item(impact="high", size="small", tags=("x",)), True),
    ],
)
def test_what_matches(texts: list[str], item: Item, matches: bool) -> None:
    assert parse(texts).matches(item) is matches


def test_w16_what_has_matched_once_in_a_run_stays_meant() -> None:
    """`--only status=ready` of phase-golem stopped as soon as the item was in progress."""
    wanted = parse(["status=ready"])
    first = meant(wanted, [_item("A-1", status="ready"), _item("A-2")])

    later = meant(
        wanted, [_item("A-1", status="in_progress"), _item("A-2"), _item("A-3", status="ready")], first
    )

    assert (first, later) == ({"A-1"}, {"A-1", "A-3"})
