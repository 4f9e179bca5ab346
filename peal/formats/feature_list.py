"""`feature_list.json`, by which agents work on one feature after another: each that does not pass yet is a task."""

from typing import Any

from peal.formats import objects
from peal.formats.document import Document
from peal.formats.json_text import JsonText
from peal.formats.objects import Found, as_text, found, reading, title_of
from peal.formats.protocol import Evidence, Reading
from peal.formats.ticking import Edit
from peal.model.plan import Problem, Task

name = "feature_list"


def evidence(document: Document) -> Evidence | None:
    """JSON with a list of `features`, or that is a list of what `passes` or does not."""
    text = JsonText.of(document)
    if not text:
        return None
    if text.is_list(text.begin):
        first = next((one for one, _ in text.elements(text.begin)), None)
        passes = isinstance(first, dict) and {"passes", "description"} <= first.keys()
        return Evidence(text.line(text.begin), "a list of what `passes`") if passes else None
    at = _features(text)
    return None if at is None else Evidence(text.line(at), '`"features"`')


def read(document: Document) -> Reading:
    """The features as they stand; one without an id is named by its place, if none has one."""
    text = JsonText.of(document)
    at = _list(text) if text else None
    if not text or at is None:
        return Reading(problems=(Problem(1, "there is no list of `features` in this file; write one"),))
    if problem := text.problem():
        return Reading(problems=(problem,))
    features, problems = found(text, at, "feature")
    if not any("id" in one.fields for one in features):
        features = [_numbered(one) for one in features]
    context = {key: text.value(place) for key, place in text.members(text.begin) if place != at}
    return reading(features, as_text(context), problems)


def marked(document: Document, task: Task) -> list[Edit]:
    """A feature is done when it `passes`, or by its status."""
    text = JsonText.of(document)
    at = _list(text) if text else None
    return [] if not text or at is None else objects.marked(text, at, task, '"passes": true')


def _list(text: JsonText) -> int | None:
    return text.begin if text.is_list(text.begin) else _features(text)


def _features(text: JsonText) -> int | None:
    places = (at for key, at in text.members(text.begin) if key == "features" and text.is_list(at))
    return next(places, None)


def _numbered(one: Found) -> Found:
    """A feature with its place for an id, and the first paragraph of what it says for a title if it has none."""
    fields: dict[str, Any] = {**one.fields, "id": str(one.number)}
    if not title_of(fields) and isinstance(fields.get("description"), str):
        fields["title"], _, fields["description"] = fields["description"].strip().partition("\n\n")
    return Found(fields, one.line, one.number)
