"""Offline batches of `vllm:MODEL`: `vllm run-batch` over the file, one batch at a time, in a process we own.

The format is OpenAI's (https://docs.vllm.ai/en/latest/examples/offline_inference/openai_batch/). Its results appear
when all are done, so a batch whose process died is worked off anew; nothing was paid for it.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from curation.errors import RunStopped
from curation.teachers.batch_protocol import Batch, Progress
from curation.teachers.spec import TeacherSpec
from curation.teachers.vllm import Started, checked_model, ended, find_vllm, machine_arguments, report, start, stop


class VllmBatches:
    """`BatchService` over processes of this machine."""

    def __init__(self, spec: TeacherSpec, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._running: dict[str, Started] = {}
        self._turn = asyncio.Lock()

    async def send(self, batch: Batch, requests: Path) -> str:
        """Start it, once the one before has ended: two models would not fit."""
        await self._turn.acquire()
        files = ["-i", str(requests), "-o", str(self._output(batch))]
        command = [find_vllm(), "run-batch", *files, "--model", checked_model(self._spec.model), *machine_arguments()]
        self._running[batch.token] = start(command, self._spec.model)
        return f"run-batch-{self._running[batch.token].guard.pid}"

    async def find(self, batch: Batch) -> str:
        """Nothing outlives the run that started it."""
        return ""

    async def look(self, batch: Batch) -> Progress:
        """Whether its process has ended. Raises `RunStopped` when it did so without results."""
        process = self._running.get(batch.token)
        if process is None:
            return Progress("done" if self._output(batch).exists() else "gone", batch.requests)
        if not ended(process):
            return Progress("running")
        await self._end(batch.token)
        if not self._output(batch).exists():
            raise RunStopped(report(process, "ended without results"))
        process.log.unlink(missing_ok=True)
        return Progress("done", batch.requests)

    async def fetch(self, batch: Batch, file: IO[bytes]) -> None:
        """Its output."""
        with self._output(batch).open("rb") as output:
            await asyncio.to_thread(shutil.copyfileobj, output, file)

    async def close(self) -> None:
        """End what runs."""
        for token in list(self._running):
            await self._end(token)

    async def _end(self, token: str) -> None:
        await stop(self._running.pop(token))
        self._turn.release()

    def _output(self, batch: Batch) -> Path:
        return self._folder / f"{batch.token}.jsonl"


@asynccontextmanager
async def open_vllm_batches(spec: TeacherSpec) -> AsyncIterator[VllmBatches]:
    """Raises `ConfigError` when vLLM or the model's folder is not there."""
    find_vllm()
    checked_model(spec.model)
    with tempfile.TemporaryDirectory(prefix="vistill-batch-") as folder:
        service = VllmBatches(spec, Path(folder))
        try:
            yield service
        finally:
            await service.close()
