"""Who sits in front of the page, and what they may do.

Three ways, chosen when the server starts: a name given to `vistill review --annotator`, a header that a trusted proxy
sets, or OpenID Connect through `st.login`. `--ask-name` lets each browser say a name, for people who trust each other.
A viewer looks, an annotator decides, a lead also settles conflicts and decides in bulk.
"""

import os
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from curation.errors import ConfigError
from storage.reviews import annotator_name

Role = Literal["viewer", "annotator", "lead"]


@dataclass(frozen=True, slots=True)
class Person:
    """A name as it is stored with decisions, and a role."""

    name: str
    role: Role

    @property
    def decides(self) -> bool:
        """Whether this person may judge samples."""
        return self.role != "viewer"

    @property
    def leads(self) -> bool:
        """Whether this person may settle conflicts and act in bulk."""
        return self.role == "lead"


def who() -> Person:
    """The person of this session; stops the page with a way in when nobody is known yet."""
    match os.environ.get("VISTILL_PEOPLE", "name"):
        case "header":
            name = str(st.context.headers.get(os.environ["VISTILL_HEADER"], ""))
            if not name.strip():
                st.error("The proxy in front of this page did not say who you are.")
                st.stop()
        case "oidc":
            name = _signed_in()
        case "ask":
            name = _asked()
        case _:
            name = os.environ.get("VISTILL_ANNOTATOR", "reviewer")
    try:
        name = annotator_name(name)
    except ConfigError as error:
        st.error("This name cannot be used.")
        st.text(str(error))
        st.stop()
    return Person(name, role_of(name))


def role_of(name: str) -> Role:
    """The role that the server was started with for this name."""
    if name in _listed("VISTILL_LEADS"):
        return "lead"
    if name in _listed("VISTILL_VIEWERS"):
        return "viewer"
    given = os.environ.get("VISTILL_ROLE", "annotator")
    return given if given in ("viewer", "annotator", "lead") else "viewer"  # type: ignore[return-value]


def _listed(variable: str) -> list[str]:
    return [name for name in os.environ.get(variable, "").split("\n") if name]


def _signed_in() -> str:
    if not st.user.is_logged_in:
        st.title("Vistill", anchor=False)
        st.button("Sign in", on_click=st.login, type="primary")
        st.stop()
    if str(st.user.get("email_verified", True)).lower() == "false":
        st.error("The provider has not confirmed this address; nothing can be decided under it.")
        sign_out()
        st.stop()
    return str(st.user.get("email") or st.user.get("sub") or "")


def sign_out() -> None:
    """The way out for those who came in by OpenID Connect; nothing for others."""
    if os.environ.get("VISTILL_PEOPLE") == "oidc":
        st.button("Sign out", on_click=st.logout)


def _asked() -> str:
    if name := st.session_state.get("name"):
        return str(name)
    st.title("Vistill", anchor=False)
    with st.form("who"):
        given = st.text_input("Your name", max_chars=80, help="It is stored with every decision.")
        if st.form_submit_button("Begin", type="primary") and given.strip():
            st.session_state["name"] = given
            st.rerun()
    st.stop()
