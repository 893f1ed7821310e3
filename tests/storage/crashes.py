"""Kills writers and compactors, for the tests: `python crashes.py steps|storm FOLDER NUMBER`, prints findings as JSON.

`steps` dies before the 1st, (1+NUMBER)th, (1+2·NUMBER)th … file-system call of a fixed scenario, each time on a new
store. `storm` kills writers and compactors on one store at random moments for NUMBER seconds. Children are forked from
this process, which opens no store itself.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from storage import generations
from storage.rows import to_arrow
from storage.segments import parquet_bytes
from storage.store import Store

ROWS = 5
CALLS = ("replace", "fsync", "unlink", "mkdir")


def batch(name: str) -> list[dict[str, object]]:
    return [{"key": f"{name}/{i}", "reply": "r" * 50, "draw": i} for i in range(ROWS)]


def append(store: Store, acks: Path, name: str) -> None:
    store.append("calls", batch(name), name=name)
    with acks.open("a") as file:
        file.write(f"{name}\n")


def acks_of(root: Path) -> Path:
    return root.parent / "acks"


def scenario(root: Path) -> None:
    """Two compactions, the second of which collects the garbage of the first."""
    store = Store.open(root)
    for name in ("a", "b"):
        append(store, acks_of(root), name)
        store.compact(force=True)


def again(root: Path) -> None:
    """What a re-run does: the same appends, then a compaction."""
    store = Store.open(root)
    for name in ("a", "b", "c"):
        append(store, acks_of(root), name)
    store.compact(force=True)


def found(root: Path) -> Counter[str]:
    keys = Store.open(root).query("select key from raw_calls")["key"].to_pylist()
    return Counter(keys)


def faults(rows: Counter[str], acks: Path) -> list[str]:
    acked = acks.read_text().split() if acks.exists() else []
    lost = [f"lost {name}" for name in acked if any(rows[f"{name}/{i}"] != 1 for i in range(ROWS))]
    twice = [f"twice {key}" for key, times in rows.items() if times > 1]
    names = Counter(key.split("/")[0] for key in rows)
    return lost + twice + [f"torn {name}" for name, rows_seen in names.items() if rows_seen != ROWS]


def forked(action: Callable[[], None]) -> int:
    """Run in a child process; its exit status."""
    pid = start(action)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def start(action: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        action()
        os._exit(0)
    except BaseException:  # noqa: BLE001  the child must not return into its parent's code
        traceback.print_exc()
        os._exit(1)


def die_at(call: int) -> None:
    """From now on, the process dies instead of making its `call`-th file-system call."""
    made = 0

    def guarded(real: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*args: object, **kwargs: object) -> object:
            nonlocal made
            made += 1
            if made == call:
                os._exit(9)
            return real(*args, **kwargs)

        return wrapper

    for name in CALLS:
        setattr(os, name, guarded(getattr(os, name)))
    shutil.copyfile = guarded(shutil.copyfile)  # type: ignore[assignment]
    generations.migrate = guarded(generations.migrate)  # type: ignore[assignment]
    generations._absorb = guarded(generations._absorb)  # type: ignore[assignment]


def steps(folder: Path, stride: int) -> dict[str, object]:
    """Every stride-th call of making a store, then of the scenario on a store that is made."""
    generations.GRACE_SECONDS = 0.0
    template = folder / "template"
    forked(lambda: Store.open(template).snapshot().close())
    making = kill_all_along(folder / "making", stride, Store.open, None)
    using = kill_all_along(folder / "using", stride, scenario, template)
    return {"making": making, "using": using}


def kill_all_along(
    folder: Path, stride: int, action: Callable[[Path], object], template: Path | None
) -> dict[str, object]:
    problems: list[str] = []
    for call in range(1, 1000, stride):
        root = folder / f"killed{call}" / "store"
        root.parent.mkdir(parents=True)
        if template:
            shutil.copytree(template, root)
        ended = forked(lambda root=root, call=call: dying(action, root, call)) == 0
        if forked(lambda root=root: check(root)):
            problems.append(f"killed at call {call}")
        if ended:
            return {"kills": (call - 1) // stride, "problems": problems}
    return {"kills": None, "problems": ["it never ended"]}


def dying(action: Callable[[Path], object], root: Path, call: int) -> None:
    die_at(call)
    action(root)


def check(root: Path) -> None:
    bad = faults(found(root), acks_of(root))
    again(root)
    bad += faults(found(root), acks_of(root))
    assert not bad, bad


def write_forever(root: Path, acks: Path, prefix: str) -> None:
    store = Store.open(root)
    for number in range(1_000_000):
        append(store, acks, f"{prefix}-{number}")


def compact_forever(root: Path) -> None:
    store = Store.open(root)
    while True:
        store.compact(force=True)


def storm(folder: Path, seconds: float) -> dict[str, object]:
    generations.GRACE_SECONDS = 0.0
    rng, root, kills = random.Random(), folder / "store", 0
    forked(lambda: Store.open(root) and None)
    roles: list[Callable[[int], int]] = [
        lambda n: start(lambda: write_forever(root, folder / f"acks-w{n}", f"w{n}")),
        lambda n: start(lambda: write_forever(root, folder / f"acks-w{n}", f"w{n}")),
        lambda n: start(lambda: compact_forever(root)),
    ]
    running = [role(index) for index, role in enumerate(roles)]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(rng.uniform(0.1, 0.6))
        victim = rng.randrange(len(roles))
        os.kill(running[victim], signal.SIGKILL)
        os.waitpid(running[victim], 0)
        kills += 1
        running[victim] = roles[victim](100 + kills)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    (folder / "acks").write_text("".join(path.read_text() for path in folder.glob("acks-*")))
    return {"kills": kills, "status": forked(lambda: report_storm(root, folder)), **read_report(folder)}


def report_storm(root: Path, folder: Path) -> None:
    rows = found(root)
    acked = len((folder / "acks").read_text().split())
    bad = faults(rows, folder / "acks")
    generation = generations.current(root)
    (folder / "report.json").write_text(json.dumps({"acked": acked, "problems": bad, "generation": generation}))


def read_report(folder: Path) -> dict[str, object]:
    path = folder / "report.json"
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    parquet_bytes(to_arrow("calls", batch("warm")))  # Parquet takes a second to wake up, which is no time to be killed
    mode, where, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(steps(where, number) if mode == "steps" else storm(where, number)))
