"""The right side of a sample in review: its trace as steps, the answer, verdict, rewards, cost, and what others said.

Below them, folded away: the caption, and every step with the raw calls behind it. Blind people see the trace only.
"""

import streamlit as st

from curation.answers import parse
from curation.reasons import REASONS
from ui import markup, sample, trace
from ui.hand import Card, Hand

MOST_REWARDS = 24


def texts(card: Card) -> tuple[str, str]:
    """The trace before and after rewriting; the first is '' when nothing was rewritten."""
    draw = sample.chosen(card.whole)
    before, rewrite = (sample.value_of(card.whole, step, draw) for step in ("distill", "rewrite"))
    drawn = str(before.get("raw") or "") if isinstance(before, dict) else str(before or "")
    value = rewrite if isinstance(rewrite, dict) else {}
    after = str(value.get("text") or value.get("raw") or "")
    return (drawn, after) if after and after != drawn else ("", after or drawn)


def spoken(card: Card) -> str:
    """The trace that speaks for the sample, after rewriting: what a decision is about."""
    return texts(card)[1]


def chain(card: Card, *, marks: bool, on_mark: trace.OnMark) -> None:
    """Think as steps, then the answer; `marks` lets a step be marked as the first wrong one."""
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
    st.html(markup.label(f"Think · {len(steps)} steps") + legend(steps))
    trace.draw_steps(card.id, steps, wrong=card.notes.get("wrong") or 0, marks=marks, on_mark=on_mark)
    answer = markup.difference(was.answer, now.answer) if was.answer else None
    st.html(markup.label("Answer") + markup.box(answer or [("same", now.answer or "(empty)")], look="answer"))
    if now.faults:
        st.text(f"Format: {', '.join(now.faults)}")


def legend(steps: list[list[markup.Run]]) -> str:
    """What the marks mean, for the marks there are."""
    kinds = {kind for runs in steps for kind, _ in runs}
    named = (("cue", "wait", "reflection"), ("removed", "bad", "taken out by the rewrite"),
             ("added", "good", "put in"), ("leak", "bad", "reads a description"))  # fmt: skip
    items = [(look, text) for kind, look, text in named if kind in kinds]
    return markup.chips(items) if items else ""


def side(hand: Hand, card: Card) -> None:
    """Verdict, rewards, pass rate, fate, model and cost, and what others said."""
    verdict = sample.value_of(card.whole, "verify", sample.chosen(card.whole))
    sample.judged(card.whole, verdict if isinstance(verdict, dict) else {})
    if parts := rewards(card):
        st.html(markup.label("Rewards") + markup.chips([("", f"{name}: {value}") for name, value in parts]))
    st.html(markup.label("Sample") + markup.chips([(look, text[:120]) for look, text in facts(card)]))
    others = [said for said in hand.desk.said(*card.key) if said["annotator"] != hand.wanted.annotator]
    if others:
        said = [("", f"{o['annotator']}: {o['decision'] or 'flag'}{_why(o['reason'])}") for o in others]
        st.html(markup.label("Others") + markup.chips(said))


def _why(reason: str | None) -> str:
    return f" ({reason[:80]})" if reason else ""


def facts(card: Card) -> list[tuple[str, str]]:
    """Chips: where the sample stands, where it comes from, who was asked and at what cost."""
    row = card.row
    found = [("", f"split {row['split']}")]
    if row["fate"] != "kept":
        meaning = REASONS.get(row["reason"] or "", row["reason"] or "")
        found.append(("bad", f"{row['fate']} at {row['left_at']}: {meaning}"))
    found += [("", f"source {row['source']}"), ("", f"kind {row['kind']}")]
    found += [("", f"confidence {row['confidence']:.2f}")] if row["confidence"] is not None else []
    found += [("", f"cost ${row['cost']:.4f}")] if row["cost"] is not None else []
    return found + [("", name) for name in sample.models(card.whole)]


def rewards(card: Card) -> list[tuple[str, str]]:
    """Reward components that steps wrote under `rewards` or `components`."""
    found: list[tuple[str, str]] = []
    for row in card.whole.outcomes:
        value = row["value"] if isinstance(row["value"], dict) else {}
        parts = value.get("rewards") or value.get("components")
        if isinstance(parts, dict):
            found += [(str(name)[:60], f"{part:.3g}") for name, part in parts.items() if isinstance(part, int | float)]
    return found[:MOST_REWARDS]


def more(hand: Hand, card: Card) -> None:
    """The caption; the steps and raw calls once asked for by `L`."""
    caption = sample.value_of(card.whole, "caption", 0)
    text = str(caption.get("raw") or "") if isinstance(caption, dict) else str(caption or "")
    open_ = st.session_state.get("calls") == card.id
    st.button("Hide steps and raw calls" if open_ else "Steps and raw calls", key=f"calls-{card.id}", shortcut="L",
              on_click=_toggle_calls, args=(card.id,))  # fmt: skip
    if open_:
        sample.trail(str(hand.desk.store.root), card.whole)
    if text:
        with st.expander("Caption"):
            st.text(text)


def _toggle_calls(card_id: str) -> None:
    st.session_state["calls"] = None if st.session_state.get("calls") == card_id else card_id
