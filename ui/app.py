"""A corpus in the browser: the funnel, and each sample with its picture, trace, verdict and calls. Read-only.

Started by `vistill browse`. Everything a model or a source wrote is shown with `st.text` or `st.code`, which render no
Markdown and no HTML. Judging samples is not here yet.
"""

import json
import os
from pathlib import Path
from typing import Any

import streamlit as st

from curation.answers import parse
from storage.store import Store

PAGE = 25


@st.cache_resource
def store_at(path: str) -> Store:
    return Store.open(path, create=False)


def rows(store: Store, query: str, params: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.query(query, params).to_pylist()
    return found


def main() -> None:
    """The page."""
    st.set_page_config(page_title="Vistill", layout="wide")
    store = store_at(os.environ["VISTILL_STORE"])
    runs = rows(store, "select run_id, recipe, status from latest_runs order by started desc", [])
    if not runs:
        st.info("This store has no run yet. Start one: vistill run vlaa-thinking --source figures --teacher local")
        return
    with st.sidebar:
        st.title("Vistill")
        run = st.selectbox("Run", runs, format_func=lambda row: f"{row['recipe']} · {row['status']}")
        kept = st.segmented_control("Samples", ["verified", "left on the way", "all"], default="verified")
    overview(store, run["run_id"])
    browse(store, run["run_id"], kept or "all")


def overview(store: Store, run_id: str) -> None:
    """Three numbers and the funnel."""
    funnel = rows(
        store,
        "select step, input, kept, dropped, failed, pending from funnel_all where run_id = ? order by step_no",
        [run_id],
    )
    splits = dict(
        store.query("select split, count(*) from splits where run_id = ? group by split", [run_id])
        .to_pandas()
        .itertuples(index=False)
    )
    columns = st.columns(4)
    columns[0].metric("Rows in", funnel[0]["input"] if funnel else 0)
    columns[1].metric("Kept to the end", funnel[-1]["kept"] if funnel else 0)
    columns[2].metric("SFT", splits.get("sft", 0))
    columns[3].metric("RL", splits.get("rl", 0))
    with st.expander("Where every sample went"):
        st.dataframe(funnel, hide_index=True, width="stretch")


def browse(store: Store, run_id: str, kept: str) -> None:
    """One sample at a time."""
    where = {"verified": "and verified", "left on the way": "and left_at is not null"}.get(kept, "")
    ids = [
        row["sample_id"]
        for row in rows(store, f"select sample_id from corpus where run_id = ? {where} order by sample_id", [run_id])
    ]
    if not ids:
        st.info("No sample here yet.")
        return
    chosen = st.sidebar.selectbox("Sample", ids)
    [sample] = rows(store, "select * from corpus where run_id = ? and sample_id = ?", [run_id, chosen])
    left, right = st.columns([1, 1], gap="large")
    with left:
        picture(store, sample)
        question(sample)
    with right:
        trace(sample)
    with st.expander("Calls behind this sample"):
        calls = rows(
            store,
            "select c.* from calls c where list_contains((select flatten(list(calls)) from outcomes where sample_id = ?), c.key)",
            [chosen],
        )
        for call in calls:
            st.caption(
                f"{call['teacher']} · {call['model']} · {call['prompt_tokens']} + {call['completion_tokens']} tokens"
            )
            st.code(call["reply"], language=None, wrap_lines=True)


def picture(store: Store, sample: dict[str, Any]) -> None:
    path = store.image_path(sample["image"], sample["image_format"]) if sample["image"] else None
    if path is not None and Path(path).exists():
        st.image(str(path))
    else:
        st.warning("The picture is not in the store.")


def question(sample: dict[str, Any]) -> None:
    st.text(sample["question"])
    for option in json.loads(sample["options"] or "[]"):
        st.text(f"{option['letter']}. {option['text']}")
    st.text(f"Reference: {sample['reference']}")


def trace(sample: dict[str, Any]) -> None:
    """Think and answer apart, the verdict, and why the sample left when it did."""
    if sample["left_at"]:
        st.warning(f"left at {sample['left_at']}: {sample['left_reason']}")
    else:
        st.success(f"verified · split {sample['split']}")
    parsed = parse(sample["rewrite"] or sample["trace"] or "")
    st.caption("THINK")
    st.code(parsed.think or "(none)", language=None, wrap_lines=True)
    st.caption("ANSWER")
    st.code(parsed.answer or "(none)", language=None, wrap_lines=True)
    st.caption("CAPTION")
    st.code(sample["caption"] or "(none)", language=None, wrap_lines=True)


main()
