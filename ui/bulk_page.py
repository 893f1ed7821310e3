"""One decision on everything a filter takes: count, a look at the samples, a confirmation, and one event to undo.

The confirmation is bound to the filter and the count that were on the screen; when the filter takes another number of
samples by then, nothing is decided.
"""

import time
from dataclasses import dataclass
from typing import Any

import orjson
import streamlit as st

from curation.errors import VistillError
from storage.desk import Desk, Wanted
from storage.reviews import Decision, decide_all, undo
from ui import filters
from ui.gallery import thumbnail
from ui.markup import chips, label, shortened
from ui.people import Person
from ui.reading import Row
from ui.review import REASONS

SHOWN = 12
ACTIONS = (("Accept", "accept", "A"), ("Reject", "reject", "X"), ("Skip", "skip", "S"), ("Flag", "flag", "F"))
DONE = {"accept": "accepted", "reject": "rejected", "skip": "skipped", "flag": "flagged"}
EVENTS = """
SELECT review_id, annotator, reason AS decision, samples, note, created FROM events
WHERE decision = 'bulk' AND review_id NOT IN (SELECT undoes FROM events WHERE undoes IS NOT NULL)
QUALIFY row_number() OVER (PARTITION BY review_id ORDER BY created) = 1
ORDER BY created DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for its confirmation."""

    wanted: Wanted
    decision: str
    reason: str | None
    count: int


def page(desk: Desk, person: Person) -> None:
    """Filter in the sidebar; count, actions, preview and the bulk events so far."""
    wanted = filters.wanted(desk, person)
    look, text = st.session_state.pop("bulk-said", ("", ""))
    st.html(f'<div role="status">{chips([(look, text)]) if text else ""}</div>')
    if not person.leads:
        st.info("A lead decides in bulk; you may look at what a filter takes.")
    count = desk.count(wanted)
    asked = st.session_state.get("bulk-asked")
    if isinstance(asked, Asked) and (asked.wanted, asked.count) == (wanted, count):
        _confirm(desk, person, asked)
    else:
        st.session_state.pop("bulk-asked", None)
        _actions(wanted, count, person)
    _preview(desk, wanted, count)
    _events(desk, person)


def _actions(wanted: Wanted, count: int, person: Person) -> None:
    off = not (person.leads and count)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for name, decision, key in ACTIONS:
            st.button(f"{name} {count:,}", key=f"bulk-{decision}", shortcut=key, disabled=off, on_click=_ask,
                      args=(wanted, decision, count))  # fmt: skip
        st.selectbox("Reason to reject", REASONS, index=None, key="bulk-why", disabled=off, width=240,
                     placeholder="Reason to reject", label_visibility="collapsed")  # fmt: skip


def _ask(wanted: Wanted, decision: str, count: int) -> None:
    reason = st.session_state.get("bulk-why") if decision == "reject" else None
    st.session_state["bulk-asked"] = Asked(wanted, decision, reason, count)


def _confirm(desk: Desk, person: Person, asked: Asked) -> None:
    with st.container(border=True, key="bulk-confirm"):
        why = f", because: {asked.reason}" if asked.reason else ""
        st.text(f"{asked.decision.capitalize()} {asked.count:,} samples{why}? It is one event and can be undone.")
        with st.container(horizontal=True):
            st.button(f"Yes, {asked.decision} {asked.count:,}", type="primary", shortcut="Ctrl+Enter", on_click=_do,
                      args=(desk, person, asked))  # fmt: skip
            st.button("No", shortcut="Esc", on_click=lambda: st.session_state.pop("bulk-asked", None))


def _do(desk: Desk, person: Person, asked: Asked) -> None:
    """Decide, if the filter still takes as many as were confirmed."""
    st.session_state.pop("bulk-asked", None)
    if not person.leads:
        return
    try:
        st.session_state["bulk-said"] = ("good", act(desk, person.name, asked))
    except VistillError as error:
        st.session_state["bulk-said"] = ("bad", f"Nothing was decided: {error}")


def act(desk: Desk, annotator: str, asked: Asked) -> str:
    """Record the bulk as one event; returns what to tell the person."""
    desk.take_in(at_once=True)
    keys = desk.keys(asked.wanted)
    if len(keys) != asked.count:
        return f"The filter takes {len(keys):,} samples now, not {asked.count:,}: nothing was decided, look again."
    note = orjson.dumps(filters.as_data(asked.wanted)).decode()[:4000]
    like = Decision("", "", annotator, asked.decision, reason=asked.reason, note=note,
                    adjudicates=asked.wanted.queue == "conflicts")  # fmt: skip
    _, count = decide_all(desk.store, like, keys)
    desk.take_in(at_once=True)
    return f"{count:,} samples {DONE[asked.decision]}"


def _preview(desk: Desk, wanted: Wanted, count: int) -> None:
    """Some of the samples, in the filter's order."""
    place = min(st.session_state.get("bulk-page", 0), max(0, (count - 1) // SHOWN))
    rows = desk.page(wanted, limit=SHOWN, offset=place * SHOWN)
    blind = filters.blind()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Back", key="bulk-back", shortcut="Left", disabled=not place, on_click=_turn, args=(place - 1,))
        st.button("Next", key="bulk-next", shortcut="Right", disabled=(place + 1) * SHOWN >= count, on_click=_turn,
                  args=(place + 1,))  # fmt: skip
        first = place * SHOWN + 1 if rows else 0
        st.text(f"{first:,} to {place * SHOWN + len(rows):,} of {count:,}")
    with st.container(horizontal=True, gap="small"):
        for row in rows:
            with st.container(border=True, gap="xsmall", width=215):
                _tile(str(desk.store.root), row, blind)


def _turn(place: int) -> None:
    st.session_state["bulk-page"] = place


def _tile(root: str, row: Row, blind: bool) -> None:
    shown = thumbnail(root, row["image"], row["format"])
    if shown:
        st.image(shown, width=112, alt="The sample's picture")
    else:
        st.text("no picture")
    st.text(shortened(row["question"] or row["sample_id"], 120))
    facts = [("good" if row["verdict"] == "correct" else "bad", str(row["verdict"]))] if row["verdict"] else []
    told = [] if blind else [*facts, ("", f"split {row['split']}")]
    st.html(chips([*told, ("", str(row["source"])[:40])]))


def _events(desk: Desk, person: Person) -> None:
    st.html(label("Bulk decisions that stand"))
    events = desk.ask(EVENTS)
    if not events:
        st.text("None.")
    for at, event in enumerate(events):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Undo", key=f"bulk-undo-{event['review_id']}", shortcut=None if at else "Backspace",
                      on_click=_undo, args=(desk, event["review_id"], person), disabled=not person.leads)  # fmt: skip
            done = DONE.get(event["decision"], event["decision"])
            st.text(
                f"{event['samples']:,} {done} by {event['annotator']} at {_when(event['created'])}; {event['note']}"[
                    :300
                ]
            )


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _undo(desk: Desk, event: str, person: Person) -> None:
    if not person.leads:
        return
    try:
        undo(desk.store, event, person.name)
        desk.take_in(at_once=True)
        said: Any = ("wait", "the bulk is taken back")
    except VistillError as error:
        said = ("bad", f"Not taken back: {error}")
    st.session_state["bulk-said"] = said
