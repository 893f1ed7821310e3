"""The program a maths worker process runs: one JSON request a line on stdin, one JSON reply a line on stdout.

Started as a script by `curation.answers.math_workers`, so that the parent never imports Math-Verify or SymPy
and may kill it at any time. Imports nothing of ours. Memory is capped, and the kernel ends a job that goes on
after its parent died.
"""

import json
import logging
import resource
import signal
import sys

MEMORY = 2 << 30  # bytes of address space; SymPy needs about a tenth of it, `9^{9^{9^9}}` would take everything
GRACE = 5  # CPU seconds a job may outlive the parent's patience by


def compare(reference: str, answer: str) -> bool | None:
    """Whether Math-Verify finds two LaTeX expressions equal; None when it cannot read one of them."""
    from math_verify import parse, verify

    gold, got = (parse(f"${text}$", parsing_timeout=None) for text in (reference, answer))
    if not gold or not got or all(isinstance(each, str) for each in gold) or all(isinstance(each, str) for each in got):
        return None
    return bool(verify(gold, got, timeout_seconds=None, raise_on_error=True))


def answer(request: str) -> str:
    """The reply to one request line; what Math-Verify cannot do is `equal: null` with the error's name."""
    asked = json.loads(request)
    _allow(asked["seconds"])
    try:
        equal, error = compare(asked["reference"], asked["answer"]), ""
    except Exception as raised:  # noqa: BLE001 - the boundary of a process: SymPy raises nearly anything on odd input
        equal, error = None, type(raised).__name__
    return json.dumps({"equal": equal, "error": error})


def _allow(seconds: float) -> None:
    """Let the kernel end this process when the job has used much more CPU time than it was given."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + GRACE
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    """Serve until stdin ends. The first reply line says that the libraries are loaded and warm."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    logging.disable(logging.CRITICAL)
    try:
        compare("x+1", "1+x")
    except ImportError as error:
        print(json.dumps({"fatal": str(error)}), flush=True)
        return
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(answer(line), flush=True)


if __name__ == "__main__":
    main()
