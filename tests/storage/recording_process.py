"""A process for kill -9: records numbered calls for ever, rolling often, and prints each number once it is recorded."""

import sys
from pathlib import Path

from storage import ledger
from storage.store import Store
from tests.storage.hand_built import a_call


def main(root: str, first: int) -> None:
    ledger.SYNC_SECONDS = 0.01
    calls = ledger.CallLedger(Store.open(Path(root)), "killed", roll_rows=200)
    number = first
    while True:
        calls.record(a_call(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
