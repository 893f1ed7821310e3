"""Parsing of `vistill review`."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Make = Callable[..., argparse.ArgumentParser]


def add_review(commands: "Commands", make: Make, store: Callable[..., None]) -> None:
    """Add the command."""
    command = make(
        commands, "review", "Judge samples in the browser; decisions change the splits.",
        "examples:\n  vistill review --store demo-store\n"
        "  vistill review --annotators-a-record 2 --ask-name\n"
        "  vistill review --user-header X-Forwarded-User --allow-host review.lab.example --lead ann@lab.example",
    )  # fmt: skip
    store(command)
    command.add_argument("--port", type=int, metavar="N", help="default 8501, or a free one when that is taken")
    who = command.add_mutually_exclusive_group()
    who.add_argument("--annotator", metavar="NAME", help="who decides (default: your login name)")
    who.add_argument("--ask-name", action="store_true", help="let each browser say a name; for people you trust")
    who.add_argument("--user-header", metavar="H", help="take names from this header, which only your proxy may set")
    who.add_argument("--oidc", action="store_true", help="sign in by OpenID Connect, set up in .streamlit/secrets.toml")
    command.add_argument("--role", choices=("viewer", "annotator", "lead"), help="of people not named below")
    command.add_argument(
        "--lead", action="append", default=[], metavar="NAME", help="may settle conflicts, act in bulk"
    )
    command.add_argument("--viewer", action="append", default=[], metavar="NAME", help="may look and not decide")
    command.add_argument("--allow-host", action="append", default=[], metavar="H", help="host name a proxy asks for")
    command.add_argument("--annotators-a-record", type=int, default=1, metavar="K", help="people a sample (default 1)")
    command.add_argument("--blind", action="store_true", help="hide verdicts and what others decided, for everybody")
    command.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of random order and of the audit (default 0)"
    )
