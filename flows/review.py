"""Starts the review pages: builds the index of the store first, so that the first page is quick, then serves.

Names and roles travel in the environment of the page; who people are is decided in `ui.people`.
"""

import argparse
import getpass
import tomllib
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from flows.browse import browse
from storage import earlier, review_index
from storage.desk import Desk
from storage.reviews import annotator_name
from storage.store import Store


def review(store: Store, args: argparse.Namespace, say: Callable[[str], Any]) -> int:
    """Serve until interrupted. ConfigError for options that cannot be."""
    extra = environment(args)
    store.maybe_compact()  # every decision is a file, and each of them costs whoever opens the store
    index = review_index.build(store.root)
    for text in without_effect(store):
        say(text)
    what = f"{index.samples:,} samples of {{}} to review"
    return browse(store.root, args.port, say, extra=extra, hosts=args.allow_host, what=what)


def without_effect(store: Store) -> list[str]:
    """What to tell of reviews that the latest runs leave without effect.

    Under a second with a review index of now, for a million samples; the views take most of a minute for as many.
    """
    with store.snapshot(tables=("reviews",)) as snapshot:
        if not snapshot.query("SELECT 1 FROM raw_reviews LIMIT 1").num_rows:
            return []
    index = review_index.live(store.root)
    if index and index.stamp == review_index.stamp(store.root):
        with closing(Desk(store)) as desk:
            return desk.without_effect()
    with store.snapshot() as snapshot:
        return earlier.notice(lambda sql: snapshot.query(sql).to_pylist())


def environment(args: argparse.Namespace) -> dict[str, str]:
    """What the page is told by its environment."""
    if not 1 <= args.annotators_a_record <= 20:
        raise ConfigError("--annotators-a-record", args.annotators_a_record, "between 1 and 20 people")
    if args.oidc:
        _oidc_is_set_up()
    people = "header" if args.user_header else "oidc" if args.oidc else "ask" if args.ask_name else "name"
    role = args.role or ("lead" if people == "name" else "annotator")
    found = {
        "VISTILL_PAGE": "review", "VISTILL_PEOPLE": people, "VISTILL_ROLE": role,
        "VISTILL_LEADS": "\n".join(args.lead), "VISTILL_VIEWERS": "\n".join(args.viewer),
        "VISTILL_ANNOTATORS": str(args.annotators_a_record), "VISTILL_SEED": str(args.seed),
    }  # fmt: skip
    if args.blind:
        found["VISTILL_BLIND"] = "1"
    if people == "header":
        found["VISTILL_HEADER"] = args.user_header
    if people == "name":
        found["VISTILL_ANNOTATOR"] = annotator_name(args.annotator or _login())
    return found


def _oidc_is_set_up() -> None:
    """ConfigError unless what signing in needs is installed and written down, so that nobody finds out on the page."""
    if find_spec("authlib") is None:
        raise ConfigError("--oidc", "authlib", "is not installed; install with: pip install 'vistill[oidc]'")
    for folder in (Path.cwd(), Path.home()):
        path = folder / ".streamlit" / "secrets.toml"
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8")).get("auth")
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            raise ConfigError("--oidc", str(path), "cannot be read as TOML") from None
        if isinstance(found, dict) and {"redirect_uri", "cookie_secret"} <= set(found):
            return
    problem = "has no [auth] with redirect_uri and cookie_secret, here or in the home folder; docs/review.md shows one"
    raise ConfigError("--oidc", ".streamlit/secrets.toml", problem)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "reviewer"
