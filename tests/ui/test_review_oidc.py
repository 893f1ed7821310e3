"""Signing in by OpenID Connect against a provider of our own: who gets which role, and whose word is not taken."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.browse import free_port
from storage.store import Store
from tests.ui.built import many
from tests.ui.test_hostile import CHROMIUM
from tests.ui.test_review_browser import SOON, browser, decisions, press, said, serving, shown, sync_api

__all__ = ["browser"]
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: apt-get install chromium"),
    pytest.mark.skipif(find_spec("authlib") is None, reason="needs the extra oidc"),
]

SECRETS = """[auth]
redirect_uri = "{redirect}"
cookie_secret = "{cookie}"
client_id = "vistill"
client_secret = "not-a-secret"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[tuple[Store, str, Any]]:
    """A store, the page's address and the provider."""
    from tests.fakes.oidc_server import Provider

    store = many(tmp_path, 30)  # every tab leases six
    port = free_port(None)
    with Provider(f"http://127.0.0.1:{port}/oauth2callback") as provider:
        secrets = tmp_path / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir()
        secrets.write_text(SECRETS.format(redirect=provider.redirect, provider=provider.url, cookie="c" * 40))
        options = ("--oidc", "--lead=lea@lab.example", "--viewer=vic@lab.example")
        with serving(store, *options, port=port, home=tmp_path) as (url, _):
            yield store, url, provider


def signed_in(browser: Any, url: str) -> Any:
    """A new browser profile that has pressed the button."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url)
    page.get_by_role("button", name="Sign in").click(timeout=60_000)
    return page


def test_roles_follow_the_address_the_provider_vouches_for(signing: Any, browser: Any) -> None:
    store, url, provider = signing
    for name, role in (("lea@lab.example", "lead"), ("vic@lab.example", "viewer"), ("ann@lab.example", "annotator")):
        provider.claims = {"sub": name, "email": name, "email_verified": True}
        page = signed_in(browser, url)
        sync_api.expect(page.get_by_text(f"{name} · {role}")).to_be_visible(timeout=60_000)
        sync_api.expect(page.locator("li").first).to_be_visible(timeout=SOON)
        if role == "viewer":
            sync_api.expect(page.get_by_role("button", name="Accept").first).to_be_disabled()
        if role == "annotator":
            first = shown(page)
            press(page, "a")
            said(page, f"{first}: accepted")
            page.get_by_role("button", name="Sign out").click()
            sync_api.expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
        page.context.close()
    assert decisions(store) == [(first, "accept", "ann@lab.example")]


@pytest.mark.parametrize("case", ["forged", "unverified", "elsewhere"])
def test_a_word_that_is_not_vouched_for_gives_no_way_in(signing: Any, browser: Any, case: str) -> None:
    store, url, provider = signing
    provider.claims = {"sub": "1", "email": "lea@lab.example", "email_verified": case != "unverified"}
    provider.forged = case == "forged"
    if case == "elsewhere":
        provider.claims["aud"] = "another-client"
    page = signed_in(browser, url)
    if case == "unverified":
        sync_api.expect(page.get_by_text("has not confirmed this address")).to_be_visible(timeout=60_000)
    else:
        page.wait_for_timeout(3000)
        page.goto(url)
        sync_api.expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
    assert page.get_by_text("· lead").count() == 0
    page.context.close()
    assert decisions(store) == []
