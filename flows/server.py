"""The Prefect server that a flow is run against: the configured one, or an ephemeral one that Prefect starts.

Deployments are in `flows.deploy`, the flow itself in `flows.build`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from curation.errors import RunStopped

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
}
"""Set unless the user has. Prefect's log tears the live view and shows tracebacks of what we say in one line; its
server keeps that log. Its 20 s for starting an ephemeral server are short on a busy machine.
"""


def quieten() -> None:
    """Apply `QUIET`; takes effect only before the first import of prefect. A chosen PREFECT_LOGGING_LEVEL wins."""
    loud = "PREFECT_LOGGING_LEVEL" in os.environ
    for name, value in QUIET.items():
        if not (loud and "LOGGING" in name):
            os.environ.setdefault(name, value)


def hush() -> None:
    """For `atexit` in a process that is a run's own: Prefect's threads outlive the clean-up, and DuckDB would print 60
    lines about it.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def configured() -> bool:
    """Whether PREFECT_API_URL is set, in the environment or in the active Prefect profile."""
    from prefect.settings import PREFECT_API_URL

    return bool(PREFECT_API_URL.value())


def reach() -> None:
    """Greet the configured server, or start an ephemeral one. Raises `RunStopped` when that fails."""
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.hello()
            client.raise_for_api_version_mismatch()
    except (httpx.HTTPError, httpx.InvalidURL, RuntimeError, ValueError) as error:
        raise RunStopped(_unreachable(error)) from None


def _unreachable(error: Exception) -> str:
    from prefect.settings import PREFECT_API_URL

    why = str(error) or type(error).__name__
    if configured():
        return f"no Prefect server answers at PREFECT_API_URL={PREFECT_API_URL.value()} ({why}); is it running?"
    return (
        f"Prefect could not start a server for this run ({why}); run it with --no-prefect, "
        "or start one with `prefect server start` and export PREFECT_API_URL=http://127.0.0.1:4200/api"
    )


@contextmanager
def trouble_in_one_line() -> Iterator[None]:
    """Around a flow call: Prefect's own failures become `RunStopped`, SIGTERM what Ctrl-C is."""
    import httpx
    from prefect.exceptions import PrefectException, TerminationSignal

    try:
        yield
    except TerminationSignal:
        raise KeyboardInterrupt from None
    except (httpx.HTTPError, PrefectException) as error:
        raise RunStopped(f"Prefect failed ({type(error).__name__}: {error}); what was done is kept") from None


def run_flow(flow: Callable[..., dict[str, Any]], parameters: dict[str, Any]) -> dict[str, Any]:
    """Call a flow against a server that answers; what it returns. Raises `RunStopped` for trouble with Prefect."""
    reach()
    with trouble_in_one_line():
        return flow(**parameters)
