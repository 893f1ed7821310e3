"""Writes the Parquet shards of an export side by side, in processes of their own: wording rows holds Python's lock.

A process is `flows.export_worker`, a plain program that gets shards on its standard input and ends with it, so nothing
depends on how the caller's `__main__` is written and none outlives a killed export for longer than its shard. The bytes
are the same for any number of processes: which rows a shard has does not depend on it.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

import pyarrow as pa

from curation.errors import RunStopped
from curation.exports.formats import Part
from flows.export_files import Written, numbered
from flows.export_parts import Job, Tally, write_shard
from flows.export_worker import Shard, rows_told, tell, told, understood

ROOT = Path(__file__).resolve().parents[1]
MOST = 4
"""Processes at most. Each takes some 150 MB."""
KEPT = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}
"""glibc keeps the memory of a row group for the next one: giving it back and having it zeroed again is a third of what
a process asks of the kernel. Other libraries do not know these names."""
Process = subprocess.Popen[bytes]


Idle = SimpleQueue[Process]
"""Processes that wait for a shard; empty where none are worth it."""


@contextmanager
def processes(most: int, shard_rows: int) -> Iterator[Idle]:
    """As many as `most` rows are worth, none below two shards; they are gone when the block ends, however it does.

    They take half a second to start, so that they are best asked for before it is known which rows there are.
    """
    many = min(MOST, len(os.sched_getaffinity(0)), -(-most // shard_rows))
    command = [sys.executable, "-P", "-m", "flows.export_worker"]
    environment = {**os.environ, **KEPT, "PYTHONPATH": str(ROOT)}
    started, idle = list[Process](), Idle()
    try:
        for _ in range(many if many > 1 else 0):
            started.append(Process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment))
            idle.put(started[-1])
        yield idle
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()


def write_shards(
    job: Job, part: Part, batches: Iterator[pa.RecordBatch], idle: Idle, seen: Callable[[int], None]
) -> Shard:
    """The shards of a part, a batch each, and what was counted on the way; `seen` is told of rows as they go.

    `idle` processes write them, or this one when there are none.
    """
    many = idle.qsize()
    if not many:
        return _gathered(job, part, (write_shard(job, part, at, rows) for at, rows in enumerate(batches)), seen)
    with ThreadPoolExecutor(many) as threads:
        writing = (threads.submit(_written, job, part, idle, at, rows) for at, rows in enumerate(batches))
        return _gathered(job, part, _in_order(writing, many), seen)


def _gathered(job: Job, part: Part, shards: Iterable[Shard], seen: Callable[[int], None]) -> Shard:
    files, whole = list[Written](), Tally()
    for at, (written, tally) in enumerate(shards, 1):
        files += written
        whole.add(tally)
        seen(at * job.shard_rows)
    # LLaMA-Factory takes a folder as one dataset and refuses other files in it, so that its shards have their own.
    return numbered(job.folder, f"{part.name}/{part.name}" if job.format.info else part.name, files), whole


def _in_order(writing: Iterator[Future[Shard]], many: int) -> Iterator[Shard]:
    """Results in order; one shard more than there are processes is under way or waits."""
    waiting: deque[Future[Shard]] = deque()
    for each in writing:
        waiting.append(each)
        if len(waiting) > many:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _written(job: Job, part: Part, idle: Idle, at: int, rows: pa.RecordBatch) -> Shard:
    process = idle.get()
    try:
        tell(cast(IO[bytes], process.stdin), {"at": at, "job": told(job, part)}, rows_told(rows))
        said = cast(IO[bytes], process.stdout).readline()
    except BrokenPipeError:
        said = b""
    finally:
        idle.put(process)
    if not said:
        raise RunStopped(
            f"a process that writes shards ended with code {process.wait()} at shard {at}; what it said is above "
            "(-9 without a word is the kernel, for want of memory)"
        )
    return understood(said)
