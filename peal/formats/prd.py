"""`prd.json` of Ralph and its kin: each user story is a task, and `priority` says what comes first."""

from collections.abc import Iterator, Sequence

from peal.formats import objects
from peal.formats.document import Document
from peal.formats.json_text import JsonText
from peal.formats.objects import Found, as_text, found, reading
from peal.formats.protocol import Evidence, Reading
from peal.formats.ticking import Edit
from peal.model.plan import Problem, Task

name = "prd"

_STORIES = ("userStories", "user_stories", "stories")


def evidence(document: Document) -> Evidence | None:
    """JSON with a list of user stories."""
    text = JsonText.of(document)
    lists = _lists(text) if text else []
    return Evidence(text.line(lists[0][1]), f'`"{lists[0][0]}"`') if text and lists else None


def read(document: Document) -> Reading:
    """The stories by their priority; what else the file says is the context."""
    text = JsonText.of(document)
    lists = _lists(text) if text else []
    if not text or not lists:
        return Reading(problems=(Problem(1, "there is no list of `userStories` in this file; write one"),))
    if problem := text.problem():
        return Reading(problems=(problem,))
    if len(lists) > 1:
        (first, _), (other, place) = lists[:2]
        message = f"`{other}` is a second list of stories beside `{first}`; put all stories in one"
        return Reading(problems=(Problem(text.line(place), message),))
    stories, problems = found(text, lists[0][1], "story")
    return reading(_by_priority(stories), as_text(dict(_context(text))), problems)


def marked(document: Document, task: Task) -> list[Edit]:
    """A story is done when it `passes`, or by its status."""
    text = JsonText.of(document)
    lists = _lists(text) if text else []
    return objects.marked(text, lists[0][1], task, '"passes": true') if text and lists else []


def _lists(text: JsonText) -> list[tuple[str, int]]:
    return [(key, at) for key, at in text.members(text.begin) if key in _STORIES and text.is_list(at)]


def _context(text: JsonText) -> Iterator[tuple[str, object]]:
    return ((key, text.value(at)) for key, at in text.members(text.begin) if key not in _STORIES)


def _by_priority(stories: Sequence[Found]) -> Sequence[Found]:
    """The stories as they are to be done; as they stand where not each has a number."""
    told = [str(story.fields.get("priority")) for story in stories]
    if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in told):
        return stories
    return sorted(stories, key=lambda story: int(str(story.fields["priority"])))
