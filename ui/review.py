"""The page where samples are judged: picture and question at the left, the trace and its verdicts at the right.

Every button carries the id of the sample it was drawn for; `Hand.decide` ignores a press meant for another.
"""

import time
from typing import Any

import streamlit as st

from curation.answers import parse
from curation.errors import StoreError, VistillError
from storage.desk import Desk
from ui import filters, markup, pictures, sample, trace
from ui.hand import Card, Hand
from ui.people import Person

REASONS = (
    "wrong answer", "wrong reasoning", "guessed", "reads a description", "question unclear", "reference wrong",
    "picture unusable", "language or form", "other",
)  # fmt: skip
KEYS = (
    ("A", "accept"), ("X", "reject, with the reasons chosen"), ("E", "edit the answer"), ("S", "skip"), ("F", "flag"),
    ("Enter", "take the suggestion and go on"), ("Backspace", "take back the last decision"),
    ("Left, Right", "look at the one before or after without deciding"), ("1 to 9", "a reason"), ("H", "this list"),
)  # fmt: skip
DONE = {"accept": "accepted", "reject": "rejected", "edit": "edited", "skip": "skipped"}


def page(desk: Desk, person: Person) -> None:
    """Sidebar, then the card; only the card is drawn again for a decision."""
    wanted = filters.wanted(desk, person)
    with st.sidebar:
        blind = st.toggle("Blind", key="blind", help="Hide verdicts, suggestions and what others decided.")
    hand = _hand(desk, wanted, person)
    _card(hand, person, blind)


def _hand(desk: Desk, wanted: Any, person: Person) -> Hand:
    hand = st.session_state.get("hand")
    if not isinstance(hand, Hand) or hand.wanted != wanted:
        if isinstance(hand, Hand):
            hand.leave()
        hand = Hand(desk, wanted, read_only=not person.decides)
        st.session_state["hand"] = hand
    return hand


@st.fragment
def _card(hand: Hand, person: Person, blind: bool) -> None:
    try:
        card = hand.current()
    except VistillError as error:
        st.error("The store could not be read; nothing that was decided is lost.")
        st.text(str(error))
        st.button("Try again", key="again")
        return
    _said()
    if card is None:
        st.success("Nothing is left in this queue.")
        _navigation(hand, None)
        return
    _buttons(hand, card, person, blind)
    with st.container(key="sample"):
        left, right = st.columns([5, 6], gap="medium")
        with left.container(gap="xsmall"):
            sample.question(card.whole.sample)
            pictures.picture(str(hand.desk.store.root), card.whole, card.id)
            _reasons(card, person)
        with right.container(gap="xsmall"):
            _chain(hand, card, person, blind)
    _more(hand, card, blind)
    hand.read_ahead()


def _said() -> None:
    """What the last press did, or why it did nothing."""
    look, text = st.session_state.pop("said", ("", ""))
    with st.container(key="said"):
        st.html(markup.chips([(look, text)]) if text else "<div>&nbsp;</div>")


def _buttons(hand: Hand, card: Card, person: Person, blind: bool) -> None:
    if st.session_state.get("editing") == card.id and person.decides:
        _edit(hand, card)
        return
    suggestion = None if blind else suggested(card)
    off = not person.decides
    with st.container(horizontal=True, key="verdicts", gap="small"):
        for label, decision, key in (("Accept", "accept", "A"), ("Reject", "reject", "X")):
            _press(hand, card, label, decision, key, off, primary=suggestion == decision)
        st.button(
            "Edit answer", key=f"edit-{card.id}", shortcut="E", on_click=_start_edit, args=(card.id,), disabled=off
        )
        _press(hand, card, "Skip", "skip", "S", off)
        _press(hand, card, "Flag", "flag", "F", off)
        if suggestion:
            st.button(f"Suggested: {suggestion}", key=f"take-{card.id}", shortcut="Enter", on_click=judge,
                      args=(hand, card.id, suggestion), disabled=off)  # fmt: skip
    _navigation(hand, card)


def _press(hand: Hand, card: Card, label: str, decision: str, key: str, off: bool, *, primary: bool = False) -> None:
    st.button(label, key=f"{decision}-{card.id}", shortcut=key, on_click=judge, args=(hand, card.id, decision),
              disabled=off, type="primary" if primary else "secondary")  # fmt: skip


def _navigation(hand: Hand, card: Card | None) -> None:
    with st.container(horizontal=True, key="navigation", gap="small", vertical_alignment="center"):
        st.button("Back", key=f"back-{hand.at}", shortcut="Left", on_click=hand.step, args=(-1,), disabled=hand.at == 0)
        st.button("Next", key=f"next-{hand.at}", shortcut="Right", on_click=hand.step, args=(1,), disabled=card is None)
        st.button("Undo", key=f"undo-{len(hand.done)}", shortcut="Backspace", on_click=_undo, args=(hand,),
                  disabled=not hand.done)  # fmt: skip
        st.button("Help", key="help", shortcut="H", on_click=_toggle_help)
        if card is not None:
            told = f"{hand.at + 1} in hand · {len(hand.done)} decided here"
            st.text(told + (f" · {DONE[card.decided]}" if card.decided in DONE else ""))
    if st.session_state.get("helping"):
        st.html(markup.chips([("", f"{key}: {what}") for key, what in KEYS]))


def suggested(card: Card) -> str | None:
    """What verification suggests: accept a right answer, reject a wrong one."""
    return {"correct": "accept", "wrong": "reject"}.get(card.row["verdict"] or "")


def judge(hand: Hand, card_id: str, decision: str, **rest: Any) -> None:
    """Record the decision and say what it did."""
    card = hand.cards[hand.at] if hand.at < len(hand.cards) else None
    chosen = st.session_state.get(f"why-{card_id}") or []
    if decision == "reject" and chosen:
        rest["reason"] = ", ".join(chosen)
    started = time.monotonic()
    try:
        wrong = hand.decide(card_id, decision, blind=bool(st.session_state.get("blind")), **rest)
        said = ("bad", wrong) if wrong or card is None else ("good", effect(hand, card, decision))
    except StoreError as error:
        said = ("bad", f"Not saved, press again: {error}")
    except VistillError as error:
        said = ("bad", f"Not saved: {error}")
    st.session_state["said"] = said
    st.session_state["saved_in"] = time.monotonic() - started
    if said[0] == "good":
        st.session_state.pop("editing", None)


def effect(hand: Hand, card: Card, decision: str) -> str:
    """What the decision did to the sample's split, in words."""
    name = str(card.row["sample_id"])[:60]
    if decision == "flag":
        return f"{name}: flagged"
    found = hand.desk.effect(*card.key)
    if found is None or found["verdict"] == "conflict":
        return f"{name}: {DONE.get(decision, 'marked')}" + ("; annotators disagree" if found else "")
    if found["before"] == found["after"]:
        return f"{name}: {DONE.get(decision, 'marked')}; split stays {found['after']}"
    return f"{name}: {DONE.get(decision, 'marked')}; split {found['before']} → {found['after']}"


def _undo(hand: Hand) -> None:
    wrong = hand.undo()
    card = hand.cards[hand.at] if hand.at < len(hand.cards) else None
    done = f"{str(card.row['sample_id'])[:60]}: taken back" if card else ""
    st.session_state["said"] = ("bad", wrong) if wrong else ("wait", done)


def _start_edit(card_id: str) -> None:
    st.session_state["editing"] = card_id


def _toggle_help() -> None:
    st.session_state["helping"] = not st.session_state.get("helping")


def _edit(hand: Hand, card: Card) -> None:
    """The right answer, a mended trace when wanted, a note; other keys rest meanwhile."""
    text = spoken(card)
    with st.form(f"form-{card.id}"):
        answer = st.text_input("Right answer", value=str((card.whole.sample or {}).get("reference") or ""))
        mended = st.text_area("Trace", value=text, height=160, help="Change it only to mend it.")
        note = st.text_input("Note", max_chars=4000)
        with st.container(horizontal=True):
            save = st.form_submit_button("Save", shortcut="Ctrl+Enter", type="primary")
            leave = st.form_submit_button("Leave", shortcut="Esc")
    if save:
        reference = (card.whole.sample or {}).get("reference")
        judge(hand, card.id, "edit", edited_answer=answer.strip() or reference, note=note or None,
              edited_trace=mended if mended != text else None)  # fmt: skip
        st.rerun(scope="fragment")
    if leave:
        st.session_state.pop("editing", None)
        st.rerun(scope="fragment")


def _reasons(card: Card, person: Person) -> None:
    key = f"why-{card.id}"
    chosen: list[str] = st.session_state.setdefault(key, [])
    st.html(markup.label("Reasons to reject"))
    with st.container(horizontal=True, key="reasons", gap="xsmall"):
        for at, reason in enumerate(REASONS, start=1):
            st.button(
                reason, key=f"why-{at}-{card.id}", shortcut=str(at), on_click=_choose, args=(key, reason),
                type="primary" if reason in chosen else "secondary", disabled=not person.decides,
            )  # fmt: skip


def _choose(key: str, reason: str) -> None:
    chosen = st.session_state.get(key) or []
    st.session_state[key] = [each for each in chosen if each != reason] if reason in chosen else [*chosen, reason]


def spoken(card: Card) -> str:
    """The trace that speaks for the sample, after rewriting: what a decision is about."""
    return texts(card)[1]


def texts(card: Card) -> tuple[str, str]:
    """The trace before and after rewriting; the first is '' when nothing was rewritten."""
    draw = sample.chosen(card.whole)
    before, rewrite = (sample.value_of(card.whole, step, draw) for step in ("distill", "rewrite"))
    drawn = str(before.get("raw") or "") if isinstance(before, dict) else str(before or "")
    value = rewrite if isinstance(rewrite, dict) else {}
    after = str(value.get("text") or value.get("raw") or "")
    return (drawn, after) if after and after != drawn else ("", after or drawn)


def _chain(hand: Hand, card: Card, person: Person, blind: bool) -> None:
    before, after = texts(card)
    if not after:
        st.info("No trace was drawn for this sample.")
        return
    was, now = parse(before), parse(after)
    found = sample.value_of(card.whole, "cues", 0)
    cues = list(found.get("cues") or {}) if isinstance(found, dict) else []
    question = str((card.whole.sample or {}).get("question") or "")
    think = now.think or ("" if now.answer else after)
    steps = trace.runs_by_step(was.think, think, cues, question)
    legend = [("wait", "reflection")] if cues else []
    kinds = {kind for runs in steps for kind, _ in runs}
    legend += [("bad", "taken out by the rewrite"), ("good", "put in")] if kinds & {"removed", "added"} else []
    legend += [("bad", "reads a description")] if "leak" in kinds else []
    st.html(markup.label(f"Think · {len(steps)} steps") + (markup.chips(legend) if legend else ""))
    wrong = card.notes.get("wrong") or 0
    trace.draw_steps(card.id, steps, wrong=wrong, marks=person.decides, on_mark=lambda: _mark(hand))
    answer = markup.difference(was.answer, now.answer) if was.answer else [("same", now.answer or "(empty)")]
    st.html(markup.label("Answer") + markup.box(answer or [("same", now.answer)], look="answer"))
    if now.faults:
        st.text(f"Format: {', '.join(now.faults)}")
    if not blind:
        _side(hand, card)


def _mark(hand: Hand) -> None:
    said = trace.marked()
    card = hand.cards[hand.at] if hand.at < len(hand.cards) else None
    if said is None or card is None:
        return
    judge(hand, said[0], "first_wrong_step", first_wrong_step=said[1])
    if said[0] == card.id and st.session_state["said"][0] == "good":
        card.notes["wrong"] = said[1]


def _side(hand: Hand, card: Card) -> None:
    """Verdict, rewards, pass rate, what others said, model and cost."""
    draw = sample.chosen(card.whole)
    verdict = sample.value_of(card.whole, "verify", draw)
    sample.judged(card.whole, verdict if isinstance(verdict, dict) else {})
    if parts := rewards(card):
        st.html(markup.label("Rewards") + markup.chips([("", f"{name}: {value}") for name, value in parts]))
    row = card.row
    facts = [f"split {row['split']}", f"source {row['source']}", f"kind {row['kind']}"]
    facts += [f"confidence {row['confidence']:.2f}"] if row["confidence"] is not None else []
    facts += [f"cost ${row['cost']:.4f}"] if row["cost"] is not None else []
    st.html(markup.label("Sample") + markup.chips([("", fact[:120]) for fact in [*facts, *sample.models(card.whole)]]))
    if others := [said for said in hand.desk.said(*card.key) if said["annotator"] != hand.wanted.annotator]:
        st.html(
            markup.label("Others")
            + markup.chips([("", f"{o['annotator']}: {o['decision'] or 'flag'}") for o in others])
        )


def rewards(card: Card) -> list[tuple[str, str]]:
    """Reward components that steps wrote under `rewards` or `components`."""
    found = []
    for row in card.whole.outcomes:
        value = row["value"] if isinstance(row["value"], dict) else {}
        parts = value.get("rewards") or value.get("components")
        if isinstance(parts, dict):
            found += [(str(name)[:60], f"{part:.3g}") for name, part in parts.items() if isinstance(part, int | float)]
    return found[:24]


def _more(hand: Hand, card: Card, blind: bool) -> None:
    caption = sample.value_of(card.whole, "caption", 0)
    text = str(caption.get("raw") or "") if isinstance(caption, dict) else str(caption or "")
    if text and not blind:
        with st.expander("Caption"):
            st.text(text)
    if not blind and st.toggle("Steps and raw calls", key=f"calls-{card.id}"):
        sample.trail(str(hand.desk.store.root), card.whole)
