"""The rows of a JSON array or of JSON lines, one after another, however long the file is.

`json.load` of VLAA-Thinking's 623 MB array takes several gigabytes; here only one row is held. Which of the two a file
is, its first character says. A row that is not valid is told and the next one read; only a brace or a quote that never
closes ends an array early, which its last row says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from curation.errors import ConfigError
from curation.sources.files import NoFiles
from curation.sources.rows import Broken, broken
from curation.sources.tabular import LONGEST_LINE, Lines, Record, parse_line

CHUNK = 1 << 20  # bytes read at a time
BOM = b"\xef\xbb\xbf"
_PIECE = re.compile(rb'[\[{\]},]|"(?:[^"\\]++|\\.)*+"|"', re.DOTALL)


def records(path: Path) -> Iterator[Record | Broken]:
    """Every row. ConfigError when the file cannot be read."""
    try:
        with path.open("rb") as file:
            if _starts_array(file):
                for item in _items(file):
                    yield item if isinstance(item, Broken) else parse_line(item)
                return
    except OSError as error:
        raise ConfigError("--source", str(path), f"cannot be read: {error.strerror}") from error
    yield from Lines(path, NoFiles()).rows(())


def _starts_array(file: BinaryIO) -> bool:
    """Whether the first character is `[`, which is then behind us."""
    while byte := file.read(1):
        if byte == BOM[:1]:
            file.read(len(BOM) - 1)
        elif not byte.isspace():
            return byte == b"["
    return False


@dataclass
class _Scan:
    """The bytes held: the row under way starts at `start`, and up to `at` its `depth` brackets are counted."""

    held: bytes = b""
    start: int = 0
    at: int = 0
    depth: int = 0
    ended: bool = False

    def feed(self, chunk: bytes) -> None:
        self.held = self.held[self.start :] + chunk
        self.at, self.start = self.at - self.start, 0

    def items(self) -> Iterator[bytes]:
        """The rows that are complete by now."""
        for piece in _PIECE.finditer(self.held, self.at):
            what = piece[0]
            if what == b'"':  # a text that goes on in the next chunk
                self.at = piece.start()
                return
            self.at = piece.end()
            self.depth += (what in b"[{") - (what in b"]}" and (self.depth > 0 or what == b"]"))
            self.ended = self.depth < 0
            if self.ended or (what == b"," and self.depth == 0):
                item, self.start = self.held[self.start : piece.start()].strip(), piece.end()
                if item:
                    yield item
            if self.ended:
                return
        self.at = len(self.held)


def _items(file: BinaryIO) -> Iterator[bytes | Broken]:
    """The texts between an array's commas."""
    scan = _Scan()
    while not scan.ended and (chunk := file.read(CHUNK)):
        scan.feed(chunk)
        yield from scan.items()
        if len(scan.held) - scan.start > LONGEST_LINE:
            yield broken("row_malformed", f"over {LONGEST_LINE:,} bytes; the rows after it are lost", scan.held)
            return
    rest = (scan.held[scan.start :] + file.read(CHUNK)).strip()
    if rest or not scan.ended:
        what = "text after the array" if scan.ended else "the file ends inside this row"
        yield broken("row_malformed", what, rest)
