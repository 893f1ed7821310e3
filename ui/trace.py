"""The trace as steps: what the rewrite took out and put in, reflection cues, leaks that remain, the first wrong step.

A Streamlit component (v2) that writes every word by `textContent`. Which text is which kind is worked out here.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from curation.steps.leaks import leaks
from curation.steps.steps_of import step_spans
from ui.markup import LONGEST, Run, difference, word_pattern

PLACE = Path(__file__).parent / "static"
OnMark = Callable[[], None]

_viewer = st.components.v2.component(
    "vistill_trace",
    html="<ol tabindex='0'></ol>",
    css=(PLACE / "trace.css").read_text(),
    js=(PLACE / "trace.js").read_text(),
)


def draw_steps(name: str, steps: Sequence[Sequence[Run]], *, wrong: int, marks: bool, on_mark: OnMark) -> None:
    """Draw the steps; `on_mark` is called when one was marked, see `marked`."""
    data = {"id": name, "steps": [[list(run) for run in runs] for runs in steps], "wrong": wrong, "marks": marks}
    _viewer(key="trace", data=data, on_mark_change=on_mark)


def marked() -> tuple[str, int] | None:
    """The (card, step) that was marked just now; step 0 takes the mark away."""
    said: Any = (st.session_state.get("trace") or {}).get("mark")
    if not isinstance(said, dict) or not isinstance(said.get("step"), int | float):
        return None
    return str(said.get("id")), int(said["step"])


def runs_by_step(
    before: str, after: str, cues: Sequence[str] = (), question: str = "", *, whole_words: bool = False
) -> list[list[Run]]:
    """The steps of `after`, each as runs: same, added, removed (out of `before`), cue, leak.

    Texts too long to compare show `after` alone; beyond `LONGEST` characters they are cut.
    """
    after = after[:LONGEST]
    changed = difference(before, after) if before else None
    spans = step_spans(after)
    if not spans:
        return []
    steps: list[list[Run]] = [[] for _ in spans]
    starts = [start for start, _ in spans]
    for place, kind, text in _placed(changed or [("same", after)]):
        for at, part in _cut(place, kind, text, starts):
            steps[at].append((kind, part))
    cue = word_pattern(cues, whole_words)
    leak = word_pattern(sorted(set(leaks(after, question))), False)
    return [[piece for run in runs for piece in _marked(run, cue, leak)] for runs in steps]


def _placed(runs: Sequence[Run]) -> Iterator[tuple[int, str, str]]:
    """Every run with its place in the text after the change; what was removed has no length there."""
    place = 0
    for kind, text in runs:
        yield place, kind, text
        place += 0 if kind == "removed" else len(text)


def _cut(place: int, kind: str, text: str, starts: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The run's parts by the step they belong to."""
    at = max(0, bisect_right(starts, place) - 1)
    if kind == "removed":
        yield at, text
        return
    while text:
        room = starts[at + 1] - place if at + 1 < len(starts) else len(text)
        yield at, text[:room]
        place, text, at = place + room, text[room:], at + 1


def _marked(run: Run, cue: "re.Pattern[str] | None", leak: "re.Pattern[str] | None") -> Iterator[Run]:
    kind, text = run
    if kind == "removed":
        yield run
        return
    for piece_kind, piece in _found(kind, text, leak, "leak"):
        yield from [(piece_kind, piece)] if piece_kind == "leak" else _found(kind, piece, cue, "cue")


def _found(kind: str, text: str, pattern: "re.Pattern[str] | None", name: str) -> Iterator[Run]:
    end = 0
    for found in pattern.finditer(text) if pattern else ():
        if text[end : found.start()]:
            yield kind, text[end : found.start()]
        yield name, found[0]
        end = found.end()
    if text[end:]:
        yield kind, text[end:]
