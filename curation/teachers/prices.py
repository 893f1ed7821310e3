"""What calls cost. Prices are a small CSV beside this file; its head says how to change them.

Cached-input and long-context tariffs are left out, so the figure is an upper bound for most endpoints. Offline batches
cost half at the endpoints of `BATCH_FACTOR`, the full price elsewhere.
Models on this machine cost nothing; for a model the table does not know, tokens are counted and the cost is None.
"""

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from curation.errors import ConfigError
from curation.teachers.spec import TeacherSpec

TABLE = Path(__file__).with_name("prices.csv")
COLUMNS = ("model", "input", "output")

_VERSION = re.compile(r"(-20\d\d-?\d\d-?\d\d|-latest|-preview)+$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a million tokens in and out, for models at an endpoint; both are patterns (`*`, `?`)."""

    endpoint: str
    model: str
    input: float
    output: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Dollars for one call."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1_000_000


FREE = Price("*", "*", 0.0, 0.0)
BATCH_FACTOR = {"api.openai.com": 0.5}
"""What a call in an offline batch costs, of one by itself (https://platform.openai.com/docs/guides/batch)."""


def load_prices(path: Path | None = None) -> tuple[Price, ...]:
    """The table at `path`, else at $VISTILL_PRICES, else ours. Raises `ConfigError` naming a bad line."""
    chosen = path or Path(os.environ.get("VISTILL_PRICES") or TABLE)
    try:
        lines = chosen.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("VISTILL_PRICES", str(chosen), f"cannot be read ({error})") from None
    rows = csv.DictReader(line for line in lines if line.strip() and not line.startswith("#"))
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise ConfigError("VISTILL_PRICES", str(chosen), f"no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    return tuple(_price(row, chosen) for row in rows)


def price_of(spec: TeacherSpec, prices: Sequence[Price]) -> Price | None:
    """The price of a teacher's model, None when unknown; models on this machine are free."""
    if spec.kind != "openai":
        return FREE
    full = spec.model.lower().removeprefix("models/")
    names = {name for whole in (full, full.rpartition("/")[2]) for name in (whole, _VERSION.sub("", whole))}
    for price in prices:
        if fnmatchcase(spec.host, price.endpoint) and any(fnmatchcase(name, price.model) for name in names):
            factor = BATCH_FACTOR.get(spec.host, 1.0) if spec.batch else 1.0
            return replace(price, input=price.input * factor, output=price.output * factor)
    return None


def _price(row: dict[str, str], path: Path) -> Price:
    try:
        price = Price(row.get("endpoint") or "*", row["model"].lower(), float(row["input"]), float(row["output"]))
    except (TypeError, ValueError, AttributeError):
        raise ConfigError("VISTILL_PRICES", str(path), f"bad line {','.join(map(str, row.values()))!r}") from None
    if not (0 <= price.input < 1e6 and 0 <= price.output < 1e6):
        raise ConfigError("VISTILL_PRICES", str(path), f"price out of range for {price.model}")
    return price
