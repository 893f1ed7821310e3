"""Where keys go on the review page: Enter to the button that Tab has reached and to no other, typing to a new form."""

from pathlib import Path

import streamlit as st

_guard = st.components.v2.component(
    "vistill_keys", html="", js=(Path(__file__).parent / "static" / "keys.js").read_text(), isolate_styles=False
)


def guard() -> None:
    """Install it once a window; draws nothing."""
    _guard(key="keys", height=1)
