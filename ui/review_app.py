"""`vistill review`: the pages for people who judge and lead, under one navigation."""

import os
from collections.abc import Callable
from functools import partial

import streamlit as st

from curation.errors import StoreError, VistillError
from storage.desk import Desk
from storage.store import Store
from ui import agreement_page, bulk_page, corpus_page, filters, freshness, live_page, review, sql_page, training_page
from ui.markup import CSS
from ui.people import Person, sign_out, who

LAYOUT = """
<style>
.block-container { padding-top: 4.3rem; padding-bottom: 2rem; max-width: 1720px; }
.st-key-said { min-height: 1.6rem; }
.st-key-reasons button { min-height: 1.75rem; padding: .05rem .5rem; }
.st-key-reasons button p { font-size: .82rem; }
.st-key-verdicts button { padding-left: .6rem; padding-right: .6rem; }
.st-key-metrics [data-testid="stMetricValue"] { font-size: 1.5rem; }
[data-testid="stButtonGroup"] button p { color: #1e3a8a !important; }
@media (prefers-color-scheme: dark) { [data-testid="stButtonGroup"] button p { color: #dbeafe !important; } }
button kbd { opacity: 1 !important; color: inherit !important; }
.st-key-verdicts { row-gap: .4rem; }
[data-testid="stSidebarHeader"] { height: 2.5rem; }
@media (max-width: 1000px) {
  :is(.st-key-sample, .st-key-halves) [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) {
    flex-wrap: wrap;
  }
  :is(.st-key-sample, .st-key-halves) [data-testid="stColumn"] { min-width: 100%; }
}
</style>
"""


@st.cache_resource(show_spinner="Opening the store …")
def desk(root: str) -> Desk:
    """One desk for all sessions of this server."""
    return Desk(Store.open(root, create=False))


def main() -> None:
    """Who it is, then the page picked; what is wrong with the store is said on it."""
    st.set_page_config(page_title="Vistill review", layout="wide", initial_sidebar_state=260)
    st.html(CSS + LAYOUT)
    person = who()
    filters.keep()
    try:
        opened = desk(os.environ.get("VISTILL_STORE", "store"))
        opened.take_in()
        pages = {
            path: st.Page(partial(page, opened, person), title=title, url_path=path, default=path == "review")
            for title, path, page in PAGES
            if path in TELL_NOTHING or not filters.kept_blind(person)
        }
        picked = st.navigation(list(pages.values()), position="top")
        if wanted := st.session_state.pop("go", None):
            st.switch_page(pages[wanted])
        picked.run()
        with st.sidebar if picked.url_path in FILTERED else st.container(horizontal=True, key="foot"):
            freshness.note(opened)
            st.text(f"{person.name} · {person.role}")
            sign_out()
    except StoreError as error:
        st.error("The store cannot be read; nothing that was decided is lost.")
        st.text(str(error))
    except VistillError as error:
        st.error("This page could not be drawn; nothing that was decided is lost.")
        st.text(str(error))


TELL_NOTHING = ("review", "training")  # the pages without a word on what was decided about samples
FILTERED = ("", "bulk")  # the pages with filters in the sidebar
PAGES: tuple[tuple[str, str, Callable[[Desk, Person], None]], ...] = (
    ("Review", "review", review.page),
    ("Bulk", "bulk", bulk_page.page),
    ("Agreement", "agreement", agreement_page.page),
    ("Corpus", "corpus", corpus_page.page),
    ("Live run", "live", live_page.page),
    ("Training", "training", training_page.page),
    ("SQL", "sql", sql_page.page),
)
