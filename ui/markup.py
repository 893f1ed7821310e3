"""The only place that makes HTML: text of sources and models, escaped, with words marked as cues, removed or added.

What is returned goes to `st.html`, which takes no Markdown. Plain text needs none of this: `st.text` shows it as it is.
"""

import difflib
import html
import re
from collections.abc import Iterable, Sequence

Run = tuple[str, str]
"""A kind (`same`, `removed`, `added`) and its text."""

LONGEST = 200_000  # characters drawn; a reply is refused at half of it
MOST_WORDS = 6_000  # of both sides together, for a diff while somebody waits

CSS = """
<style>
.vt { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; font-size: .95rem; }
.vt-box { border: 1px solid rgba(128,128,128,.3); border-radius: .5rem; padding: .65rem .85rem; overflow-y: auto; }
.vt-think { max-height: 24rem; }
.vt-answer { max-height: 12rem; border-left: 4px solid rgba(59,130,246,.8); }
.vt mark { background: rgba(234,179,8,.32); color: inherit; border-radius: .2rem; padding: 0 .12rem; }
.vt del { background: rgba(239,68,68,.20); text-decoration: line-through; border-radius: .2rem; }
.vt ins { background: rgba(34,197,94,.24); text-decoration: none; border-radius: .2rem; }
.vt-label { margin: .35rem 0 .25rem; font-size: .75rem; letter-spacing: .06em; text-transform: uppercase; opacity: .7; }
.vt-chip { display: inline-block; border-radius: 1rem; padding: .1rem .65rem; margin: 0 .35rem .25rem 0;
  font-size: .85rem; border: 1px solid rgba(128,128,128,.35); overflow-wrap: anywhere; }
.vt-good { background: rgba(34,197,94,.18); } .vt-bad { background: rgba(239,68,68,.16); }
.vt-wait { background: rgba(234,179,8,.20); }
</style>
"""


def box(runs: Iterable[Run], cues: Sequence[str] = (), *, whole_words: bool = False, look: str = "think") -> str:
    """A framed text; cues are marked in what is not removed. `look` is think or answer."""
    inner = "".join(_drawn(kind, text, word_pattern(cues, whole_words)) for kind, text in cut(runs))
    return f'<div class="vt vt-box vt-{look}" tabindex="0">{inner}</div>'


def chips(items: Iterable[tuple[str, str]]) -> str:
    """Short labels in a row, each (look, text); looks are good, bad, wait or nothing."""
    drawn = (f'<span class="vt-chip vt-{look}">{html.escape(text)}</span>' for look, text in items)
    return f"<div>{''.join(drawn)}</div>"


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and a sign that there is more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def label(text: str) -> str:
    """A small heading over a box."""
    return f'<div class="vt-label">{html.escape(text)}</div>'


def cut(runs: Iterable[Run]) -> list[Run]:
    """The runs up to `LONGEST` characters, with a last one that says how many more there were."""
    kept: list[Run] = []
    room, lost = LONGEST, 0
    for kind, text in runs:
        kept.append((kind, text[:room]))
        lost += max(0, len(text) - room)
        room -= min(room, len(text))
    return [*kept, ("same", f"\n… {lost:,} more characters")] if lost else kept


def difference(before: str, after: str) -> list[Run] | None:
    """What a rewrite removed and added, word by word in place; None when the texts are too long to compare."""
    if before == after:
        return [("same", after)]
    old, new = re.findall(r"\s*\S+\s*", before), re.findall(r"\s*\S+\s*", after)
    if len(old) + len(new) > MOST_WORDS:
        return None
    runs: list[Run] = []
    matcher = difflib.SequenceMatcher(None, [word.strip() for word in old], [word.strip() for word in new])
    for op, i, j, k, m in matcher.get_opcodes():
        if op == "equal":
            runs.append(("same", "".join(new[k:m])))
        else:
            runs += [("removed", "".join(old[i:j])), ("added", "".join(new[k:m]))]
    return [(kind, text) for kind, text in runs if text]


def _drawn(kind: str, text: str, cue: "re.Pattern[str] | None") -> str:
    if kind == "removed":
        return f"<del>{html.escape(text)}</del>"
    inner = _marked(text, cue) if cue else html.escape(text)
    return f"<ins>{inner}</ins>" if kind == "added" else inner


def _marked(text: str, cue: "re.Pattern[str]") -> str:
    drawn, end = [], 0
    for found in cue.finditer(text):
        drawn += [html.escape(text[end : found.start()]), f"<mark>{html.escape(found[0])}</mark>"]
        end = found.end()
    return "".join([*drawn, html.escape(text[end:])])


def word_pattern(cues: Sequence[str], whole_words: bool) -> "re.Pattern[str] | None":
    """A pattern for any of these words, longest first and in any case; None for no words."""
    words = sorted(filter(None, cues), key=len, reverse=True)
    inner = "|".join(map(re.escape, words))
    if not words:
        return None
    return re.compile(rf"(?<!\w)(?:{inner})(?!\w)" if whole_words else inner, re.IGNORECASE)
