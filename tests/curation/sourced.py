"""What tests of sources share: rows written to files, opened, and read back."""

import json
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError
from curation.records import Rejected
from curation.sources import RawRow, Source, open_source

ROW = {"id": "a", "image": "a.png", "question": "How many?", "answer": 3}


def write_lines(path: Path, *rows: object) -> str:
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows))
    return f"jsonl:{path}"


def rows(source: Source) -> list[RawRow]:
    return [row for row in source.rows() if isinstance(row, RawRow)]


def refused(source: Source) -> list[tuple[str, str]]:
    return [(row.reason, row.raw) for row in source.rows() if isinstance(row, Rejected)]


def bad_use(spec: str, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        open_source(spec, **settings)
    return str(caught.value)
