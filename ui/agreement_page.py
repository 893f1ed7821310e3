"""How far annotators agree, over all verdicts and per reason, who they are, and what a lead has to settle."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from curation.agreement import Unit, having, krippendorff_alpha, pairs, percent_agreement
from storage.desk import Desk
from ui import filters
from ui.markup import label
from ui.people import Person
from ui.reading import Row

MOST = 200_000  # words of annotators looked at, latest first

SAID = """
SELECT sample_id, sample_key, annotator, decision, reason FROM own
WHERE decision IN ('accept', 'reject', 'edit')
QUALIFY count(*) OVER (PARTITION BY sample_id, sample_key) > 1
ORDER BY decided DESC LIMIT $most
"""
# An edit agrees with a final edit of the same sample; an adjudicated verdict is final, else the majority's.
PEOPLE = """
SELECT annotator, count(*) FILTER (WHERE decision IN ('accept', 'reject', 'edit')) AS judged,
    count(*) FILTER (WHERE decision = 'accept') AS accepted, count(*) FILTER (WHERE decision = 'reject') AS rejected,
    count(*) FILTER (WHERE decision = 'edit') AS edited, count(*) FILTER (WHERE decision = 'skip') AS skipped,
    count(*) FILTER (WHERE flagged) AS flagged, median(seconds) AS seconds,
    count(*) FILTER (WHERE final AND decision = verdict) / nullif(count(*) FILTER (WHERE final), 0) AS agrees,
    count(*) FILTER (WHERE final) AS compared
FROM (
    SELECT l.*, v.verdict, l.decision IN ('accept', 'reject', 'edit')
        AND (v.adjudicator IS NOT NULL OR v.annotators > 1) AND v.verdict <> 'conflict' AS final
    FROM own l JOIN verdicts v USING (sample_id, sample_key)
)
GROUP BY annotator ORDER BY judged DESC, annotator
"""
CONFLICTS = "SELECT count(*) AS n FROM verdicts WHERE verdict = 'conflict'"


def page(desk: Desk, person: Person) -> None:
    """Numbers over everything, per reason, by pair, by person; a way to the conflicts."""
    desk.take_in(at_once=True)
    said = desk.ask(SAID, {"most": MOST})
    _conflicts(desk, person)
    units = by_record(said, "decision")
    with st.container(key="metrics"):
        one, two, three = st.columns(3)
        one.metric("Records judged twice or more", f"{len(units):,}")
        two.metric(
            "Percent agreement", share(percent_agreement(units)), help="Equal pairs among all pairs of verdicts."
        )
        three.metric(
            "Krippendorff's alpha", number(krippendorff_alpha(units)), help="Nominal; 1 is full agreement, 0 is chance."
        )
    if not units:
        st.info("Nothing was judged by two people yet. Start with: vistill review --annotators-a-record 2")
    with st.container(key="halves"):
        left, right = st.columns(2, gap="large")
        with left:
            _table("Two by two", [_pair(pair) for pair in pairs(units)])
        with right:
            _table("Per reason to reject", reasons(said))
    _table("Annotators", [_person(row) for row in desk.ask(PEOPLE)])


def by_record(said: list[Row], column: str) -> list[Unit]:
    """One unit a record."""
    units: dict[tuple[str, str], dict[str, Any]] = {}
    for row in said:
        units.setdefault((row["sample_id"], row["sample_key"]), {})[row["annotator"]] = row[column]
    return list(units.values())


def reasons(said: list[Row]) -> list[Row]:
    """Agreement on each reason: given or not given by those who judged a record, where anybody gave it."""
    split = [{**row, "reasons": [part for part in (row["reason"] or "").split(", ") if part]} for row in said]
    units: list[Mapping[str, Any]] = by_record(split, "reasons")
    found = []
    for name in sorted({reason for row in split for reason in row["reasons"]}):
        on = having(units, name)
        found.append({
            "Reason": name[:80], "Records": sum(any(unit.values()) for unit in on),
            "Agreement": share(percent_agreement(on)), "Alpha": number(krippendorff_alpha(on)),
        })  # fmt: skip
    return found


def share(value: float | None) -> str:
    """A share as percent; a dash when it is not determined."""
    return "–" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    """Two digits; a dash when it is not determined."""
    return "–" if value is None else f"{value:.2f}"


def _pair(pair: Any) -> Row:
    return {"First": pair.first, "Second": pair.second, "Records": pair.records, "Agreement": share(pair.percent),
            "Cohen's kappa": number(pair.kappa)}  # fmt: skip


def _person(row: Row) -> Row:
    shown = {"Annotator": row["annotator"], "Judged": row["judged"]}
    shown |= {name.capitalize(): row[name] for name in ("accepted", "rejected", "edited", "skipped", "flagged")}
    seconds = None if row["seconds"] is None else round(row["seconds"], 1)
    agrees = f"{share(row['agrees'])} of {row['compared']:,}" if row["compared"] else "–"
    return {**shown, "Median seconds": seconds, "With the final verdict": agrees}


def _table(name: str, rows: list[Row]) -> None:
    st.html(label(name))
    if rows:
        st.dataframe(rows, hide_index=True)
    else:
        st.text("None yet.")


def _conflicts(desk: Desk, person: Person) -> None:
    count = desk.ask(CONFLICTS)[0]["n"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{count:,} records are in conflict." if count else "No record is in conflict.")
        if count:
            st.button("Settle them" if person.leads else "Look at them", shortcut="J", on_click=filters.jump,
                      kwargs={"queue": "conflicts"})  # fmt: skip
