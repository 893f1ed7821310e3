"""A corpus in the browser: the runs of a store, their funnel, and each sample with its trace and calls. Read-only.

Started by `vistill browse`, which names the store in VISTILL_STORE. Text of sources and models goes through `st.text`,
table cells or `ui.markup`, never through Markdown. Judging samples is not here yet.
"""

import os

import streamlit as st

from curation.errors import StoreError
from ui import gallery, overview, reading, sample
from ui.markup import CSS

LAYOUT = """
<style>
.block-container { padding-top: 2.2rem; padding-bottom: 3rem; max-width: 1680px; }
h1 { font-size: 1.9rem !important; padding: 0 !important; }
.st-key-metrics [data-testid="stMetricValue"] { font-size: 1.5rem; }
@media (min-width: 641px) {
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"] .st-key-list) { flex-wrap: nowrap; }
  [data-testid="stColumn"]:has(.st-key-list) { min-width: 290px; }
  [data-testid="stColumn"]:has(.st-key-list) + [data-testid="stColumn"] { min-width: 0; }
}
@media (max-width: 1200px) {
  .st-key-sample [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  .st-key-sample [data-testid="stColumn"] { min-width: 100%; }
}
</style>
"""


def main() -> None:
    """The page; what is wrong with the store is said on it."""
    st.set_page_config(page_title="Vistill", layout="wide")
    st.html(CSS + LAYOUT)
    try:
        page(os.environ.get("VISTILL_STORE", "store"))
    except StoreError as error:
        st.error("The store cannot be read.")
        st.text(str(error))


def page(root: str) -> None:
    """Run, numbers, then the samples or the funnel."""
    runs = reading.runs(root)
    if not runs:
        st.title("Vistill", anchor=False)
        st.info("This store has no run yet. Start one, then reload this page:")
        st.code("vistill run vlaa-thinking --source figures --limit 24 --teacher local", language=None)
        return
    run = overview.pick_run(runs)
    found = reading.overview(root, run["run_id"])
    overview.metrics(found)
    views = ["Samples", "Funnel"]
    view = st.segmented_control("Show", views, default="Samples", required=True, label_visibility="collapsed")
    if view == "Funnel":
        overview.funnel(found)
        return
    browse(root, run, found)


def browse(root: str, run: reading.Row, found: reading.Overview) -> None:
    """The list at the left, the picked sample at the right."""
    left, right = st.columns([5, 11], gap="medium")
    with left.container(key="list"):
        row = gallery.pick_sample(root, run["run_id"], found)
    with right:
        if row is not None:
            sample.show(root, run, row)


if os.environ.get("VISTILL_PAGE") == "review":
    from ui.review_app import main as review

    review()
else:
    main()
