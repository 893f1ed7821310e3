"""Which samples are wanted: queue, order, filters, a WHERE clause and saved views, as widgets of the sidebar."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from curation.errors import ConfigError
from storage.desk import EQUAL, ORDERS, QUEUES, Desk, Wanted
from storage.saved_views import save_view, saved_views
from ui.people import Person

MOST_AMONG = 5_000  # samples of a finding or cluster that a jump takes along
TELLING = (
    "flagged", "conflicts", "lowest confidence", "highest disagreement",
    "verdict", "verdict_by", "fate", "left_at", "reason", "split", "review",
)  # fmt: skip
"""Queues, orders and columns that tell what was decided about a sample."""
LABELS = {"verdict_by": "verdict by", "left_at": "left at step"}


def wanted(desk: Desk, person: Person) -> Wanted:
    """What the sidebar asks for; a clause that cannot be used is told there and left out."""
    hidden = TELLING if kept_blind(person) else ()
    with st.sidebar:
        if not hidden:
            _views(desk)
        queue = st.selectbox("Queue", _without(QUEUES, hidden), key="queue", format_func=str.capitalize)
        order = st.selectbox("Order", _without(ORDERS, hidden), key="order", format_func=str.capitalize)
        with st.expander("Filters", expanded=bool(st.session_state.get("where") or _chosen())):
            equal = tuple(filter(None, (_choice(desk, name) for name in _without(EQUAL, hidden))))
            where = "" if hidden else st.text_input(
                "Condition", key="where", placeholder="confidence < 0.5 AND leaks > 0", max_chars=2000,
                help="SQL as after WHERE, over the columns of the review index (docs/review.md lists them).",
            )  # fmt: skip
        among = _among()
        plain = Wanted(queue, person.name, equal, "", order, annotators(), seed(), among)
        return _checked(desk, replace(plain, where=where), plain)


def always_blind() -> bool:
    """Whether `--blind` was said, for all."""
    return os.environ.get("VISTILL_BLIND") == "1"


def blind() -> bool:
    """Whether verdicts are hidden from this person, by `--blind` or their own choice."""
    return always_blind() or bool(st.session_state.get("blind"))


def kept_blind(person: Person) -> bool:
    """Whether verdicts are kept from this person on every page: from everybody but leads, by `--blind`."""
    return always_blind() and not person.leads


def _without(names: Iterable[str], hidden: Sequence[str]) -> list[str]:
    return [name for name in names if name not in hidden]


def keep() -> None:
    """Have the filters outlive a look at another page, where their widgets are not drawn."""
    for name in ("queue", "order", "where", "view", "blind", "sql", *(f"only-{column}" for column in EQUAL)):
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]


def jump(*, queue: str = "everything", among: tuple[str, Sequence[str]] | None = None) -> None:
    """Go to the review page with this queue and, of it, only the samples named: (what they are, their ids)."""
    reset()
    st.session_state["queue"] = queue
    if among is not None:
        st.session_state["among"] = (among[0], tuple(among[1][:MOST_AMONG]))
    st.session_state["go"] = "review"


def reset() -> None:
    """No filter at all."""
    st.session_state.pop("among", None)
    st.session_state["where"] = ""
    for name in EQUAL:
        st.session_state[f"only-{name}"] = []


def _among() -> tuple[str, ...]:
    label, ids = st.session_state.get("among") or ("", ())
    if ids:
        st.text(f"Only {len(ids):,} samples: {label}")
        st.button("All samples again", on_click=lambda: st.session_state.pop("among", None))
    return tuple(ids)


def annotators() -> int:
    """How many people judge each sample."""
    return int(os.environ.get("VISTILL_ANNOTATORS", "1"))


def seed() -> int:
    """Seed of random order and audit."""
    return int(os.environ.get("VISTILL_SEED", "0"))


def _choice(desk: Desk, name: str) -> tuple[str, tuple[str, ...]] | None:
    counts = {str(row["value"] or ""): row["samples"] for row in desk.tally(name)}
    if len(counts) < 2 and not st.session_state.get(f"only-{name}"):
        return None
    picked = st.multiselect(
        LABELS.get(name, name).capitalize(), list(counts), key=f"only-{name}",
        format_func=lambda value: f"{value or 'none'} ({counts.get(value, 0):,})",
    )  # fmt: skip
    return (name, tuple(picked)) if picked else None


def _chosen() -> bool:
    return any(st.session_state.get(f"only-{name}") for name in EQUAL)


def _checked(desk: Desk, whole: Wanted, plain: Wanted) -> Wanted:
    if not whole.where.strip():
        return plain
    try:
        desk.check(whole)
    except ConfigError as error:
        st.error("The condition is not used.")
        st.text(str(error))
        return plain
    return whole


def _views(desk: Desk) -> None:
    with st.expander("Saved views"):
        views = saved_views(desk.store)
        name = st.selectbox("View", ["", *views], format_func=lambda name: name or "none", key="view")
        if name:
            st.button("Use it", on_click=_use, args=(views[name],))
            st.button("Forget it", on_click=save_view, args=(desk.store, name, None))
        new = st.text_input("Save the present one as", max_chars=60, key="view-name")
        if st.button("Save", disabled=not new.strip()):
            save_view(desk.store, new, _present())
            st.rerun()


def _present() -> dict[str, Any]:
    kept = {name: st.session_state.get(name) for name in ("queue", "order", "where")}
    return kept | {"equal": {name: st.session_state.get(f"only-{name}") or [] for name in EQUAL}}


def _use(view: dict[str, Any]) -> None:
    """Set the widgets; whatever a view holds that no widget can show is left out."""
    for name, known in (("queue", QUEUES), ("order", ORDERS)):
        if view.get(name) in known:
            st.session_state[name] = view[name]
    st.session_state["where"] = str(view.get("where") or "")[:2000]
    equal = view.get("equal")
    for name in EQUAL:
        values = equal.get(name) if isinstance(equal, dict) else None
        st.session_state[f"only-{name}"] = [str(value) for value in values or [] if isinstance(value, str)]


def as_data(found: Wanted) -> dict[str, Any]:
    """The filter as plain data, for the note of a bulk."""
    said = {name: value for name, value in asdict(found).items() if value not in ("", (), None)}
    return said | ({"among": f"{len(found.among)} samples"} if found.among else {})
