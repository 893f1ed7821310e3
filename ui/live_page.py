"""What a run is doing now: how far it is, what it spent, why samples fail, with examples. It asks the store, never the
run, so nothing here can slow the run down or stop it.
"""

import time
from functools import partial

import streamlit as st

from curation.reasons import REASONS
from storage.desk import Desk
from ui import overview, reading
from ui.markup import chips, label
from ui.people import Person
from ui.reading import Filter, Overview, Row

EVERY = 5.0  # seconds between two looks while a run goes on
EXAMPLES = 3
MOST_REASONS = 12


def page(desk: Desk, person: Person) -> None:
    """A picker of runs, then the picked one, drawn again every few seconds while it runs."""
    root = str(desk.store.root)
    runs = reading.runs(root)
    _watch(root, _states(runs))
    if not runs:
        st.info("This store has no run yet.")
        return
    names = {run["run_id"]: overview.run_label(run) for run in runs}
    going = next((run["run_id"] for run in runs if run["status"] == "running"), runs[0]["run_id"])
    picked = st.selectbox("Run", list(names), index=list(names).index(going), format_func=names.__getitem__,
                          key="live-run")  # fmt: skip
    run = next(run for run in runs if run["run_id"] == picked)
    every = EVERY if run["status"] == "running" else None
    st.fragment(partial(_run, root, picked), run_every=every)()


@st.fragment(run_every=EVERY)
def _watch(root: str, known: list[tuple[str, str]]) -> None:
    """Draw the page anew when a run began or ended since; without this a page opened before a run never shows it."""
    if _states(reading.runs(root)) != known:
        st.rerun()


def _states(runs: list[Row]) -> list[tuple[str, str]]:
    return [(run["run_id"], run["status"]) for run in runs]


def _run(root: str, run_id: str) -> None:
    run = next((run for run in reading.runs(root) if run["run_id"] == run_id), None)
    if run is None:
        st.info("This run is not in the store any more.")
        return
    found = reading.overview(root, run_id)
    state = (overview.LOOKS.get(run["status"], "wait"), run["status"])
    seen = ("", f"seen at {time.strftime('%H:%M:%S')}")
    st.html(chips([state, ("", f"source {run['source'] or '?'}"[:60]), seen]))
    if run["detail"]:
        st.text(run["detail"][:500])
    overview.metrics(found)
    _bar(run, found)
    with st.container(key="halves"):
        left, right = st.columns([5, 6], gap="large")
    with left:
        if found.funnel:
            st.html(label("Samples at each step"))
            st.vega_lite_chart(spec=overview.chart(found.funnel), width="stretch",
                               alt="Samples kept and lost at each step")  # fmt: skip
    with right:
        _losses(root, run_id, found)


def _bar(run: Row, found: Overview) -> None:
    """How many of the samples taken in so far are at their end, and how long the rest would take at this pace."""
    total, waiting = found.count(Filter()), found.count(Filter(fate="pending"))
    if not total:
        return
    text = f"{total - waiting:,} of {total:,} samples are at their end"
    if run["status"] == "running" and waiting and total > waiting and run["started"]:
        left = (time.time() - run["started"]) / (total - waiting) * waiting
        text += f"; at the pace since the start about {left / 60:,.0f} min for the rest"
    st.progress((total - waiting) / total, text=text)


def _losses(root: str, run_id: str, found: Overview) -> None:
    """Failures first, then drops: each reason with its meaning, and samples it took."""
    lost = sorted(
        (row for row in overview.losses(found.funnel)), key=lambda row: (row["Fate"] != "failed", -row["Samples"])
    )
    st.html(label("Why samples left"))
    if not lost:
        st.text("No sample has left on the way.")
    for row in lost[:MOST_REASONS]:
        with st.expander(f"{row['Samples']:,} {row['Fate']} at {_plain(row['Step'])}: {_plain(row['Reason'])}"):
            st.text(REASONS.get(row["Reason"], "This reason is not in docs/reasons.md."))
            wanted = Filter(fate=row["Fate"], step=row["Step"], reason=row["Reason"])
            examples = reading.listed(root, run_id, wanted, 1)[:EXAMPLES]
            st.dataframe([{"Sample": each["sample_id"], "Detail": (each["detail"] or "")[:300],
                           "Question": each["question"]} for each in examples], hide_index=True)  # fmt: skip


def _plain(text: str) -> str:
    """Text for a label, which Streamlit reads as Markdown: letters, digits and a few marks, the rest as `·`."""
    return "".join(char if char.isalnum() or char in " -_.," else "·" for char in text)[:80]
