"""Keeps the page's Enter from acting when Tab has put the focus on a button: that button alone is meant."""

from pathlib import Path

import streamlit as st

_guard = st.components.v2.component(
    "vistill_keys", html="", js=(Path(__file__).parent / "static" / "keys.js").read_text(), isolate_styles=False
)


def guard() -> None:
    """Install it once a window; draws nothing."""
    _guard(key="keys", height=1)
