"""Writes into `docs/sql.md` what its queries answer on a given store: `python docs/make_sql_page.py STORE`.

Leaves the queries and the description of tables and views alone; `tests/storage/test_docs_sql.py` holds those against
the database.
"""

import re
import sys
from pathlib import Path

from storage.query import read_only
from storage.render import render
from storage.store import Store

PAGE = Path(__file__).with_name("sql.md")
QUERY = re.compile(r"(```sql\n(?P<sql>.*?)\n```\n\n<!-- output -->\n)(?P<output>.*?)(<!-- /output -->)", re.DOTALL)


def queries(page: str) -> list[str]:
    """The SQL of every query that is shown with its output."""
    return [match["sql"] for match in QUERY.finditer(page)]


def with_outputs(page: str, store: Store) -> str:
    """The page with every query's output as this store answers."""
    return QUERY.sub(
        lambda match: f"{match[1]}{_block(render(read_only(store, match['sql']), 'table'))}{match[4]}", page
    )


def _block(text: str) -> str:
    fence = "```" if "```" not in text else "`````"
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    store = Store.open(arguments[0], create=False)
    PAGE.write_text(with_outputs(PAGE.read_text(), store))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
