"""Runs one command so that it never outlives who asked for it: `guard.py PARENT_PID GRACE COMMAND…`.

`vllm` starts this file as the leader of a new session; the command and all it forks stay in that group. When
the parent asks (SIGTERM) or is gone, even by kill -9, the group gets SIGTERM, after GRACE seconds SIGKILL.
Watching the parent's id works from any thread and survives forks; PR_SET_PDEATHSIG and a shared pipe do not.
Standard library only: it must start in milliseconds and hold no memory beside a model.
"""

import os
import signal
import subprocess
import sys
import time

GRACE = 7.0  # seconds, for callers; a kill -9 of the parent is to be over within ten
POLL = 0.2


def main(parent: int, grace: float, command: list[str]) -> None:
    """Run `command` until it ends, SIGTERM comes or `parent` dies; then end the group, this process too."""
    if os.getpgrp() != os.getpid():
        sys.exit("guard: must lead its own process group, or it would kill its caller's")
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        sys.exit(f"guard: cannot run {command[0]}: {error}")
    while child.poll() is None and not asked and os.getppid() == parent:
        time.sleep(POLL)
    code = _end(child, grace)
    print(f"guard: {os.path.basename(command[0])} ended with exit code {code}", flush=True)
    os.killpg(0, signal.SIGKILL)


def _end(child: "subprocess.Popen[bytes]", grace: float) -> int | None:
    """The exit code, None when the child sits through SIGTERM for `grace` seconds."""
    if child.poll() is None:
        os.killpg(0, signal.SIGTERM)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            print(f"guard: still running {grace:g} s after SIGTERM, killing it", flush=True)
    return child.returncode


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
