"""Licences of sources, and the one that a corpus made of them can carry on the Hub. A table and four rules, no lawyer.

Ids are those of the Hub's metadata (https://huggingface.co/docs/hub/repositories-licenses). A conflict is said in a
sentence; nobody is asked to guess. What the providers of the models that wrote the texts allow is not looked at.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

FREE = frozenset({"cc0-1.0", "pddl", "unlicense", "wtfpl"})
"""Asks for nothing, so that it disappears beside any other."""
NAMED = frozenset(
    {
        "afl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "c-uda", "cc-by-2.0",
        "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0", "etalab-2.0",
        "isc", "mit", "ms-pl", "ncsa", "odc-by", "ofl-1.1", "postgresql", "zlib",
    }
)  # fmt: skip
"""Asks for a notice; several may stand side by side."""
ALIKE = frozenset(
    {
        "agpl-3.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
        "cdla-sharing-1.0", "gfdl", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "mpl-2.0", "odbl",
    }
)  # fmt: skip
"""Asks that what is made of it carries the same licence."""
NO_TRADE = frozenset(
    {"cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"}
)
CLOSED = frozenset({"cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"})
"""Allows no adapted work, and a corpus of captions and traces is one."""
KNOWN = FREE | NAMED | ALIKE | NO_TRADE | CLOSED
OTHER_NAMES = {
    "apache-2": "apache-2.0", "apache": "apache-2.0", "cc0": "cc0-1.0", "odc-by-1.0": "odc-by", "odbl-1.0": "odbl",
    "pddl-1.0": "pddl", "gpl-3.0-only": "gpl-3.0", "gpl-3.0-or-later": "gpl-3.0", "gpl-2.0-only": "gpl-2.0",
    "agpl-3.0-only": "agpl-3.0", "gfdl-1.3": "gfdl", "lgpl-3.0-only": "lgpl-3.0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Combined:
    """The licence ids of a corpus, and why it must not be published as it is (none when it may)."""

    ids: tuple[str, ...]
    conflicts: tuple[str, ...]


def hub_id(text: str) -> str:
    """The Hub's id of a licence however it is written (`CC BY 4.0`, `Apache-2.0`); "" for one that is not known."""
    plain = re.sub(r"[\s_-]+", "-", text.strip().lower()).removesuffix("-license").removesuffix("-licence")
    plain = OTHER_NAMES.get(plain, plain)
    return plain if plain in KNOWN else ""


def combined(by_source: Mapping[str, Mapping[str, int]]) -> Combined:
    """What sources with these licences (rows by licence text) come to together."""
    found: dict[str, str] = {}
    conflicts = []
    for source, counts in sorted(by_source.items()):
        for text, rows in sorted(counts.items()):
            if known := hub_id(text):
                found.setdefault(known, source)
            else:
                conflicts.append(_unknown(source, text, rows))
    conflicts += [
        f"{source} is under {one}, which allows no adapted works" for one, source in sorted(found.items())
        if one in CLOSED
    ]  # fmt: skip
    conflicts += _alike(found)
    return Combined(_left(found), tuple(conflicts))


def _unknown(source: str, text: str, rows: int) -> str:
    named = f"{text!r}, which is none of the licences known here" if text else "no licence"
    flag = shlex.quote(f"{source}=cc0-1.0")
    advice = f"--licence {flag}, or another id, states it where it is yours to give" if source else "name the source"
    return f"{source or 'a source without a name'} gives {named} for {rows:,} rows ({advice})"


def _alike(found: Mapping[str, str]) -> list[str]:
    """Two that each claim the whole, or one that claims it and allows the trade that another forbids."""
    claims = sorted(_newest({one for one in found if one in ALIKE}))
    problems = [
        f"{found[claims[0]]} is under {claims[0]} and {found[other]} under {other}: each wants the whole corpus for "
        "itself" for other in claims[1:]
    ]  # fmt: skip
    barred = sorted(one for one in found if one in NO_TRADE and one not in ALIKE)
    problems += [
        f"{found[claim]} is under {claim}, which lets the whole be sold, and {found[other]} under {other}, which does "
        "not" for claim in claims if claim not in NO_TRADE for other in barred
    ]  # fmt: skip
    return problems


def _newest(claims: set[str]) -> set[str]:
    """Creative Commons lets an adapted work carry a later version of the same licence."""
    families: dict[str, str] = {}
    for one in sorted(claims):
        families[one.rsplit("-", 1)[0] if one.startswith("cc-") else one] = one
    return set(families.values())


def _left(found: Mapping[str, str]) -> tuple[str, ...]:
    """What the card says: the one that claims the whole, else each that asks for something, else the free ones."""
    claims = _newest({one for one in found if one in ALIKE})
    return tuple(sorted(claims or {one for one in found if one not in FREE} or set(found)))
