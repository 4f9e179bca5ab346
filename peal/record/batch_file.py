"""`batch-progress.json`: how far the batch of a repository is, on disk; replaced whole at every change."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from attrs import evolve

from peal.errors import Damaged
from peal.record.batch import SCHEMA, Batch
from peal.system.files import replace
from peal.text.display import harmless, stamp

if TYPE_CHECKING:
    from cattrs import Converter


_STARTS_OVER = "`peal run PLAN… --no-resume` starts over"


def read(path: Path) -> Batch | None:
    """What the file says; None if there is none; `Damaged`, with what is wrong and the way out, if it cannot be read."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(
            f"`{path}` cannot be read: {error.strerror}; put that right, or {_STARTS_OVER}"
        ) from None
    try:
        batch = _converter().structure(json.loads(raw), Batch)
        wrong = next(_contradictions(batch), "")
    except KeyError as error:
        wrong = f"`{error.args[0]}` is missing"
    except Exception as error:  # cattrs raises errors of many kinds
        wrong = str(error) or type(error).__name__
    if wrong:
        raise Damaged(
            f"`{path}` cannot be understood: {harmless(wrong)}; `peal doctor --fix` moves it away, {_STARTS_OVER}"
        )
    return batch


def write(path: Path, batch: Batch) -> Batch:
    """Replace the file, so that it tells of this moment; OSError if that cannot be written."""
    now = evolve(batch, updated_at=stamp(time.time()))
    replace(path, json.dumps(record_of(now), indent=2) + "\n")
    return now


def record_of(batch: Batch) -> dict[str, Any]:
    """A batch as plain JSON values."""
    record: dict[str, Any] = _converter().unstructure(batch)
    return {"schema_version": record.pop("schema_version"), **record}


def rename_plan(path: Path, plan: str, now: str) -> None:
    """The memory of a plan has gone to another file: the batch that it is a part of, if there is one, knows it by that."""
    with suppress(Damaged):  # whoever goes on with it tells of that
        if (batch := read(path)) and plan in batch.plans:
            write(path, batch.renamed(plan, now))


def remove(path: Path) -> None:
    """The batch is over, and nothing is left of it to be done."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> Path | None:
    """Keep the file under another name, so that a new batch can begin; that name, or None if there was none."""
    if not os.path.lexists(path):
        return None
    began = time.strftime("%Y%m%d-%H%M%S")
    beside = (path.with_name(f"{path.stem}.before-{began}{more}{path.suffix}") for more in _numbered())
    kept = next(one for one in beside if not os.path.lexists(one))
    path.rename(kept)
    return kept


def _numbered() -> Iterator[str]:
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def _contradictions(batch: Batch) -> Iterator[str]:
    """What cannot be, of a file whose parts are each what they should be."""
    if batch.schema_version != SCHEMA:
        yield f"`schema_version` is {batch.schema_version}, and this peal knows {SCHEMA}"
    if batch.parallel < 1:
        yield f"`parallel` is {batch.parallel}"
    for moment in (batch.started_at, batch.updated_at, *(one.since for one in batch.running)):
        if datetime.fromisoformat(moment).tzinfo is None:
            yield f"`{moment}` does not say in which time zone it is"
    if not all(plan and "\0" not in plan for plan in batch.plans):
        yield "it has a plan with a name that no file can have"
    at_work = [one.plan for one in batch.running]
    left = [one.plan for one in (*batch.failed, *batch.held)]
    states = Counter([*batch.queued, *batch.completed, *batch.skipped, *at_work, *left])
    if not batch.plans or Counter(batch.plans) != states:
        yield "`plans` are not exactly those that are queued, running, completed, failed, held or skipped"
    known = frozenset(batch.plans)
    if not known.issuperset((*batch.begun, *batch.afresh)) or not set(batch.completed).issuperset(
        batch.with_findings
    ):
        yield "it names plans that are not in it"


@cache
def _converter() -> "Converter":
    """Takes nothing for what it is not: cattrs by itself makes a tuple of a text, and a number of one."""
    from cattrs import Converter

    strict = Converter(detailed_validation=False)
    strict.register_structure_hook(str, _of_type(str))
    strict.register_structure_hook(int, _of_type(int))
    strict.register_structure_hook_factory(_is_list, _list)
    return strict


def _of_type(kind: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return structure


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _list(kind: Any, converter: "Converter") -> Callable[[Any, Any], Any]:
    of, _ = get_args(kind)
    inner = converter.get_structure_hook(of)

    def structure(values: Any, _: Any) -> Any:
        if type(values) is not list:
            raise TypeError(f"{values!r} is no list")
        return tuple(inner(value, of) for value in values)

    return structure
