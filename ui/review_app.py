"""`vistill review`: the pages for people who judge and lead, under one navigation."""

import os
from collections.abc import Callable
from functools import partial

import streamlit as st

from curation.errors import StoreError
from storage.desk import Desk
from storage.store import Store
from ui import review
from ui.markup import CSS
from ui.people import Person, who

LAYOUT = """
<style>
.block-container { padding-top: 3.4rem; padding-bottom: 2rem; max-width: 1720px; }
.st-key-said { min-height: 1.6rem; }
.st-key-reasons button { min-height: 1.75rem; padding: .05rem .5rem; }
.st-key-reasons button p { font-size: .82rem; }
.st-key-verdicts { row-gap: .4rem; }
[data-testid="stSidebarHeader"] { height: 2.5rem; }
@media (max-width: 1000px) {
  .st-key-sample [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) { flex-wrap: wrap; }
  .st-key-sample [data-testid="stColumn"] { min-width: 100%; }
}
</style>
"""


@st.cache_resource(show_spinner="Opening the store …")
def desk(root: str) -> Desk:
    """One desk for all sessions of this server."""
    return Desk(Store.open(root, create=False))


def main() -> None:
    """Who it is, then the page picked; what is wrong with the store is said on it."""
    st.set_page_config(page_title="Vistill review", layout="wide")
    st.html(CSS + LAYOUT)
    person = who()
    try:
        opened = desk(os.environ.get("VISTILL_STORE", "store"))
        opened.take_in()
        pages = [
            st.Page(partial(page, opened, person), title=title, url_path=path, default=not at)
            for at, (title, path, page) in enumerate(PAGES)
        ]
        picked = st.navigation(pages, position="top")
        picked.run()
        with st.sidebar:
            st.text(f"{person.name} · {person.role}")
    except StoreError as error:
        st.error("The store cannot be read; nothing that was decided is lost.")
        st.text(str(error))


PAGES: tuple[tuple[str, str, Callable[[Desk, Person], None]], ...] = (("Review", "review", review.page),)
