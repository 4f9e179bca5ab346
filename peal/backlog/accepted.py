"""What a person lets land though it changes settings or programs: a phase of an item, or all of it."""

from collections.abc import Iterable, Mapping

from peal.backlog.pipelines import pipeline_of
from peal.backlog.store import Backlog
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import TRIAGE
from peal.settings import PipelineSettings
from peal.text.display import harmless, some

_SHOWN = 5


@frozen
class Accepted:
    """Tasks of a backlog's run: those of these items or phases, also where a phase is a plan of several."""

    names: frozenset[str] = frozenset()
    """Ids of items, and `ITEM/PHASE`."""

    def __contains__(self, task: object) -> bool:
        words = str(task).split("/")
        return any("/".join(words[:end]) in self.names for end in range(1, len(words) + 1))


def accepted(texts: Iterable[str], backlog: Backlog, pipelines: Mapping[str, PipelineSettings]) -> Accepted:
    """What `WRK-001/build,WRK-002` and the like mean, ids in short too; PealError if there is no such item or phase."""
    words = (word.strip() for text in texts for word in text.split(","))
    return Accepted(frozenset(_name(word, backlog, pipelines) for word in words))


def _name(word: str, backlog: Backlog, pipelines: Mapping[str, PipelineSettings]) -> str:
    id_, _, rest = word.partition("/")
    item = backlog.find(id_).item
    if not rest:
        return item.id
    pipeline = pipeline_of(item, pipelines)
    names = [TRIAGE, *(phase.name for phase in (*pipeline.pre_phases, *pipeline.phases))]
    if rest.partition("/")[0] not in names:
        raise PealError(f"item {item.id} has no phase `{harmless(rest)}`; it has {some(names, _SHOWN)}")
    return f"{item.id}/{rest}"
