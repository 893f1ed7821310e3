"""Parsing of the commands that take splits out of the house: push to the Hub, and train on them."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Make = Callable[..., argparse.ArgumentParser]


def add_hub(commands: "Commands", make: Make, store: Callable[..., None], as_json: Callable[..., None]) -> None:
    """Add the commands."""
    for add in (_push, _train):
        command = add(commands, make)
        if add is _push:
            store(command)
        as_json(command)


def add_chain(command: argparse.ArgumentParser) -> None:
    """What `vistill deploy` chains behind the build."""
    command.add_argument("--export", metavar="DIR", help="then write the splits into folders below DIR")
    command.add_argument("--push", metavar="REPO", help="then push the splits to the Hub")
    command.add_argument("--format", action="append", default=[], metavar="F", help="formats of --export and --push")
    command.add_argument(
        "--licence", action="append", default=[], metavar="SOURCE=ID", help="for --push, of a source that gives none"
    )
    command.add_argument("--train", metavar="CONFIG.toml", help="and train, once that has completed")


def _push(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "push", "Publish splits on the Hugging Face Hub, private unless told, one configuration a format.",
        "examples:\n  vistill push me/charts --dry-run\n  vistill push me/charts --format grpo --format sft --tag v1\n"
        "  vistill push lab/charts --pr --message 'Answers reviewed' --licence scans=cc-by-4.0",
    )  # fmt: skip
    command.add_argument("repo", metavar="REPO", help="OWNER/NAME, or NAME for one of your own")
    command.add_argument(
        "--format", action="append", default=[], metavar="F",
        help="one configuration each, of the formats of `vistill export` (default grpo, sft_trl, sft, as far as they "
        "have rows)",
    )  # fmt: skip
    command.add_argument("--recipe", metavar="RECIPE", help="the latest run of this recipe")
    command.add_argument("--run", metavar="ID", help="this run, instead of the latest of its recipe")
    command.add_argument("--dry-run", action="store_true", help="say what would change on the Hub, send nothing")
    command.add_argument("--public", action="store_true", help="make a new repository public, or push to a public one")
    command.add_argument("--pr", action="store_true", help="open a pull request instead of committing")
    command.add_argument("--revision", default="main", metavar="B", help="branch, made when missing (default main)")
    command.add_argument("--tag", metavar="T", help="tag the commit")
    command.add_argument("--message", metavar="TEXT", help="title of the commit or pull request")
    command.add_argument("--title", metavar="TEXT", help="name on the card (default the repository's)")
    command.add_argument("--language", action="append", default=[], metavar="xx", help="of the texts, for the card")
    command.add_argument(
        "--licence", action="append", default=[], metavar="SOURCE=ID", help="licence of a source that gives none"
    )
    command.add_argument("--older", action="store_true", help="although the Hub has rows newer than this store's")
    _rows(command)
    return command


def _rows(command: argparse.ArgumentParser) -> None:
    command.add_argument("--shard-rows", type=int, default=5000, metavar="N", help="rows a Parquet shard (5000)")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the formats")
    command.add_argument(
        "--placeholders", choices=("escape", "refuse"), default="escape", help="as in `vistill export`"
    )
    command.add_argument("--allow-overlap", action="store_true", help="although splits share images or parents")
    command.add_argument("--skip-missing", action="store_true", help="leave out samples whose picture is lost")
    command.add_argument(
        "--work", metavar="DIR", help="where exports wait until they are pushed (default STORE/hub/OWNER--NAME)"
    )


def _train(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "train", "Train a vision-language model on exported splits: SFT, then GRPO (extra `train`).",
        "example:\n  vistill export grpo exports/grpo && vistill export sft_trl exports/sft\n  vistill train grpo.toml",
    )  # fmt: skip
    command.add_argument("config", metavar="CONFIG.toml", help="what to train on what; docs/training.md lists the keys")
    command.add_argument("--seed", type=int, metavar="S", help="another seed than the file's, in a folder of its own")
    command.add_argument("--store", metavar="DIR", help="record the training in this store (view `trainings`)")
    return command
