"""What a change makes a second run ask again: one row a change, calls expected and calls made.

    python -m tests.benchmarks.truth_table --json

A run of VLAA-Thinking over ten questions asks four models once a question (`eyes` captions, `thinker` reasons,
`editor` rewrites, `judge` judges). Each row starts from a copy of that finished store, changes one thing, runs
`vistill run` again against the same scripted server and counts what the server was asked. The rule behind every
number: a call is asked again exactly when what the model would be sent, or which model it is, has changed. So a step's
new reply makes the steps that quote it ask again; and the judge, who is sent the two answers alone, is not asked
again by a change that leaves the answers as they are.

Texts are marked with a digest of all that was sent, so a stale one shows: `new_texts` counts kept rows whose text
no row had before. `kept` shows rows that got lost. `why` says where each number comes from.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curation.records import Image
from curation.teachers import open_teachers
from curation.teachers.protocol import Message
from curation.teachers.spec import assign, parse_teacher
from storage.ledger import CallLedger
from storage.store import Store
from tests.benchmarks.pipeline import draw_picture
from tests.benchmarks.truth_ground import Ground, Seen, finished_ground, row, run_here, run_process


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the table. `calls` are those expected over n rows, by model; `kept` the rows more or fewer than n."""

    make: Callable[[Ground, str], Seen]
    why: str
    calls: Callable[[int], Mapping[str, int]] = lambda n: {}
    new_texts: Callable[[int], int] = lambda n: 0
    kept: Callable[[int], int] = lambda n: n

    def expected(self, n: int) -> Seen:
        return Seen(self.calls(n), self.kept(n), self.new_texts(n))


def more(*arguments: str) -> Callable[[Ground, str], Seen]:
    """The same run with more arguments."""
    return lambda ground, name: ground.again(name, replace(ground.setup, more=arguments))


def teachers(**changes: str) -> Callable[[Ground, str], Seen]:
    """The same run with its teachers written differently."""
    return lambda ground, name: ground.again(name, replace(ground.setup, **changes))


def prompt(step: str, old: str, new: str) -> Callable[[Ground, str], Seen]:
    """The same run with one step's template changed."""
    return lambda ground, name: ground.again(name, replace(ground.setup, more=ground.prompt(step, old, new)))


def code(*change: str) -> Callable[[Ground, str], Seen]:
    """The same run by a copy of our packages, with one line changed."""
    return lambda ground, name: ground.again(name, replace(ground.setup, root=ground.code(name, *change)))


def other_model(ground: Ground, name: str) -> Seen:
    models = {**ground.setup.models, "reasoner": "thinker-2"}
    return ground.again(name, replace(ground.setup, models=models))


def other_server(called: str) -> Callable[[Ground, str], Seen]:
    """The same run against the other server, its teachers called so ('' leaves them without a name)."""

    def make(ground: Ground, name: str) -> Seen:
        return ground.again(name, replace(ground.setup, url=ground.other.url, name=called))

    return make


def other_bytes(ground: Ground, name: str) -> Seen:
    """Another picture in the first file, for this run alone."""
    file = ground.setup.source.parent / "images" / "0.png"
    before = file.read_bytes()
    draw_picture(999).save(file)
    try:
        return ground.again(name, ground.setup)
    finally:
        file.write_bytes(before)


def other_paths(ground: Ground, name: str) -> Seen:
    folder = ground.setup.source.parent
    rows = [{**old, "image": f"moved/{number}-copy.png"} for number, old in enumerate(ground.rows())]
    (folder / "moved").mkdir()
    for old, new in zip(ground.rows(), rows, strict=True):
        (folder / new["image"]).write_bytes((folder / old["image"]).read_bytes())
    return ground.again(name, ground.source(name, rows))


def other_order(ground: Ground, name: str) -> Seen:
    rows = ground.rows()
    return ground.again(name, ground.source(name, random.Random(3).sample(rows, len(rows))))


def appended_row(ground: Ground, name: str) -> Seen:
    return ground.again(name, ground.source(name, [*ground.rows(), row(ground.size)]))


def row_put_first(ground: Ground, name: str) -> Seen:
    return ground.again(name, ground.source(name, [row(ground.size), *ground.rows()]))


def reply_schema(ground: Ground, name: str) -> Seen:
    """No step of this recipe asks for a schema, so the judge is asked directly, on the store of the run."""
    numbers, words = {"type": "integer"}, {"type": "string"}
    store = ground.copy(name)
    text = f"judge=fake@{ground.setup.url}#judge"

    async def ask() -> None:
        with CallLedger(Store.open(store), run_id=name) as ledger:
            specs = assign([parse_teacher(text)], ["judge"])
            async with open_teachers(specs, ledger=ledger, read_image=_no_image) as opened:
                for schema in (None, numbers, numbers, words, dict(words)):
                    await opened["judge"].ask([Message("user", "Is it so?")], schema=schema)

    before = ground.asked()
    asyncio.run(ask())
    return Seen(dict(ground.asked() - before), ground.texts(store).total())


def _no_image(image: Image) -> bytes:
    raise LookupError(image)


def restart(ground: Ground, name: str) -> Seen:
    """kill -9 in the middle of a first run, then the same command: answered calls asked again, and rows at the end."""
    store, server, total = ground.folder / "stores" / name, ground.server, 4 * ground.size
    before, server.latency = len(server.requests), 0.05
    setup = replace(ground.setup, options="concurrency=2")
    command = [sys.executable, "-m", "flows.cli", *setup.arguments(store)]
    process = subprocess.Popen(command, cwd=setup.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(server.requests) - before < total // 2:
        time.sleep(0.005)
    process.kill()
    process.wait()
    time.sleep(0.2)
    made = len(server.requests) - before
    with CallLedger(Store.open(store), run_id=name):  # takes over what the dead process had written ahead
        pass
    recorded = set(Store.open(store).query("SELECT key FROM calls WHERE status = 'ok'").column(0).to_pylist())
    heard = len(server.headers)
    server.latency = 0.0
    ground.run(setup, store)
    asked = [headers["x-client-request-id"] for headers in server.headers[heard:]]
    faults = {
        "recorded calls asked again": len(recorded.intersection(asked)),
        "calls beyond those not recorded": len(asked) - (total - len(recorded)),
        "run was over before the kill": made >= total,
    }
    texts = ground.texts(store)
    note = f"killed after {made} of {total} calls, {len(recorded)} of them recorded; {len(asked)} made afterwards"
    new = (texts - ground.known_texts).total()
    return Seen({fault: int(count) for fault, count in faults.items() if count}, texts.total(), new, note)


RUN_AGAIN = "the text has a slot in the next prompt, so the editor is asked again; the answers are what they were"
TABLE: dict[str, Change] = {
    "nothing": Change(more(), "every outcome is known"),
    "system_prompt": Change(
        prompt("distill", "speak of what you see", "talk of what you see"),
        f"the thinker's system turn is in its request; {RUN_AGAIN}",
        calls=lambda n: {"thinker": n, "editor": n}, new_texts=lambda n: n,
    ),
    "prompt_template": Change(
        prompt("distill", "What you see:", "You see:"),
        f"the thinker's user turn is in its request; {RUN_AGAIN}",
        calls=lambda n: {"thinker": n, "editor": n}, new_texts=lambda n: n,
    ),
    "prompt_of_last_asked": Change(
        prompt("verify", "one word: Yes or No.", "a single word: Yes or No."),
        "only the judge is sent the changed template, and nobody is sent what the judge says",
        calls=lambda n: {"judge": n},
    ),
    "helper_code_of_request": Change(
        code("curation/steps/distill.py", 'for option in options)', 'for option in options) or "No choices."'),
        f"the helper's words are in the thinker's request; {RUN_AGAIN}",
        calls=lambda n: {"thinker": n, "editor": n}, new_texts=lambda n: n,
    ),
    "helper_code_of_reply": Change(
        code("curation/steps/leaks.py", "return [phrase for", 'return ["x"] or [phrase for'),
        "the step runs again by its new code, here finding a leak everywhere, on replies that are paid for",
        kept=lambda n: 0,
    ),
    "same_code_elsewhere": Change(code(), "a step's version is its code, not where it lies"),
    "model": Change(
        other_model, f"another model is another call; {RUN_AGAIN}",
        calls=lambda n: {"thinker-2": n, "editor": n}, new_texts=lambda n: n,
    ),
    "base_url_same_name": Change(
        other_server("fake@"),
        "NAME@ is the provider's identity in call keys (DESIGN 4): whoever gives one says that answers stay "
        "good when the endpoint moves",
    ),
    "base_url_without_name": Change(
        other_server(""),
        "without NAME@ host, port and path are the identity: another server is asked everything anew",
        calls=lambda n: {"eyes": n, "thinker": n, "editor": n, "judge": n},
    ),
    "teacher_name": Change(
        teachers(name="another@"),
        "another provider by the user's own word, though the URL is the same",
        calls=lambda n: {"eyes": n, "thinker": n, "editor": n, "judge": n},
    ),
    "temperature": Change(
        prompt("distill", "temperature = 0.6", "temperature = 0.9"), f"sampling is in the request; {RUN_AGAIN}",
        calls=lambda n: {"thinker": n, "editor": n}, new_texts=lambda n: n,
    ),
    "temperature_left_out": Change(
        prompt("rewrite", "temperature = 0.0\n", ""),
        "0 is a temperature, and none leaves it to the endpoint: the editor's request differs, the answers do not",
        calls=lambda n: {"editor": n}, new_texts=lambda n: n,
    ),
    "draws_more_allowed": Change(
        more("--set", "draws=3"), "draws stop at the first verified one, and draw 0 is verified"
    ),
    "draws_more_drawn": Change(
        more("--set", "draws=3", "--set", "stop=never"),
        "draws 1 and 2 are new calls of all three models in a draw; draw 0 is known and stays the one kept",
        calls=lambda n: {"thinker": 2 * n, "editor": 2 * n, "judge": 2 * n},
    ),
    "seed_of_the_run": Change(
        more("--seed=5"), "it decides choices that are not a model's; draws are told apart by their number"
    ),
    "seed_to_the_endpoint": Change(
        teachers(options="concurrency=8&seed=true"),
        "the seed sent follows from the call key: it makes a draw repeatable, not another draw",
    ),
    "reply_schema": Change(
        reply_schema, "a schema is in the key: none, one and another are three calls, and repeats are none",
        calls=lambda n: {"judge": 3},
    ),
    "image_bytes_same_path": Change(
        other_bytes, "one picture is another: its caption, hence its reasoning and rewriting; the answers are the same",
        calls=lambda n: {"eyes": 1, "thinker": 1, "editor": 1}, new_texts=lambda n: 1,
    ),
    "image_pixels_sent": Change(
        teachers(options="concurrency=8&max_pixels=2048"),
        "every picture is sent smaller than before, so it is captioned anew, and what quotes the caption is asked anew",
        calls=lambda n: {"eyes": n, "thinker": n, "editor": n}, new_texts=lambda n: n,
    ),
    "image_path_same_bytes": Change(other_paths, "a picture is its content; no path is in any key"),
    "row_order": Change(other_order, "no position is in any key"),
    "batch_size": Change(more("--batch=3"), "batches are how work is cut, not what is asked"),
    "concurrency": Change(teachers(options="concurrency=1"), "nor how much of it is in flight"),
    "appended_row": Change(
        appended_row, "the new row is asked about, once a model, and no other",
        calls=lambda n: {"eyes": 1, "thinker": 1, "editor": 1, "judge": 1}, new_texts=lambda n: 1, kept=lambda n: n + 1,
    ),
    "row_put_first": Change(
        row_put_first, "wherever the new row stands: nothing resumes by position",
        calls=lambda n: {"eyes": 1, "thinker": 1, "editor": 1, "judge": 1}, new_texts=lambda n: 1, kept=lambda n: n + 1,
    ),
    "restart": Change(restart, "a call recorded before kill -9 is not asked again, and the others once"),
}  # fmt: skip


def judged(name: str, ground: Ground) -> dict[str, object]:
    """One row of the table as JSON."""
    change = TABLE[name]
    began = time.monotonic()
    seen, expected = change.make(ground, name), change.expected(ground.size)
    return {
        "ok": seen == expected, "calls_expected": sum(expected.calls.values()), "calls_made": sum(seen.calls.values()),
        "expected": _as_json(expected), "seen": _as_json(seen), "why": change.why,
        "seconds": round(time.monotonic() - began, 2), **({"note": seen.note} if seen.note else {}),
    }  # fmt: skip


def _as_json(seen: Seen) -> dict[str, object]:
    return {"calls": dict(Counter(seen.calls)), "kept": seen.kept, "new_texts": seen.new_texts}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=list(TABLE), choices=list(TABLE))
    parser.add_argument("--in-process", action="store_true", help="run the command line in this process: quicker")
    parser.add_argument("--json", action="store_true", help="one line")
    options = parser.parse_args()
    drive = run_here if options.in_process else run_process
    with (
        tempfile.TemporaryDirectory(prefix="vistill-truth-") as folder,
        finished_ground(Path(folder), options.rows, drive) as ground,
    ):
        rows = {name: judged(name, ground) for name in options.only}
    print(json.dumps(rows, indent=None if options.json else 2))
    sys.exit(0 if all(found["ok"] for found in rows.values()) else 1)


if __name__ == "__main__":
    main()
