"""One page of `vistill review` alone under Streamlit's test driver, for a person with a role."""

from importlib import import_module
from pathlib import Path

import streamlit
from streamlit.testing.v1 import AppTest

from storage.desk import Desk
from storage.store import Store
from tests.ui.built import drawn_html, sound, texts
from ui.people import Person

SCRIPT = "from tests.ui.paged import draw; draw({module!r}, {root!r}, {name!r}, {role!r})"
DESKS: dict[str, Desk] = {}


def draw(module: str, root: str, name: str, role: str) -> None:
    """What the script of the test driver runs."""
    desk = DESKS.setdefault(root, Desk(Store(Path(root))))
    desk.take_in(at_once=True)
    import_module(f"ui.{module}").page(desk, Person(name, role))  # type: ignore[arg-type]


def page_of(store: Store, module: str, *, name: str = "ann", role: str = "lead") -> AppTest:
    """The page after its first run; any exception in it fails the test."""
    streamlit.cache_data.clear()
    DESKS.clear()
    script = SCRIPT.format(module=module, root=str(store.root), name=name, role=role)
    return sound(AppTest.from_string(script, default_timeout=30).run())


def press(page: AppTest, label: str) -> AppTest:
    """Press the button that begins with this label."""
    return sound(next(button for button in page.button if button.label.startswith(label)).click().run())


def words(page: AppTest) -> str:
    """All plain text and HTML on the page."""
    return "\n".join([*texts(page), drawn_html(page)])
