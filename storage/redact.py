"""Calls made fit to be written down: no secret, no number that no column holds, no text that is not UTF-8.

The last line of defence: clients build requests without credentials, and this module refuses or masks what slipped in.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from curation.errors import StoreError
from curation.records import Call

TEXTS = ("request", "reply", "reasoning", "error")
SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
SECRET_LENGTH = 9  # shorter values are flags and numbers, and would be masked inside ordinary words
MASK = "***"
CREDENTIAL = re.compile(r'"(proxy-)?authorization"\s*:', re.IGNORECASE)


def secrets_in(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Values of variables named like a credential, longest first; also as they read inside JSON text."""
    values = {v for name, v in environment.items() if SECRET_NAME.search(name) and len(v) >= SECRET_LENGTH}
    escaped = {value.replace("\\", "\\\\").replace('"', '\\"') for value in values}
    return tuple(sorted(values | escaped, key=lambda value: (-len(value), value)))


def fit(call: Call, secrets: tuple[str, ...]) -> Call:
    """The call as it may be stored. Raises StoreError when its request carries an Authorization header."""
    if "uthorization" in call.request.lower() and CREDENTIAL.search(call.request):
        raise StoreError(f"call {call.key}: the request holds an Authorization header; it must not be stored")
    changes: dict[str, Any] = {name: fitting(getattr(call, name), secrets) for name in TEXTS}
    changes |= {name: _count(getattr(call, name)) for name in ("prompt_tokens", "completion_tokens")}
    changes["cost"] = call.cost if call.cost is not None and math.isfinite(call.cost) else None
    changed = {name: value for name, value in changes.items() if value != getattr(call, name)}
    return replace(call, **changed) if changed else call


def fitting(text: str, secrets: tuple[str, ...]) -> str:
    """The text as UTF-8 can hold it, secrets masked."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _count(tokens: object) -> int | None:
    return tokens if isinstance(tokens, int) and 0 <= tokens < 2**63 else None
