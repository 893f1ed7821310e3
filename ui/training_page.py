"""Trainings that this store knows: what each read, how it ended, and its curves while its folder is still there.

Curves are read from `curve.jsonl` of the folder that `vistill train` recorded; the page never writes there.
"""

from pathlib import Path

import orjson
import streamlit as st

from curation.trainer.curves import HELD_OUT, Point, panels
from storage.desk import Desk
from ui import charts
from ui.markup import chips
from ui.people import Person
from ui.reading import Row

LARGEST = 50_000_000  # bytes of a curve that are read
LOOKS = {"finished": "good", "running": "wait"}
TRAININGS = "SELECT * FROM trainings ORDER BY started DESC LIMIT 200"


def page(desk: Desk, person: Person) -> None:
    """A picker of trainings, then the picked one."""
    found = desk.store.query(TRAININGS).to_pylist()
    if not found:
        st.info("No training is recorded in this store. Start one with:")
        st.text(f"vistill train grpo.toml --store {desk.store.root.name}")
        return
    at = st.selectbox("Training", range(len(found)), format_func=lambda at: _name(found[at]))
    row = found[at]
    st.html(chips([(LOOKS.get(row["status"], "bad"), row["status"]), ("", f"seed {row['seed']}"), ("", row["out"])]))
    if row["detail"]:
        st.text(row["detail"][:500])
    _data(row)
    points = read_points(Path(row["out"]) / "curve.jsonl")
    if not points:
        st.text("Its curve is not there (any more): the folder above has no curve.jsonl.")
    drawn, later = panels(points, orjson.loads(row["scores"] or "[]"))
    parts = [at for at in later if at > 0]
    if parts:
        st.text("Steps of all parts stand one after another; where one begins there is a dotted line.")
    drawn.sort(key=lambda panel: panel[0] != HELD_OUT)  # what it is for comes first
    with st.container(key="halves"):
        for at, (title, series) in enumerate(drawn):
            if at % 2 == 0:
                columns = st.columns(2, gap="large")
            with columns[at % 2]:
                joined = title == HELD_OUT
                charts.draw(title.capitalize(), charts.lines(series, "step", parts, points=joined, joined=joined))


def _name(row: Row) -> str:
    return f"{'/'.join(Path(row['out']).parts[-2:])} · seed {row['seed']} · {row['status']}"


def _data(row: Row) -> None:
    """The exports that were read."""
    told = orjson.loads(row["data"] or "{}")
    rows = [{"Part": part, "Export": str(said.get("path")), "Format": said.get("format"), "Run": said.get("run_id")}
            for part, said in told.items() if isinstance(said, dict)]  # fmt: skip
    if rows:
        st.dataframe(rows, hide_index=True)


def read_points(path: Path) -> list[Point]:
    """The lines of a curve that are whole: a training under way may be writing the last one."""
    try:
        with path.open("rb") as file:
            lines = file.read(LARGEST).splitlines()
    except OSError:
        return []
    found: list[Point] = []
    for line in lines:
        try:
            point = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(point, dict) and isinstance(point.get("part"), str) and isinstance(point.get("step"), int):
            found.append(point)
    return found
