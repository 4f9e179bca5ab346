"""`peal.classes`: what attrs makes, told by one method for all."""

import pytest
from attrs import field
from attrs import frozen as by_attrs

from peal.classes import define, frozen
from peal.model.plan import Task, TaskId


@by_attrs
class Point:
    """As attrs makes it."""

    x: int
    name: str = "here"
    _hidden: int = 3
    left_out: int = field(default=4, repr=False)


def _made(decorate: object) -> type:
    class Point:
        x: int
        name: str = "here"
        _hidden: int = 3
        left_out: int = field(default=4, repr=False)

    return decorate(Point)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize("decorate", [define, frozen, define(slots=False), frozen(eq=False)])
def test_a_class_is_told_as_by_attrs(decorate: object) -> None:
    assert repr(_made(decorate)(1)).removeprefix("_made.<locals>.") == repr(Point(1))


def test_a_class_may_tell_itself_otherwise() -> None:
    @frozen
    class Own:
        x: int

        def __repr__(self) -> str:
            return "mine"

    @frozen
    class Below(Own):
        y: int = 2

    assert (repr(Own(1)), repr(Below(1))) == (
        "mine",
        "test_a_class_may_tell_itself_otherwise.<locals>.Below(x=1, y=2)",
    )


def test_what_holds_itself_is_told_once() -> None:
    @define
    class Ring:
        next: object = None

    ring = Ring()
    ring.next = Ring(ring)

    name = "test_what_holds_itself_is_told_once.<locals>.Ring"
    assert repr(ring) == f"{name}(next={name}(next=...))"


def test_peal_s_own_classes_are_told_so() -> None:
    assert repr(Task(TaskId("1"), "one", "text")).startswith("Task(id='1', title='one', body='text', ")
