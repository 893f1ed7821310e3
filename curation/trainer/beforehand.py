"""What a run needs only once it has trained for hours, looked at before it begins: vLLM, its server, the judge."""

import asyncio
import urllib.error
import urllib.request
from http.client import HTTPException
from importlib.util import find_spec

from curation.errors import ConfigError, RunStopped
from curation.teachers.openai_http import preflight
from curation.trainer.config import Generation, Training
from curation.trainer.judging import as_told, spec_of

SECONDS = 10.0


def look(training: Training) -> None:
    """Raises `ConfigError` for what is not installed or not named rightly, `RunStopped` for a server that is away."""
    if training.grpo is None:
        return
    _engine(training.generation)
    if training.judge is not None:
        with as_told():
            asyncio.run(preflight(spec_of(training.judge)))


def _engine(how: Generation) -> None:
    if how.engine == "transformers":
        return
    if find_spec("vllm") is None:
        raise ConfigError("generation.engine", how.engine, "needs vLLM: pip install 'trl[vllm]==1.16.0', or take "
                          '"transformers"')  # fmt: skip
    if how.engine == "vllm-server":
        _answers(how.server)


def _answers(server: str) -> None:
    """Whether TRL's server is there, asked as TRL asks it."""
    if not server.startswith(("http://", "https://")):
        raise ConfigError("generation.server", server, "write it as http://host:8000")
    try:
        with urllib.request.urlopen(f"{server.rstrip('/')}/health/", timeout=SECONDS):
            return
    except urllib.error.HTTPError as error:
        why = f"HTTP {error.code} from /health/"
    except (OSError, HTTPException, ValueError) as error:
        why = str(getattr(error, "reason", error)) or type(error).__name__
    raise RunStopped(f"generation.server = {server!r} does not answer as `trl vllm-serve` does ({why}): start it, or "
                     "mend the URL")  # fmt: skip
