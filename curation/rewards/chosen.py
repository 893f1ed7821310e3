"""The rewards of a training run as its TOML file names them, and which of them a row gets.

[[rewards]]
name = "rec"
weight = 1.0
where = { kind = ["box"] }
columns = { reference = "answer" }
settings = { narrowest = 1.0 }
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from curation.errors import ConfigError
from curation.records import Json
from curation.rewards.judge import Judge, Scorer
from curation.rewards.registry import Bound, Row, bind
from curation.rewards.reward import Reward, unscored

KEYS = ("name", "weight", "where", "columns", "settings")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One reward of a run: what it computes, its weight, and the rows it is for (column → values; all when empty)."""

    reward: Bound
    weight: float
    where: Mapping[str, tuple[str, ...]]

    def applies(self, row: Row) -> bool:
        """Whether this row gets the reward."""
        return all(str(row.get(column)) in values for column, values in self.where.items())


def from_tables(
    tables: Sequence[Mapping[str, Json]], *, judge: Judge | None = None, scorer: Scorer | None = None
) -> tuple[Chosen, ...]:
    """The `[[rewards]]` of a run. Raises `ConfigError` before any completion is scored, naming field and value."""
    if not tables:
        raise ConfigError("rewards", [], "name at least one")
    return tuple(_chosen(table, judge, scorer) for table in tables)


def _chosen(table: Mapping[str, Json], judge: Judge | None, scorer: Scorer | None) -> Chosen:
    if unknown := sorted(table.keys() - set(KEYS)):
        raise ConfigError("rewards", unknown, f"no such key; a reward has {', '.join(KEYS)}")
    name, weight = table.get("name"), table.get("weight", 1.0)
    if not isinstance(name, str):
        raise ConfigError("rewards, name", name, "the name of a reward")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not isfinite(weight):
        raise ConfigError(f"reward {name}, weight", weight, "a finite number")
    where, columns, settings = (_table(name, table, key) for key in ("where", "columns", "settings"))
    for column, values in where.items():
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise ConfigError(f"reward {name}, where.{column}", values, "a list of texts")
    if bad := [value for value in columns.values() if not isinstance(value, str)]:
        raise ConfigError(f"reward {name}, columns", bad, "names of columns")
    bound = bind(name, settings, columns=columns, judge=judge, scorer=scorer)
    return Chosen(bound, float(weight), {column: tuple(values) for column, values in where.items()})


def _table(name: str, table: Mapping[str, Json], key: str) -> dict[str, Json]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f"reward {name}, {key}", value, "a table")
    return value


def not_applicable(chosen: Chosen) -> Reward:
    """What a row gets from a reward that is not for it: nothing, which TRL leaves out."""
    return unscored("not_applicable", f"{chosen.reward.name} is for rows {dict(chosen.where)}")


def combined(rewards: Sequence[tuple[Chosen, Reward]]) -> Reward:
    """R = Σ weight · total over the rewards that apply to the row; None when one of them is None, or none applies.

    TRL sums what is left when one reward is None, so a failed judge beside a format reward would score the format
    alone. A trainer that wants one number takes this one. Components are named `reward/component`.
    """
    mine = [(one, got) for one, got in rewards if got.reason != "not_applicable"]
    parts = {f"{one.reward.name}/{part}": value for one, got in mine for part, value in got.components.items()}
    lost = next((got for _, got in mine if got.total is None), None)
    if lost or not mine:
        return Reward(None, parts, lost.reason if lost else "not_applicable", detail=lost.detail if lost else "")
    total = sum(one.weight * got.total for one, got in mine if got.total is not None)
    return Reward(total, parts, mine[0][1].reason, mine[0][1].extracted, mine[0][1].source)
