"""docs/training.md lists every table and key of a training with its default; no torch.

`python -m tests.curation.test_trainer_keys` writes it anew.
"""

import json
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from curation.trainer.config import Training

PAGE = Path(__file__).parents[2] / "docs/training.md"
HEAD = "| table | without it | keys with their defaults |\n|---|---|---|\n"


def default(field: "Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def table_of(hint: Any) -> tuple[Any, bool]:
    """The dataclass in a hint, and whether it is a list of them; None for a key."""
    inner = typing.get_args(hint)
    listed = typing.get_origin(hint) is tuple
    found = [one for one in (hint, *inner) if is_dataclass(one)]
    return (found[0] if found else None), listed and typing.get_origin(hint) not in (typing.Union, types.UnionType)


def rows(kind: Any, name: str, without: str) -> Iterator[str]:
    hints = typing.get_type_hints(kind)
    inner = {field.name: (field, *table_of(hints[field.name])) for field in fields(kind)}
    keys = [key(field) for field, table, _ in inner.values() if table is None]
    yield f"| {name} | {without} | {', '.join(keys)} |\n"
    for below, (field, table, listed) in inner.items():
        if table is None:
            continue
        path = f"{name[2:-2]}.{below}" if name.startswith("`[") else below
        value = default(field)
        what = "needed" if value is MISSING else "off" if value is None else "as here"
        yield from rows(table, f"`[[{path}]]`" if listed else f"`[{path}]`", what)


def key(field: "Field[Any]") -> str:
    value = default(field)
    if value is MISSING:
        return f"**`{field.name}`**"
    return f"`{field.name} = {json.dumps(value)}`"


def table() -> str:
    return HEAD + "".join(rows(Training, "above all tables", "needed"))


def listed(page: str) -> str:
    """The table in the page."""
    start = page.index(HEAD)
    return page[start : page.index("\n\n", start) + 1]


def test_the_page_lists_every_table_and_key_with_its_default() -> None:
    assert listed(PAGE.read_text(encoding="utf-8")) == table()


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(listed(page), table()), encoding="utf-8")
