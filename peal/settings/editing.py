"""A settings file changed, with everything in it that is not meant left as it is."""

import json
import re
from collections.abc import MutableMapping
from functools import reduce
from typing import Any

from peal import settings
from peal.settings.page import toml


def with_value(text: str, key: str, value: str) -> str:
    """The text of a settings file with a key set; ValueError for no such key or no such value."""
    wanted = settings.checked(text)[0]
    settings.put(wanted, key, value)
    plain = reduce(lambda table, word: table[word], key.split("."), wanted)
    if plain is None:
        raise ValueError(f"`{key}` has no value then; write `peal config --unset {key}`")
    name = _name_in_file(text, key)
    for change in (_in_place_of_its_comment, _assigned, _on_top):
        changed = change(text, name, plain)
        if _as_json(settings.checked(changed)[0]) == _as_json(wanted):
            return changed
    raise ValueError(
        f"`{key}` cannot be put where it belongs; write it there yourself: {key} = {toml(plain)}"
    )


def _as_json(tree: Any) -> str:
    return json.dumps(tree, default=str, sort_keys=True)


def _name_in_file(text: str, key: str) -> str:
    """What a file calls a key, which may have it in a table of phase-golem's."""
    import tomlkit

    document = tomlkit.parse(text)
    for other, first in settings.PHASE_GOLEM_NAMES.items():
        outer, _, last = other.partition(".")
        table = document.get(outer)
        if first == key and isinstance(table, MutableMapping) and (outer == key or last in table):
            return other
    return key


def _in_place_of_its_comment(text: str, key: str, value: Any) -> str:
    """A new file shows each key's default in a comment: that is where a person looks for it."""
    line = f"{key} = {toml(value)}"
    return re.sub(rf"(?m)^#{re.escape(key)} = .*$", lambda _: line, text, count=1)


def _assigned(text: str, key: str, value: Any) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    table: Any = document
    *outer, last = key.split(".")
    for word in outer:
        if not isinstance(table.get(word), MutableMapping):
            is_inline = isinstance(table, tomlkit.items.InlineTable)
            table[word] = tomlkit.inline_table() if is_inline else tomlkit.table()
        table = table[word]
    table[last] = value
    return document.as_string()


def _on_top(text: str, key: str, value: Any) -> str:
    """tomlkit puts a new table between dotted keys, where it swallows those below; a dotted key goes anywhere."""
    return f"{key} = {toml(value)}\n{text}"


def without(text: str, key: str) -> str:
    """The text of a settings file without a key or a table; ValueError if it does not have it."""
    import tomlkit

    document = tomlkit.parse(text)
    name = _name_in_file(text, key)
    *outer, last = name.split(".")
    table: Any = document
    for word in outer:
        table = table.get(word, {}) if isinstance(table, MutableMapping) else {}
    if not isinstance(table, MutableMapping) or last not in table:
        raise ValueError(f"`{key}` is not set in the file")
    del table[last]
    if name != key and not table:  # phase-golem's table says something by being there
        del document[outer[0]]
    return document.as_string()
