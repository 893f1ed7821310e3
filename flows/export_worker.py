"""The program of a process that writes shards for `flows.export_pool`, and what the two say to each other.

A message is a line of JSON with the size of what follows it, and that many bytes: which shard of which job, and its
rows. It gets a line of JSON back. The process ends with its input.
"""

import gc
import json
import signal
import sys
from collections import Counter
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from curation.errors import RunStopped, StoreError
from curation.exports import format_named
from curation.exports.formats import Part
from curation.records import Json
from flows.export_files import Written
from flows.export_parts import Job, Tally, write_shard

Shard = tuple[list[Written], Tally]


def tell(to: IO[bytes], message: Json, data: pa.Buffer) -> None:
    """Send a message with its bytes."""
    to.write(json.dumps({"message": message, "bytes": len(data)}).encode() + b"\n")
    to.write(data)
    to.flush()


def told(job: Job, part: Part) -> Json:
    """A job and the part of it that is written, as a message has it."""
    return {
        "format": job.format.name, "part": job.format.parts.index(part), "pictures": job.pictures,
        "settings": dict(job.settings), "placeholders": job.placeholders, "skip_missing": job.skip_missing,
        "shard_rows": job.shard_rows, "store": str(job.store), "folder": str(job.folder), "secret": job.secret.hex(),
    }  # fmt: skip


def understood(said: bytes) -> Shard:
    """The shard that a process has written. Raises what kept it from being written."""
    reply = json.loads(said)
    if "os" in reply:
        raise OSError(*reply["os"])
    if "failed" in reply:
        raise {"RunStopped": RunStopped, "StoreError": StoreError}[reply["failed"]](reply["why"])
    tally = Tally(sources=Counter(reply["sources"]), escaped=reply["escaped"])
    tally.skipped.update(reply["skipped"])
    tally.licences.update({(source, licence): count for source, licence, count in reply["licences"]})
    return [Written(*file) for file in reply["files"]], tally


def written(files: list[Written], tally: Tally) -> Json:
    """A shard as the reply has it."""
    return {
        "files": [[file.path, file.sha256, file.bytes, file.rows] for file in files],
        "skipped": tally.skipped, "sources": tally.sources, "escaped": tally.escaped,
        "licences": [[source, licence, count] for (source, licence), count in tally.licences.items()],
    }  # fmt: skip


def rows_told(rows: pa.RecordBatch) -> pa.Buffer:
    """Rows as the bytes of a message."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, rows.schema) as stream:
        stream.write_batch(rows)
    return out.getvalue()


class NoPandas(MetaPathFinder):
    """Finds no pandas: pyarrow imports it, for 0.3 s and 40 MB, with the first array that it makes of a list."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("a process that writes shards does without pandas", name=fullname)


def main() -> None:
    """Write shards until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends this process
    gc.set_threshold(100_000)  # rows hold no cycles: looking for some is a tenth of the work
    sys.meta_path.insert(0, NoPandas())
    given, taken = sys.stdin.buffer, sys.stdout.buffer
    while line := given.readline():
        message, data = _heard(given, line)
        job, part = _understood_job(message["job"])
        [rows] = pa.ipc.open_stream(data)
        taken.write(json.dumps(_reply(job, part, message["at"], rows)).encode() + b"\n")
        taken.flush()


def _heard(given: IO[bytes], line: bytes) -> tuple[Any, bytes]:
    head = json.loads(line)
    return head["message"], given.read(head["bytes"])


def _understood_job(message: Any) -> tuple[Job, Part]:
    format = format_named(message["format"])
    same = {name: message[name] for name in ("pictures", "settings", "placeholders", "skip_missing", "shard_rows")}
    store, folder = Path(message["store"]), Path(message["folder"])
    job = Job(format=format, store=store, folder=folder, secret=bytes.fromhex(message["secret"]), **same)
    return job, format.parts[message["part"]]


def _reply(job: Job, part: Part, at: int, rows: pa.RecordBatch) -> Json:
    try:
        files, tally = write_shard(job, part, at, rows)
    except OSError as error:
        return {"os": [error.errno, error.strerror, error.filename]}
    except (RunStopped, StoreError) as error:
        return {"failed": type(error).__name__, "why": str(error)}
    return written(files, tally)


if __name__ == "__main__":
    main()
