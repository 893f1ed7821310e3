"""How long a Hub that says nothing is waited for: `huggingface_hub` itself waits for ever in most of its calls."""

import os
from typing import TYPE_CHECKING

from curation.errors import ConfigError

if TYPE_CHECKING:
    import httpx2

VARIABLE = "VISTILL_HUB_TIMEOUT"
SECONDS = 120.0
"""Without a word or a byte, a commit of many files included; not how long a call may take in all."""


def seconds() -> float:
    """What `VISTILL_HUB_TIMEOUT` says. Raises `ConfigError` for what is no number of seconds."""
    text = os.environ.get(VARIABLE, "")
    try:
        found = float(text or SECONDS)
    except ValueError:
        found = 0.0
    if not 0 < found <= 86_400:
        raise ConfigError(VARIABLE, text, "must be seconds, above 0 and up to 86,400")
    return found


def bound() -> None:
    """From now on every call of `huggingface_hub` in this process gives up after that long, whatever it asks for."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    most = seconds()

    def impatient(request: "httpx2.Request") -> None:
        asked = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            name: most if asked.get(name) is None else asked[name] for name in ("connect", "read", "write", "pool")
        }

    def factory() -> "httpx2.Client":
        client = default_client_factory()
        client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks["request"], impatient]}
        return client

    set_client_factory(factory)


def sentence(error: BaseException) -> str:
    """A time-out for people, "" for another error."""
    import httpx2

    if not isinstance(error, httpx2.TimeoutException):
        return ""
    return f"the Hub does not answer ({type(error).__name__}; {VARIABLE} sets how many seconds it is waited for)"
