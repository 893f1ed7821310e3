"""Licences of sources put together: what the whole may carry, and every conflict in a sentence."""

import pytest

from curation.licences import KNOWN, combined, hub_id


def of(**sources: str) -> tuple[tuple[str, ...], int]:
    found = combined({name: {licence: 3} for name, licence in sources.items()})
    return found.ids, len(found.conflicts)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("CC BY 4.0", "cc-by-4.0"), ("Apache 2.0", "apache-2.0"), ("apache-2.0", "apache-2.0"), ("MIT License", "mit"),
        ("CC0", "cc0-1.0"), ("ODC-By-1.0", "odc-by"), ("CC_BY-SA_4.0", "cc-by-sa-4.0"), ("", ""), ("proprietary", ""),
        ("all rights reserved", ""),
    ],
)  # fmt: skip
def test_licences_are_known_however_they_are_written(written: str, known: str) -> None:
    assert hub_id(written) == known


def test_one_licence_is_that_of_the_whole() -> None:
    assert of(a="mit", b="MIT") == (("mit",), 0)


def test_licences_that_ask_for_a_notice_stand_side_by_side_and_free_ones_disappear() -> None:
    assert of(a="mit", b="cc-by-4.0", c="cc0-1.0") == (("cc-by-4.0", "mit"), 0)
    assert of(a="cc0-1.0", b="pddl") == (("cc0-1.0", "pddl"), 0)


def test_a_licence_that_claims_the_whole_is_that_of_the_whole() -> None:
    assert of(a="mit", b="cc-by-sa-4.0") == (("cc-by-sa-4.0",), 0)
    assert of(a="cc-by-sa-3.0", b="cc-by-sa-4.0") == (("cc-by-sa-4.0",), 0)
    assert of(a="cc-by-nc-4.0", b="cc-by-nc-sa-4.0") == (("cc-by-nc-sa-4.0",), 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cc-by-sa-4.0", "odbl"), ("cc-by-sa-4.0", "cc-by-nc-4.0"), ("gpl-3.0", "cc-by-nc-sa-4.0"),
        ("mit", "cc-by-nd-4.0"), ("mit", ""), ("mit", "proprietary"),
    ],
)  # fmt: skip
def test_conflicts_are_found_whichever_comes_first(one: str, other: str) -> None:
    assert of(a=one, b=other)[1] > 0
    assert of(a=other, b=one)[1] > 0


def test_a_conflict_names_the_sources_and_what_to_do() -> None:
    [said] = combined({"scans": {"": 12}, "charts": {"mit": 3}}).conflicts
    assert said.startswith("scans gives no licence for 12 rows (--licence scans=cc0-1.0,")
    [said] = combined({"my scans; rm -r": {"": 1}}).conflicts
    assert "--licence 'my scans; rm -r=cc0-1.0'" in said
    [said] = combined({"wiki": {"CC BY-SA 4.0": 1}, "maps": {"odbl": 1}}).conflicts
    assert "wiki" in said
    assert "maps" in said


def test_every_known_licence_is_its_own_id() -> None:
    assert {hub_id(one) for one in KNOWN} == KNOWN
