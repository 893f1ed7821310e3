"""After Ctrl-C the program ends, whatever a thread still waits for."""

import subprocess
import sys

import pytest

from tests.flows.test_export import ROOT

WAITS = """
import sys, threading, time
from flows import cli, interrupts

interrupts.PATIENCE = 0.5
threading.Thread(target=time.sleep, args=[float(sys.argv[2])]).start()
cli.main = lambda: int(sys.argv[1])
cli.run()
"""


@pytest.mark.parametrize(("code", "seconds"), [(130, 600), (130, 0), (1, 0)])
def test_the_program_ends_with_its_code(code: int, seconds: int) -> None:
    """A thread that waits for ten minutes is not waited for; one that has ended changes nothing."""
    command = [sys.executable, "-c", WAITS, str(code), str(seconds)]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == code
