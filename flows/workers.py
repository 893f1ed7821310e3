"""One batch in whatever process it was sent to, with the sessions that this process has open.

Apart from `flows.build` because Dask and Ray pickle the flow and its task by value, with all that they name: a function
from here travels as its name, an open session could not travel at all.
"""

import atexit
import threading
from collections.abc import Sequence
from contextlib import ExitStack

from curation.records import Json, Sample
from flows.job import from_json, prepare
from flows.phases import Report
from flows.progress import Progress
from flows.run import report, steps_of
from flows.server import hush
from flows.session import Session, open_session

SESSIONS: dict[str, Session] = {}
"""Sessions open in this process, by run."""

_opened = ExitStack()
_opening = threading.Lock()
atexit.register(_opened.close)


def adopt(session: Session) -> None:
    """Let batches of this session's run use it, as long as they run in this process."""
    SESSIONS[session.run_id] = session


def forget(run_id: str) -> None:
    """The run is over."""
    SESSIONS.pop(run_id, None)


def run_batch(job: dict[str, Json], run_id: str, stage: int, samples: Sequence[Sample]) -> Report:
    """Run one batch of samples through one row-wise stage of the job's plan; returns when its outcomes are stored."""
    session = _session(job, run_id)
    results = session.submit(session.prepared.plan.stages[stage], samples).result()
    session.writer.flush()
    return report(results)


def _session(job: dict[str, Json], run_id: str) -> Session:
    with _opening:
        if run_id not in SESSIONS:
            atexit.register(hush)  # batches came here from elsewhere: the process is a worker's
            prepared = prepare(from_json(job))
            SESSIONS[run_id] = _opened.enter_context(open_session(prepared, run_id, Progress(steps_of(prepared))))
        return SESSIONS[run_id]
