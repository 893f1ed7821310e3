"""The judge of a training: a teacher asked through the dispatcher and a ledger, so that no verdict is paid twice.

TRL runs asynchronous rewards on an event loop of each trainer, and every stage has a trainer of its own; a dispatcher
belongs to one loop. So the judge lives on a loop in a thread of its own for the whole run, and callers wait for it from
theirs. A verdict that fails or is late is no score (`curation.rewards.judge.asked`); a server that nobody reaches stops
the training, which goes on from its last checkpoint when it is started again.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from curation.errors import ConfigError, RunStopped
from curation.records import Image
from curation.rewards import Judge, teacher_judge
from curation.teachers import open_teachers
from curation.teachers.protocol import Ledger, Teacher
from curation.teachers.spec import TeacherSpec, assign, parse_teacher
from curation.trainer.config import Judged

ROLE = "judge"


def spec_of(settings: Judged) -> TeacherSpec:
    """The teacher a [judge] table names. Raises `ConfigError`."""
    [spec] = assign([parse_teacher(settings.teacher)], [ROLE]).values()
    if spec.batch:
        raise ConfigError("judge.teacher", settings.teacher, "a reward cannot wait for a batch: leave batch=true out")
    return replace(spec, max_concurrency=settings.concurrency) if settings.concurrency else spec


@contextmanager
def as_told() -> Iterator[None]:
    """What is said of a teacher is said of the key that names it here; there is no --teacher to mend."""
    try:
        yield
    except RunStopped as error:
        raise RunStopped(str(error).replace("--teacher", "judge.teacher")) from error
    except ConfigError as error:
        field = "judge.teacher" if error.field == "teacher" else error.field
        raise ConfigError(field, error.value, error.fix.replace("--teacher", "judge.teacher")) from error


@contextmanager
def open_judge(settings: Judged, ledger: Ledger) -> Iterator[Judge]:
    """The judge while the block lasts; it may be asked from any event loop. Raises `ConfigError` for a missing key."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="judge", daemon=True)
    thread.start()
    teachers = open_teachers({ROLE: spec_of(settings)}, ledger=ledger, read_image=_no_image)
    try:
        with as_told():
            opened = asyncio.run_coroutine_threadsafe(teachers.__aenter__(), loop).result()
        try:
            yield _from_anywhere(opened[ROLE], settings, loop)
        finally:
            asyncio.run_coroutine_threadsafe(teachers.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _from_anywhere(teacher: Teacher, settings: Judged, loop: asyncio.AbstractEventLoop) -> Judge:
    local = teacher_judge(teacher, tiers=settings.tiers)

    async def judge(*, question: str, reference: str, answer: str) -> float:
        async def asking() -> float:
            with as_told():
                return await local(question=question, reference=reference, answer=answer)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking(), loop))

    return judge


def _no_image(image: Image) -> bytes:
    raise ConfigError("judge.teacher", image.sha256, "judges read text only")
