"""One sample: picture and question, the trace with its cues and what was mended in it, the verdict, the calls."""

import io
from pathlib import Path
from typing import Any

import orjson
import streamlit as st
from PIL import Image, UnidentifiedImageError

from curation.answers import parse
from curation.errors import StoreError
from curation.reasons import REASONS
from storage.store import Store
from ui import markup
from ui.gallery import fate_of
from ui.reading import PICTURE_SECONDS, Row, Whole, call, whole

WIDEST = 1600  # pixels of a picture sent to the browser


def show(root: str, run: Row, row: Row) -> None:
    """The whole sample."""
    found = whole(root, run["run_id"], row["sample_id"], row["sample_key"])
    st.html(markup.chips(heading(row, found)))
    if row["reason"] or row["detail"]:
        detail = f"({row['detail']})" if row["detail"] not in (None, "", row["reason"]) else ""
        st.text(" ".join(filter(None, [REASONS.get(row["reason"] or "", ""), detail])))
    with st.container(key="sample"):
        left, right = st.columns([4, 5], gap="medium")
        with left.container(gap="xsmall"):
            picture(root, found.sample)
            question(found.sample)
        with right.container(gap="xsmall"):
            chain(run, found)
    with_more(root, run, found)


def heading(row: Row, found: Whole) -> list[tuple[str, str]]:
    """Id, fate, kind and difficulty as chips."""
    look = {"kept": "good", "pending": "wait"}.get(row["fate"], "bad")
    fate = fate_of(row) if row["fate"] == "kept" else f"{row['fate']} at {row['step']}: {fate_of(row)}"
    sample = found.sample or {}
    more = [str(sample[name]) for name in ("kind", "difficulty") if sample.get(name)]
    return [("", row["sample_id"][:120]), (look, fate), *(("", text) for text in more)]


def picture(root: str, sample: Row | None) -> None:
    """The picture, made to fit; a word when there is none or its file is lost."""
    if sample is None or not sample["image"]:
        st.info("This row has no picture.")
        return
    shown = fitted(root, sample["image"], sample["format"] or "")
    if shown is None:
        st.warning("The picture's file is missing or damaged; `vistill fsck` lists all such files.")
        return
    wide = bool(sample["width"] and sample["width"] > 420)
    st.image(shown, width="stretch" if wide else "content", alt="The sample's picture")


@st.cache_data(ttl=PICTURE_SECONDS, max_entries=64, show_spinner=False)
def fitted(root: str, sha256: str, format: str) -> bytes | None:
    """The picture as PNG bytes, no wider or higher than `WIDEST`; None when its file cannot be shown."""
    try:
        with Image.open(io.BytesIO(Store(Path(root)).read_image(sha256, format))) as opened:
            shown = opened.convert("RGBA" if opened.mode in ("P", "LA", "RGBA", "PA") else "RGB")
    except (StoreError, UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    shown.thumbnail((WIDEST, WIDEST))
    out = io.BytesIO()
    shown.save(out, "PNG")
    return out.getvalue()


def question(sample: Row | None) -> None:
    """Question, options and reference."""
    if sample is None:
        st.text("The row was rejected before a sample was made of it.")
        return
    options = [f"{option['letter']}.  {option['text']}" for option in sample["options"]]
    labelled("Question", "\n".join([sample["question"], *options]))
    labelled("Reference", "none given" if sample["reference"] is None else sample["reference"])


def labelled(name: str, text: str) -> None:
    """Plain text under a small heading."""
    with st.container(gap=None):
        st.html(markup.label(name))
        st.text(text)


def chain(run: Row, found: Whole) -> None:
    """The trace of one draw: think and answer apart, mended leaks and cues in place, then the verdict."""
    draw = pick_draw(found)
    before, rewrite, verdict = (value_of(found, step, draw) for step in ("distill", "rewrite", "verify"))
    text = before.get("raw", "") if isinstance(before, dict) else str(before or "")
    value = rewrite if isinstance(rewrite, dict) else {}
    after = str(value.get("text") or value.get("raw") or text)
    if not after:
        st.info("No trace was drawn for this sample.")
        return
    was, now = parse(text), parse(after)
    cues = value_of(found, "cues", 0)
    names = list(cues.get("cues", {})) if isinstance(cues, dict) and draw == chosen(found) else []
    legend(names, value)
    for name, old, new in (("think", was.think, now.think), ("answer", was.answer, now.answer)):
        runs = markup.difference(old, new) if text and (old or new) else [("same", new or "(empty)")]
        shown = [("same", new)] if runs is None else runs
        st.html(markup.label(name) + markup.box(shown, names, whole_words=_whole_words(run), look=name))
        if runs is None:
            changes(value)
    if now.faults:
        st.text(f"Format: {', '.join(now.faults)}")
    judged(found, verdict if isinstance(verdict, dict) else {})
    if found.calls:
        st.html(markup.label("Models") + markup.chips(("", text) for text in models(found)))


def pick_draw(found: Whole) -> int:
    """Which draw to show; the one that speaks for the sample at first."""
    drawn = sorted({row["draw"] for row in found.outcomes if row["step"] == "distill"})
    if len(drawn) < 2:
        return drawn[0] if drawn else 0
    ends = {row["draw"]: row for row in found.outcomes if row["in_draws"]}
    speaks = chosen(found)
    names = {n: f"Draw {n + 1}: {_end(ends[n])}" for n in drawn}
    picked: int = st.selectbox(
        "Draw", drawn, index=drawn.index(speaks) if speaks in drawn else 0, format_func=lambda n: names[n]
    )
    return picked


def _end(last: Row) -> str:
    return "verified" if last["status"] == "ok" else f"lost at {last['step']}, {last['reason']}"


def chosen(found: Whole) -> int:
    """The draw that speaks for the sample."""
    value = value_of(found, "draws", 0)
    return int(value.get("chosen") or 0) if isinstance(value, dict) else 0


def value_of(found: Whole, step: str, draw: int) -> Any:
    """What `step` wrote in `draw`; None when it did not."""
    return next((row["value"] for row in found.outcomes if (row["step"], row["draw"]) == (step, draw)), None)


def legend(cues: list[str], rewrite: Row) -> None:
    """What the marks in the trace mean, as far as there are any."""
    items = [("wait", "reflection: " + ", ".join(cues)[:200])] if cues else []
    if rewrite.get("asked"):
        leaks = [str(leak) for leak in rewrite.get("leaks") or []]
        items += [("bad", f"caption leak removed: {', '.join(leaks)[:200]}"), ("good", "put in by the rewriter")]
    if items:
        st.html(markup.chips(items))


def changes(rewrite: Row) -> None:
    """What the rewriter changed, when the texts are too long to show it in place."""
    pairs = (rewrite.get("diff") or [])[:50]
    runs = [run for old, new in pairs for run in (("removed", old), ("added", new), ("same", "\n")) if run[1]]
    if runs:
        st.html(markup.label("Changed words") + markup.box(runs))


def judged(found: Whole, verdict: Row) -> None:
    """Verdict, by whom and why; the answer found; the pass rate with its interval."""
    right = verdict.get("correct")
    look, word = ("good", "correct") if right else ("bad", "wrong") if right is False else ("wait", "undecided")
    items = []
    if verdict:
        items.append((look, f"{word} · {verdict.get('source', '?')}: {verdict.get('reason', '?')}"))
        items.append(("", f"answer read: {str(verdict.get('extracted', ''))[:200]}"))
    if rate := found.pass_rate:
        between = f"between {rate['low']:.0%} and {rate['high']:.0%}"
        items.append(("", f"pass rate {rate['correct']} of {rate['k']} ({between})"))
    if not items:
        st.text("Not verified yet.")
        return
    st.html(markup.label("Verdict") + markup.chips(items))


def models(found: Whole) -> list[str]:
    """`step: model` for every model asked about the sample, each once, in the order of the steps."""
    by_key = {item["key"]: item for item in found.calls}
    asked = [(row["step"], by_key[key]) for row in found.outcomes for key in row["calls"] or () if key in by_key]
    return list(dict.fromkeys(f"{step}: {item['model']}"[:120] for step, item in asked))


def _whole_words(run: Row) -> bool:
    settings = orjson.loads(run["settings"] or "{}")
    return bool((settings.get("settings") or {}).get("match_mode") == "word")


def with_more(root: str, run: Row, found: Whole) -> None:
    """Caption, context, steps and calls, folded away."""
    caption = value_of(found, "caption", 0)
    sample = found.sample or {}
    texts = {
        "Caption": caption.get("raw") if isinstance(caption, dict) else caption,
        "Context from the source": sample.get("context"),
        "Solution from the source": sample.get("solution"),
    }
    with st.expander("Caption and context", expanded=False):
        for name, text in texts.items():
            if text:
                st.html(markup.label(name) + markup.box([("same", str(text))]))
        if not any(texts.values()):
            st.text("None.")
    with st.expander("Steps and calls"):
        trail(root, found)


CALL_COLUMNS = {
    "Teacher": "teacher",
    "Model": "model",
    "Status": "status",
    "Tokens in": "prompt_tokens",
    "Tokens out": "completion_tokens",
    "Cost": "cost",
    "Seconds": "seconds",
    "Tries": "attempts",
}


def trail(root: str, found: Whole) -> None:
    """A row a step and draw; a row a call; and the words of one call."""
    st.dataframe([_step_row(row) for row in found.outcomes], hide_index=True)
    if not found.calls:
        st.text("No model was asked.")
        return
    asked_by = {key: row for row in found.outcomes for key in row["calls"] or ()}
    calls = [_call_row(asked_by[item["key"]], item) for item in found.calls]
    st.dataframe(calls, hide_index=True)
    names = [f"{at + 1}. {row['Step']}, draw {row['Draw']}: {row['Model']}" for at, row in enumerate(calls)]
    at = st.selectbox("Words of a call", range(len(calls)), format_func=lambda at: names[at])
    words(call(root, found.calls[at]["key"]))


def _step_row(row: Row) -> Row:
    detail = (row["detail"] or "")[:300]
    return {
        "Step": row["step"],
        "Draw": row["draw"] + 1,
        "Status": row["status"],
        "Reason": row["reason"],
        "Detail": detail,
    }


def _call_row(outcome: Row, item: Row) -> Row:
    shown = {name: item[field] for name, field in CALL_COLUMNS.items()}
    return {"Step": outcome["step"], "Draw": outcome["draw"] + 1, **shown}


def words(said: Row) -> None:
    """The messages of a call and what came back."""
    texts = {"Asked": asked(said["request"]), "Chain given apart": said["reasoning"], "Replied": said["reply"]}
    for name, text in texts.items():
        if text:
            st.html(markup.label(name) + markup.box([("same", text)]))


def asked(request: str | None) -> str:
    """The messages of a stored request, each under its role; the request as stored when it has another form."""
    try:
        messages = orjson.loads(request or "{}")["messages"]
        return "\n\n".join(f"[{message['role']}]\n{_content(message['content'])}" for message in messages)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return request or ""


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] if "text" in part else f"[{part.get('type', 'part')}]" for part in content)
