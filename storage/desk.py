"""The reviewers' desk: the review index with the reviews of this moment beside it, kept in one process for all pages.

Queues, counts, filters and the effects of decisions are asked here, in milliseconds. New decisions, ours or another
process's, are taken in as segments appear; `verdicts` is worked out again only for the samples they touch. A WHERE
clause of a person is parsed first and may read `items` and nothing else. Safe for many threads.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from curation.errors import ConfigError, StoreError
from storage import earlier, review_index, taken_in
from storage.generations import absorbed_from, current, generation_path
from storage.liveness import alive
from storage.query import check_condition
from storage.review_index import TALLIED, Index
from storage.segments import list_segments, segment_path
from storage.sql import first_line, quoted
from storage.store import Store
from storage.views_reviews import MOVED, OVERRULED

Row = dict[str, Any]

QUEUES = ("pending", "mine", "flagged", "conflicts", "audit", "everything")
ORDERS = {
    "lowest confidence": "confidence NULLS FIRST, disagreement DESC NULLS LAST",
    "highest disagreement": "review = 'conflict' DESC NULLS LAST, disagreement DESC NULLS LAST, confidence",
    "random": "",
    "newest": "made DESC NULLS LAST",
    "source": "recipe, position",
}
EQUAL = (*TALLIED, "review")
"""Columns that a filter may name with the values to take."""

AUDITED = 0.05  # share of all samples in the audit queue
SETTLE = 0.3  # seconds between two looks for other processes' decisions
TIMEOUT = 10.0  # seconds a filter may take
MEMORY = "600MB"

ITEMS = """
CREATE OR REPLACE VIEW items AS
SELECT i.*, v.verdict AS review, coalesce(v.annotators, 0) AS annotators, coalesce(v.flags, 0) AS flags,
    v.adjudicator, v.first_wrong_step, v.edited_answer
FROM index.main.items i LEFT JOIN verdicts v ON v.sample_id = i.sample_id AND v.sample_key = i.sample_key
"""

EFFECTS = f"""
WITH judged AS (
    SELECT i.run_id, i.sample_id, i.sample_key, v, i.split AS planned,
        coalesce(v.judged, '') IN ('', i.judged) AS holds,
        coalesce(lower(trim(i.answer)) = lower(trim(v.edited_answer)), false) AS same_answer,
        i.fate = 'dropped' AND i.reason IN ({OVERRULED}) AS overruled, i.trace_chars > 0 AS has_trace
    FROM index.main.items i JOIN verdicts v ON v.sample_id = i.sample_id AND v.sample_key = i.sample_key
    WHERE $1 IS NULL OR (i.sample_id = $1 AND i.sample_key = $2)
),
moved AS (SELECT *, {MOVED} AS moved FROM judged)
SELECT sample_id, sample_key, planned AS before, coalesce(moved.split, planned) AS after, holds,
    coalesce(moved.reason, '') AS reason, v.verdict AS verdict
FROM moved
"""  # noqa: S608 our own text


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which samples, for whom, in which order.

    `equal` maps a column of `EQUAL` to the values taken; `where` is a person's condition over `items`; `annotators` is
    how many people judge each sample; `seed` fixes the random order and the audit's choice; `among` are the only
    sample ids taken, when there are any.
    """

    queue: str = "pending"
    annotator: str = ""
    equal: tuple[tuple[str, tuple[str, ...]], ...] = ()
    where: str = ""
    order: str = "lowest confidence"
    annotators: int = 1
    seed: int = 0
    among: tuple[str, ...] = ()

    def sql(self) -> tuple[str, dict[str, Any]]:
        """The condition over `items`, with its parameters."""
        parts, params = [self._queue()], {"seed": str(self.seed), "me": self.annotator, "k": self.annotators}
        for at, (name, values) in enumerate(self.equal):
            if name not in EQUAL:
                raise ConfigError("filter", name, f"filter by one of {', '.join(EQUAL)}")
            parts.append(f"coalesce({name}, '') IN (SELECT unnest($f{at}::VARCHAR[]))")
            params[f"f{at}"] = list(values)
        if self.among:
            parts.append("sample_id IN (SELECT unnest($among::VARCHAR[]))")
            params["among"] = list(self.among)
        if self.where.strip():
            parts.append(f"({check_condition(self.where, 'items')}\n)")
        return " AND ".join(parts), {name: value for name, value in params.items() if f"${name}" in " ".join(parts)}

    def _queue(self) -> str:
        mine = "(sample_id, sample_key) {} (SELECT (sample_id, sample_key) FROM latest WHERE annotator = $me {})"
        chosen = f"hash(sample_id, $seed) % 10000 < {int(AUDITED * 10000)}"
        match self.queue:
            case "pending":
                return (
                    f"adjudicator IS NULL AND annotators < $k AND {mine.format('NOT IN', 'AND decision IS NOT NULL')}"
                )
            case "mine":
                return mine.format("IN", "")
            case "flagged":
                return "flags > 0"
            case "conflicts":
                return "review = 'conflict'"
            case "audit":
                return f"{chosen} AND {mine.format('NOT IN', 'AND decision IS NOT NULL')}"
            case "everything":
                return "true"
        raise ConfigError("queue", self.queue, f"choose one of {', '.join(QUEUES)}")

    def ordered(self) -> str:
        """ORDER BY that leaves no ties to chance."""
        if self.order not in ORDERS:
            raise ConfigError("order", self.order, f"choose one of {', '.join(ORDERS)}")
        return ", ".join(filter(None, [ORDERS[self.order], f"hash(sample_id, '{int(self.seed)}')", "sample_id"]))


@dataclass(slots=True)
class _State:
    """What the desk has taken in."""

    index: Index
    generation: str = ""
    segments: set[str] = field(default_factory=set)
    looked: float = 0.0  # when the last look began


class Desk:
    """One store's index and reviews in memory; one a process is enough."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = secrets.token_hex(4)  # of this server, in leases
        self._alive = alive(store, f"review-{self.name}")
        self._alive.__enter__()
        self._lock = threading.RLock()
        self._asking = threading.Lock()  # two threads never use one connection; those who ask never wait for taking in
        self._con: duckdb.DuckDBPyConnection
        self._front: duckdb.DuckDBPyConnection  # of the same database, to make cursors of
        self._state: _State
        self._open(review_index.live(store.root) or review_index.build(store.root))

    def close(self) -> None:
        """Let go of the index; leases taken in this desk's name are nobody's from now on."""
        self._front.close()
        self._con.close()
        self._alive.__exit__(None, None, None)

    @property
    def index(self) -> Index:
        """The index in use."""
        return self._state.index

    def take_in(self, *, at_once: bool = False) -> None:
        """Take in decisions that have appeared, and a newer index if one was built; cheap when nothing is new.

        With `at_once`, whatever was durable before the call is seen after it. A look that began since the call will do:
        so of twenty who wait for the lock one looks, for all.
        """
        asked = time.monotonic() - (0.0 if at_once else SETTLE)
        with self._lock:
            if self._state.looked > asked:
                return
            began = time.monotonic()
            newest = review_index.live(self.store.root)
            if newest and newest.path != self._state.index.path:
                self._open(newest)
            else:
                # Names before the generation: what a compaction moves in between is in one of both.
                names = set(list_segments(self.store.root, "reviews"))
                live = current(self.store.root)
                if live == self._state.generation or self._absorbed(live) <= self._state.segments | names:
                    self._read_on(names)
                    self._state.generation = live
                else:
                    self._load(self._con, self._state)
            self._state.looked = began

    def count(self, wanted: Wanted) -> int:
        """How many samples `wanted` takes."""
        condition, params = wanted.sql()
        return int(self._ask(f"SELECT count(*) AS n FROM items WHERE {condition}", params)[0]["n"])  # noqa: S608

    def page(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Row]:
        """Rows of the index, in order."""
        condition, params = wanted.sql()
        order = wanted.ordered()
        # Two steps, so that texts are read for the page's rows alone.
        sql = f"""
            SELECT items.* FROM items JOIN (
                SELECT sample_id, sample_key, run_id FROM items WHERE {condition}
                ORDER BY {order} LIMIT {int(limit)} OFFSET {int(offset)}
            ) USING (sample_id, sample_key, run_id) ORDER BY {order}
        """  # noqa: S608 checked
        return self._ask(sql, params)

    def front(self, wanted: Wanted, *, limit: int, offset: int = 0) -> list[tuple[str, str]]:
        """(sample_id, sample_key) of what `page` would give: far cheaper, because no texts are read."""
        condition, params = wanted.sql()
        sql = f"""
            SELECT sample_id, sample_key FROM items WHERE {condition}
            ORDER BY {wanted.ordered()} LIMIT {int(limit)} OFFSET {int(offset)}
        """  # noqa: S608 checked
        return [(a, b) for a, b in self._ask_tuples(sql, params)]

    def still(self, wanted: Wanted, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """Rows of those of these (sample_id, sample_key) that `wanted` takes now: others may have decided meanwhile."""
        self.take_in(at_once=True)
        condition, params = wanted.sql()
        sql = f"""
            SELECT * FROM items WHERE sample_id IN (SELECT unnest($ids::VARCHAR[])) AND {condition}
            ORDER BY {wanted.ordered()}
        """  # noqa: S608 checked
        found: dict[tuple[str, str], Row] = {}
        for row in self._ask(sql, {**params, "ids": [sample_id for sample_id, _ in keys]}):
            found.setdefault((row["sample_id"], row["sample_key"]), row)
        return {key: found[key] for key in keys if key in found}

    def check(self, wanted: Wanted) -> None:
        """ConfigError unless the condition holds for the samples there are: a cast may fail on one of them."""
        self.count(wanted)

    def keys(self, wanted: Wanted) -> list[tuple[str, str, str, str]]:
        """(sample_id, sample_key, run_id, judged) of everything `wanted` takes: what a bulk decides on."""
        condition, params = wanted.sql()
        sql = f"SELECT sample_id, sample_key, run_id, judged FROM items WHERE {condition}"  # noqa: S608 checked
        rows = self._ask_tuples(sql, params)
        return [(a, b, c, d) for a, b, c, d in rows]

    def tally(self, column: str) -> list[Row]:
        """Values of a column of `EQUAL` among all samples, most frequent first: value, samples."""
        if column not in EQUAL:
            raise ConfigError("column", column, f"one of {', '.join(EQUAL)}")
        if column in TALLIED:
            return self._ask("SELECT value, samples FROM index.main.tallies WHERE name = $n ORDER BY samples DESC",
                             {"n": column})  # fmt: skip
        return self._ask("SELECT verdict AS value, count(*) AS samples FROM verdicts GROUP BY 1 ORDER BY 2 DESC", {})

    def one(self, sample_id: str, sample_key: str) -> Row | None:
        """The row of one sample, with its review."""
        rows = self._ask("SELECT * FROM items WHERE sample_id = $a AND sample_key = $b LIMIT 1",
                         {"a": sample_id, "b": sample_key})  # fmt: skip
        return rows[0] if rows else None

    def said(self, sample_id: str, sample_key: str) -> list[Row]:
        """What each annotator's word on a sample is now."""
        return self._ask("SELECT * FROM latest WHERE sample_id = $a AND sample_key = $b ORDER BY annotator",
                         {"a": sample_id, "b": sample_key})  # fmt: skip

    def effect(self, sample_id: str, sample_key: str) -> Row | None:
        """Which split the sample was planned for, where its reviews put it, and why; None when nobody judged it."""
        rows = self.ask(EFFECTS, [sample_id, sample_key])
        return rows[0] if rows else None

    def without_effect(self) -> list[str]:
        """What `storage.earlier` tells of reviews that the latest runs leave without effect."""
        if not self.ask("SELECT 1 FROM verdicts LIMIT 1"):
            return []
        return earlier.notice(self.ask, "items", f"({EFFECTS.replace('$1', 'NULL').replace('$2', 'NULL')})")

    def ask(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Rows of one query of the pages' own over `items`, `latest`, `own`, `verdicts`, `reviews` and `events`.

        `own` is `latest` without what people said when they settled a conflict.
        """
        return self._ask(sql, params)

    def _ask(self, sql: str, params: Sequence[Any] | dict[str, Any]) -> list[Row]:
        with self._cursor() as cursor:
            rows: list[Row] = cursor.sql(sql, params=params or None).to_arrow_table().to_pylist()
        return rows

    def _ask_tuples(self, sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            return cursor.sql(sql, params=params or None).fetchall()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose query is stopped after `TIMEOUT`; what a person wrote wrongly is a ConfigError."""
        with self._asking:
            cursor = self._front.cursor()
        timer = threading.Timer(TIMEOUT, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield cursor
        except duckdb.InterruptException as error:
            raise ConfigError("filter", "", f"took longer than {TIMEOUT:g} s: narrow it") from error
        except duckdb.Error as error:
            raise ConfigError("filter", "", first_line(error)) from error
        finally:
            timer.cancel()
            cursor.close()

    def _open(self, index: Index) -> None:
        """Work with this index from now on; when it cannot be opened, all stays as it was."""
        con = duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": ""})
        try:
            con.execute(f"attach {quoted(index.path)} as index (read_only)")
        except duckdb.Error as error:
            raise StoreError(f"cannot open {index.path} ({first_line(error)}): delete it and start again") from error
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        taken_in.lay_out(con)
        con.execute(ITEMS)
        state = _State(index)
        self._load(con, state)
        with self._asking:
            self._con, self._front, self._state = con, con.cursor(), state

    def _absorbed(self, generation: str) -> set[str]:
        return absorbed_from(generation_path(self.store.root, generation), "reviews")

    def _load(self, con: duckdb.DuckDBPyConnection, state: _State) -> None:
        """Every review there is, anew: at the start, and when a compaction has moved what we had not read."""
        names = set(list_segments(self.store.root, "reviews"))
        generation = current(self.store.root)
        names |= self._absorbed(generation)
        rows = self.store.query("SELECT * FROM raw_reviews")
        taken_in.everything(con, rows)
        state.segments, state.generation = names, generation

    def _read_on(self, names: set[str]) -> None:
        fresh = sorted(names - self._state.segments)
        if not fresh:
            return
        tables = [taken_in.segment(segment_path(self.store.root, "reviews", name)) for name in fresh]
        if any(table is None for table in tables):  # absorbed meanwhile, or damaged: the snapshot knows
            self._load(self._con, self._state)
            return
        taken_in.arrivals(self._con, pa.concat_tables(tables))
        self._state.segments |= set(fresh)
