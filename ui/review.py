"""The page where samples are judged: picture and question at the left, the trace and its verdicts at the right.

Every button carries the id of the sample it was drawn for; `Hand.decide` ignores a press meant for another. What is
drawn at the right is in `ui.panel`.
"""

from typing import Any

import streamlit as st

from curation.errors import StoreError, VistillError
from storage.desk import Desk, Wanted
from ui import filters, keys, markup, panel, pictures, sample, trace
from ui.hand import Card, Hand
from ui.people import Person

REASONS = (
    "wrong answer", "wrong reasoning", "guessed", "reads a description", "question unclear", "reference wrong",
    "picture unusable", "language or form", "other",
)  # fmt: skip
KEYS = (
    ("A", "accept"), ("X", "reject, with the reasons chosen"), ("E", "edit the answer"), ("S", "skip"), ("F", "flag"),
    ("Enter", "take the suggestion and go on"), ("Backspace", "take back the last decision"),
    ("Left, Right", "look at the one before or after without deciding"), ("1 to 9", "a reason"),
    ("L", "steps and raw calls"), ("H", "this list"),
)  # fmt: skip
UNCHANGED = "Nothing changed, so nothing was recorded: change the answer or the trace, or leave (Esc) and accept."
DONE = {"accept": "accepted", "reject": "rejected", "edit": "edited", "skip": "skipped", "flag": "flagged"}


def page(desk: Desk, person: Person) -> None:
    """Sidebar, then the card; only the card is drawn again for a decision."""
    wanted = filters.wanted(desk, person)
    always = filters.always_blind()
    with st.sidebar:
        blind = st.toggle("Blind", value=always, key="blind", disabled=always,
                          help="Hide verdicts, suggestions and what others decided.")  # fmt: skip
    _card(in_hand(desk, wanted, person), person, blind or always)


def in_hand(desk: Desk, wanted: Wanted, person: Person) -> Hand:
    """This tab's cards for this queue; another queue gives back what was leased for the one before."""
    hand = st.session_state.get("hand")
    if not isinstance(hand, Hand) or hand.wanted != wanted:
        settles = wanted.queue == "conflicts"
        may = person.leads if settles else person.decides
        before = hand if isinstance(hand, Hand) else None
        hand = Hand(desk, wanted, read_only=not may, adjudicates=settles)
        if before is not None:
            before.leave()
            hand.done = before.done if before.wanted.annotator == wanted.annotator else []
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
        if hand.held:
            st.info("What is left in this queue is in other hands now; it comes back within a quarter of an hour.")
        else:
            st.success("Nothing is left in this queue.")
        st.button("Look again", on_click=hand.again)
        with st.container(horizontal=True, key="verdicts", gap="small", vertical_alignment="center"):
            _navigation(hand, None)
        return
    _buttons(hand, card, blind)
    with st.container(key="sample"):
        left, right = st.columns([5, 6], gap="medium")
        with left.container(gap="xsmall"):
            sample.question(card.whole.sample)
            pictures.picture(str(hand.desk.store.root), card.whole, card.id)
        with right.container(gap="xsmall"):
            panel.chain(card, marks=not hand.read_only, on_mark=lambda: _mark(hand))
            if not blind:
                panel.side(hand, card)
    if not blind:
        panel.more(hand, card)
    keys.guard()
    hand.read_ahead()


def _said() -> None:
    """What the last press did, or why it did nothing."""
    look, text = st.session_state.pop("said", ("", ""))
    with st.container(key="said"):
        shown = markup.chips([(look, text)]) if text else "<div>&nbsp;</div>"
        st.html(f'<div role="status" aria-live="polite">{shown}</div>')


def _buttons(hand: Hand, card: Card, blind: bool) -> None:
    """The verdicts with their keys, the way about, and the reasons; or the form that edits the answer."""
    if st.session_state.get("editing") == card.id and not hand.read_only:
        _edit(hand, card)
        return
    suggestion = None if blind else suggested(card)
    off = hand.read_only
    with st.container(horizontal=True, key="verdicts", gap="small", vertical_alignment="center"):
        for label, decision, key in (("Accept", "accept", "A"), ("Reject", "reject", "X")):
            _press(hand, card, label, decision, key, suggestion)
        st.button("Edit answer", key=f"edit-{card.id}", shortcut="E", on_click=_start_edit, args=(card.id,),
                  disabled=off)  # fmt: skip
        _press(hand, card, "Skip", "skip", "S", None)
        _press(hand, card, "Flag", "flag", "F", None)
        if suggestion:
            st.button(f"Suggested: {suggestion}", key=f"take-{card.id}", shortcut="Enter", on_click=judge,
                      args=(hand, card.id, suggestion), disabled=off)  # fmt: skip
        _navigation(hand, card)
    if off:
        st.text("You may look at these; a lead settles them." if hand.adjudicates else "You may look and not decide.")
    else:
        _reasons(card)


def _press(hand: Hand, card: Card, label: str, decision: str, key: str, suggestion: str | None) -> None:
    look = "primary" if suggestion == decision else "secondary"
    st.button(label, key=f"{decision}-{card.id}", shortcut=key, on_click=judge, args=(hand, card.id, decision),
              disabled=hand.read_only, type=look)  # type: ignore[arg-type]  # fmt: skip


def _navigation(hand: Hand, card: Card | None) -> None:
    st.button("Back", key=f"back-{hand.at}", shortcut="Left", on_click=hand.go, args=(hand.at, hand.at - 1),
              disabled=hand.at == 0)  # fmt: skip
    st.button("Next", key=f"next-{hand.at}", shortcut="Right", on_click=hand.go, args=(hand.at, hand.at + 1),
              disabled=card is None)  # fmt: skip
    st.button("Undo", key=f"undo-{hand.last}", shortcut="Backspace", on_click=_undo, args=(hand, hand.last),
              disabled=not hand.last)  # fmt: skip
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
    try:
        wrong = hand.decide(card_id, decision, blind=filters.blind(), **rest)
        said = ("bad", wrong) if wrong or card is None else ("good", told(hand, card, decision))
    except StoreError as error:
        said = ("bad", f"Not saved, press again: {error}")
    except VistillError as error:
        said = ("bad", f"Not saved: {error}")
    st.session_state["said"] = said
    if said[0] == "good":
        st.session_state.pop("editing", None)


def told(hand: Hand, card: Card, decision: str) -> str:
    """What the decision was, and unless blind what it did: splits follow from verdicts and from what others decided."""
    name = str(card.row["sample_id"])[:60]
    if decision == "flag" or filters.blind():
        return f"{name}: {DONE.get(decision, 'marked')}"
    return effect(hand, card, decision, name)


def effect(hand: Hand, card: Card, decision: str, name: str) -> str:
    """What the decision did to the sample's split, in words."""
    try:
        hand.desk.take_in(at_once=True)
        found = hand.desk.effect(*card.key)
    except VistillError as error:  # the decision is on the disk all the same
        return f"{name}: {DONE.get(decision, 'marked')}; its effect cannot be shown now ({error})"
    if found is None or found["verdict"] == "conflict":
        return f"{name}: {DONE.get(decision, 'marked')}" + ("; annotators disagree" if found else "")
    if found["before"] == found["after"]:
        return f"{name}: {DONE.get(decision, 'marked')}; split stays {found['after']}"
    return f"{name}: {DONE.get(decision, 'marked')}; split {found['before']} → {found['after']}"


def _undo(hand: Hand, event: str) -> None:
    done = f"{str(hand.done[-1].card.row['sample_id'])[:60]}: taken back" if hand.done else ""
    try:
        wrong = hand.undo(event)
    except VistillError as error:
        wrong = f"Not taken back, press again: {error}"
    st.session_state["said"] = ("bad", wrong) if wrong else ("wait", done)


def _start_edit(card_id: str) -> None:
    st.session_state["editing"] = card_id


def _toggle_help() -> None:
    st.session_state["helping"] = not st.session_state.get("helping")


def _edit(hand: Hand, card: Card) -> None:
    """The right answer, a mended trace when wanted, a note; other keys rest meanwhile."""
    text = panel.spoken(card)
    reference = str((card.whole.sample or {}).get("reference") or "")
    with st.form(f"form-{card.id}"):
        st.text_input("Right answer", value=reference, key=f"answer-{card.id}")
        st.text_area("Trace", value=text, height=160, help="Change it only to mend it.", key=f"mended-{card.id}")
        st.text_input("Note", max_chars=4000, key=f"note-{card.id}")
        with st.container(horizontal=True):
            st.form_submit_button("Save", shortcut="Ctrl+Enter", type="primary", on_click=_save,
                                  args=(hand, card.id, reference, text))  # fmt: skip
            st.form_submit_button("Leave", shortcut="Esc", on_click=lambda: st.session_state.pop("editing", None))


def _save(hand: Hand, card_id: str, reference: str, text: str) -> None:
    """Record the edit; one that changes nothing says so and leaves the form open."""
    answer, mended, note = (str(st.session_state[f"{name}-{card_id}"]) for name in ("answer", "mended", "note"))
    if answer.strip() in ("", reference.strip()) and mended == text:
        st.session_state["said"] = ("wait", UNCHANGED)
        return
    judge(hand, card_id, "edit", edited_answer=answer.strip() or reference or None, note=note or None,
          edited_trace=mended if mended != text else None)  # fmt: skip


def _reasons(card: Card) -> None:
    key = f"why-{card.id}"
    chosen: list[str] = st.session_state.setdefault(key, [])
    with st.container(horizontal=True, key="reasons", gap="xsmall", vertical_alignment="center"):
        st.html(markup.label("Reasons to reject"), width="content")
        for at, reason in enumerate(REASONS, start=1):
            look = "primary" if reason in chosen else "secondary"
            st.button(reason, key=f"why-{at}-{card.id}", shortcut=str(at), on_click=_choose, args=(key, reason),
                      type=look)  # type: ignore[arg-type]  # fmt: skip


def _choose(key: str, reason: str) -> None:
    chosen = st.session_state.get(key) or []
    st.session_state[key] = [each for each in chosen if each != reason] if reason in chosen else [*chosen, reason]


def _mark(hand: Hand) -> None:
    said = trace.marked()
    card = hand.cards[hand.at] if hand.at < len(hand.cards) else None
    if said is None or card is None:
        return
    judge(hand, said[0], "first_wrong_step", first_wrong_step=said[1])
    if said[0] == card.id and st.session_state["said"][0] == "good":
        card.notes["wrong"] = said[1]
