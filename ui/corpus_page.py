"""What the corpus is: where samples went, what each source yields, what it cost when, how traces look, and what repeats
or was found wrong, with a way to those rows. Numbers come from the review index, so they take milliseconds; what a step
`intake` refused is no sample and is on the page of the live run.
"""

from collections.abc import Callable

import streamlit as st

from storage.desk import Desk
from ui import charts, corpus_parts, filters, overview, reading
from ui.gallery import thumbnail
from ui.markup import chips, label, shortened
from ui.people import Person
from ui.reading import Row

CLUSTERS = 50
PICTURES = 8
GRAVE = {"serious": "bad", "warning": "wait"}


def page(desk: Desk, person: Person) -> None:
    """A recipe and a part of the picture."""
    recipes = [row["recipe"] for row in desk.ask("SELECT DISTINCT recipe FROM items ORDER BY recipe")]
    if not recipes:
        st.info("There is no sample yet.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        part = st.segmented_control("Part", list(PARTS), default="Funnel", required=True, key="corpus-part",
                                    label_visibility="collapsed")  # fmt: skip
        recipe = st.selectbox("Recipe", recipes, label_visibility="collapsed", width=320)
    _which(desk, recipe)
    _numbers(corpus_parts.totals(desk, recipe))
    with st.container(key="halves"):
        PARTS[part or "Funnel"](desk, recipe)


def _which(desk: Desk, recipe: str) -> None:
    """The run that is shown, and what of people's work is not in it."""
    run_id = corpus_parts.run_of(desk, recipe)
    run = next((run for run in reading.runs(str(desk.store.root)) if run["run_id"] == run_id), None)
    seed = f", seed {run['seed']}" if run else ""
    st.text(f"Run {run_id}{seed}: the latest of this recipe.")
    if told := desk.without_effect():
        st.warning("Some reviews have no effect on the corpus as it is now.")
        for text in told:
            st.text(text)


def _numbers(row: Row) -> None:
    shown = (
        ("Samples", f"{row['samples']:,}"), ("Kept", f"{row['kept']:,}"), ("SFT", f"{row['sft']:,}"),
        ("RL", f"{row['rl']:,}"), ("Reflect", f"{row['reflective']:,}"), ("Tokens out", overview.short(row["tokens"])),
        ("Cost", "no price" if row["cost"] is None else f"\\${row['cost']:,.2f}"),
    )  # fmt: skip
    with st.container(key="metrics"):
        for column, (name, value) in zip(st.columns(len(shown)), shown, strict=True):
            column.metric(name, value)


def _funnel(desk: Desk, recipe: str) -> None:
    steps = corpus_parts.funnel(desk, recipe)
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.html(label("Samples at each step"))
        if steps:
            st.vega_lite_chart(spec=overview.chart(steps), width="stretch", alt="Samples kept and lost at each step")
    with right:
        st.html(label("Why they left"))
        lost = overview.losses(steps)
        if lost:
            st.dataframe(lost, hide_index=True, column_config=overview.LOSS_COLUMNS)
        else:
            st.text("No sample has left on the way.")


def _yield(desk: Desk, recipe: str) -> None:
    for column, name in zip(st.columns(2, gap="large"), ("source", "kind"), strict=True):
        rows = corpus_parts.yields(desk, recipe, name)
        with column:
            charts.draw(f"Yield by {name}", charts.stacked(rows, name, ("sft", "rl", "kept otherwise", "lost")))
            shown = [{name.capitalize(): row[name], "Samples": row["samples"], "SFT": row["sft"], "RL": row["rl"],
                      "Yield": f"{row['yield']:.0%}"} for row in rows]  # fmt: skip
            st.dataframe(shown, hide_index=True)


def _cost(desk: Desk, recipe: str) -> None:
    rows = corpus_parts.over_time(desk, recipe)
    left, right = st.columns(2, gap="large")
    with left:
        charts.draw("Cost over time", charts.over_time(rows, "moment", "cost_so_far", "dollars so far"))
        charts.draw("Samples at their end", charts.over_time(rows, "moment", "samples_so_far", "samples so far"))
    with right:
        charts.draw("Completion tokens over time", charts.over_time(rows, "moment", "tokens_so_far", "tokens so far"))
        charts.draw("Cost of a sample", charts.over_time(rows, "moment", "cost_each", "dollars a sample"))


def _traces(desk: Desk, recipe: str) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        rows = corpus_parts.lengths(desk, recipe)
        charts.draw("Length of traces", charts.histogram(rows, "low", "high", "samples", "characters"))
        rows = corpus_parts.pass_rates(desk, recipe)
        charts.draw("Pass rates of draws", charts.histogram(rows, "low", "high", "samples", "share of draws right"))
    with right:
        rows = corpus_parts.cue_words(desk, recipe)
        charts.draw("Reflection cues in kept traces", charts.lying(rows, "cue", "samples"))


def _repeats(desk: Desk, recipe: str) -> None:
    """Clusters with more than one sample, the largest first, and the pictures of one."""
    clusters = corpus_parts.clusters(desk, recipe, CLUSTERS)
    if not clusters:
        st.text("No two samples are in one cluster.")
        return
    left, right = st.columns([4, 7], gap="large")
    with left:
        st.html(label(f"Clusters, the largest {len(clusters)} first"))
        shown = [{"Cluster": row["cluster"], "Samples": row["samples"], "Kept": row["kept"]} for row in clusters]
        event = st.dataframe(shown, hide_index=True, on_select="rerun", selection_mode="single-row-required",
                             key=f"clusters-{recipe}")  # fmt: skip
    picked = event["selection"]["rows"]
    with right:
        _cluster(desk, recipe, clusters[min(picked[0], len(clusters) - 1) if picked else 0]["cluster"])


def _cluster(desk: Desk, recipe: str, cluster: str) -> None:
    rows = corpus_parts.members(desk, recipe, cluster)
    ids = [row["sample_id"] for row in rows]
    st.button(f"Review these {len(rows):,}", on_click=filters.jump,
              kwargs={"among": (f"cluster {cluster}"[:80], ids)})  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for row in rows[:PICTURES]:
            with st.container(border=True, gap="xsmall", width=190):
                if shown := thumbnail(str(desk.store.root), row["image"], row["format"]):
                    st.image(shown, width=112, alt="The sample's picture")
                st.text(shortened(row["question"] or row["sample_id"], 100))
                st.html(chips([("good" if row["fate"] == "kept" else "bad", row["reason"] or row["fate"])]))


def _findings(desk: Desk, recipe: str) -> None:
    """What the latest audit found, gravest first."""
    found = corpus_parts.findings(desk)
    if not found:
        st.text("No audit yet. Run one: vistill audit")
    telling = [row for row in found if row["samples"] or row["severity"] != "info"]
    if quiet := len(found) - len(telling):
        st.text(f"{quiet} of {len(found)} checks of the latest audit found nothing.")
    for at, row in enumerate(telling):
        with st.container(border=True, gap="xsmall"):
            st.html(chips([(GRAVE.get(row["severity"], ""), row["severity"]), ("", row["check_name"])]))
            st.text(row["title"])
            st.text(f"{row['samples']:,} of {row['looked_at']:,} samples. {row['fix'] or ''}")
            if row["samples"]:
                st.button("Review these rows", key=f"finding-{at}", on_click=_to_rows, args=(desk, row))


def _to_rows(desk: Desk, row: Row) -> None:
    filters.jump(among=(str(row["title"])[:80], corpus_parts.rows_of(desk, row, filters.MOST_AMONG)))


PARTS: dict[str, Callable[[Desk, str], None]] = {
    "Funnel": _funnel, "Yield": _yield, "Cost and time": _cost, "Traces": _traces, "Duplicates": _repeats,
    "Audit": _findings,
}  # fmt: skip
