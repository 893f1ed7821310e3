"""The report shows hostile text as text: parsed as a browser would, it holds the elements we wrote and no others."""

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from curation.audit import Finding, Row, audit
from curation.audit.report import Head, markdown, page
from tests.curation.planted import clean

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"><svg onload=alert(1)>", "</pre></style><b>",
    "<!--", "&lt;script&gt;", "```\n<iframe>", "javascript:alert(1)", "\ud800 lone", "\u202eevil",
)  # fmt: skip
OURS = {"html", "meta", "title", "style", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "a", "code",
        "pre", "ul", "li"}  # fmt: skip


class Elements(HTMLParser):
    """The names of elements and attributes, and the text, of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def attacked(text: str) -> Iterator[Row]:
    """Rows whose every text is hostile, with defects that quote them."""
    rows = clean(80)
    for row in rows[:6]:
        yield replace(
            row, id=f"{row.id}{text}", split="rl", question=f"<image><image>{text}", reference=text, kind="text",
            trace=f"<think>Here is the revised {text} and</think>\n<answer>{text}</answer>", path=f"images/{text}.png",
            caption=f"Error code: 429 {text}", licence="", source=text, options=(),
        )  # fmt: skip
    yield from rows[6:]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_nothing_more(text: str) -> None:
    findings: list[Finding] = audit(list(attacked(text)))
    assert sum(finding.severity != "info" for finding in findings) >= 3
    written = page(Head("audit-1", text, 80, text, "2026-11-26 03:00", 0.1), findings)
    found = Elements(written)
    assert found.names <= OURS
    assert found.attributes <= {"lang", "charset", "http-equiv", "content", "class", "id", "href"}
    assert text.split("\n")[0] in "".join(found.said)
    assert "default-src 'none'" in written


@pytest.mark.parametrize("text", HOSTILE[:4])
def test_the_markdown_has_no_html_of_theirs_outside_code(text: str) -> None:
    written = markdown(Head("audit-1", text, 80, "", "2026-11-26 03:00", 0.1), audit(list(attacked(text))))
    fences = written.split("```")
    for line in "".join(fences[::2]).splitlines():
        outside = "".join(line.split("`")[::2])
        assert "<" not in outside.replace("\\<", "")
