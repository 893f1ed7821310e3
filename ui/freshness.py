"""Says when the store holds samples that the review index does not, and has the index built anew beside the page.

Building costs seconds to minutes and more memory than the pages may take, so another process does it; the desk takes
the new index in once it is there.
"""

import subprocess
import sys

import streamlit as st

from storage import review_index
from storage.desk import Desk


@st.cache_resource(show_spinner=False)
def _builders() -> "dict[str, subprocess.Popen[bytes]]":
    return {}


def note(desk: Desk) -> None:
    """A line and a button when the index is older than the store; nothing otherwise."""
    root = desk.store.root
    if review_index.stamp(root) == desk.index.stamp:
        return
    builder = _builders().get(str(root))
    if builder is not None and builder.poll() is None:
        st.text("Newer samples are being taken in …")
        st.button("Look again", key="index-look")
        return
    if builder is not None and builder.returncode:
        st.text("The index could not be built; the server's log says why.")
    st.text("The store has newer samples.")
    st.button("Take them in", key="index-build", on_click=build_beside, args=(desk,))


def build_beside(desk: Desk) -> None:
    """Start building, unless it is being built."""
    root = str(desk.store.root)
    builder = _builders().get(root)
    if builder is None or builder.poll() is not None:
        command = [sys.executable, "-m", "storage.review_index", root]
        _builders()[root] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
