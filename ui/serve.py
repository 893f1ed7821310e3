"""Streamlit as `vistill review` and `browse` start it: `python -P ui/serve.py run PAGE …`, ended with who started it.

Standard input is a pipe that the starter keeps open. However the starter ends, killed with -9 too, the pipe ends with
it, and a page that nobody can stop any more must not go on serving a store.
"""

import os
import signal
import threading
import time

from streamlit.web.cli import main

PATIENCE = 5.0  # seconds to end in good order


def end_with_starter() -> None:
    """Wait for the end of standard input, then end this process."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_starter, daemon=True).start()
    main(prog_name="streamlit")
