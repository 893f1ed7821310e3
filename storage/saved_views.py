"""Filters that people gave a name, in `review/views.json`: small, shared by all who use the store, last writer wins."""

from typing import Any

import orjson

from curation.errors import ConfigError, StoreError
from storage.files import lock, make_directories, os_errors, write_durably
from storage.store import Store

MOST = 200
NAME = 60  # characters


def saved_views(store: Store) -> dict[str, dict[str, Any]]:
    """Name to what was saved under it."""
    path = store.root / "review" / "views.json"
    with os_errors("read", path):
        try:
            found = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except orjson.JSONDecodeError as error:
            raise StoreError(f"{path} is not JSON ({error}): mend or delete it") from error
    return {str(name): value for name, value in found.items() if isinstance(value, dict)}


def save_view(store: Store, name: str, view: dict[str, Any] | None) -> None:
    """Save a view under a name, or forget it with None. ConfigError for a bad name or one view too many."""
    name = " ".join(name.split())
    if not name or len(name) > NAME or not name.isprintable():
        raise ConfigError("name of the view", name[:NAME], f"give 1 to {NAME} printable characters")
    path = store.root / "review" / "views.json"
    with os_errors("write", path):
        make_directories([path.parent])
        with lock(path.with_suffix(".lock"), exclusive=True, seconds=10.0):
            views = {key: value for key, value in saved_views(store).items() if key != name}
            if view is not None:
                views[name] = view
            if len(views) > MOST:
                raise ConfigError("name of the view", name, f"there are {MOST} views: forget one first")
            write_durably(path, orjson.dumps(views))
