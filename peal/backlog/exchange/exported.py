"""Items for other programs and for people: JSON, CSV, and a list in markdown; pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peal.backlog.item import Item
from peal.backlog.table import ORDER, counted, in_order, waits
from peal.text.display import harmless

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""


def as_json(records: Iterable[Mapping[str, Any]]) -> str:
    """An array of items with every field."""
    return json.dumps(list(records), ensure_ascii=False, indent=2) + "\n"


def as_csv(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A row for each item; lists and tables are JSON, and a text that a spreadsheet would carry out has `'` before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(record[name]) for name in names] for record in records)
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value in (None, [], ()) else json.dumps(value, ensure_ascii=False)


def as_markdown(items: Iterable[Item], known: Mapping[str, Item]) -> str:
    """A list under a heading for each status, with why anything waits."""
    shown = in_order(items)
    parts = ["# Backlog", counted(shown) if shown else "No items."]
    for status in ORDER:
        if there := [item for item in shown if item.status == status]:
            parts += [
                f"## {status.replace('_', ' ').capitalize()}",
                "\n".join(_entry(one, known) for one in there),
            ]
    return "\n\n".join(parts) + "\n"


def _entry(item: Item, known: Mapping[str, Item]) -> str:
    facts = [
        f"{name} {getattr(item, name)}"
        for name in ("phase", "priority", "size", "risk", "impact")
        if getattr(item, name)
    ]
    told = f" ({', '.join(map(harmless, facts))})" if facts else ""
    reasons = waits(item, known) if item.status not in ("done", "cancelled") else []
    return "\n".join((f"- {item.id}: {harmless(item.title)}{told}", *(f"  - {reason}" for reason in reasons)))
