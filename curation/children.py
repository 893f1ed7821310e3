"""Rows made of a row: what a step of scope "many" returned, as JSON in its outcome and as samples again.

The samples depend on nothing but the parent and that outcome, so a run that was killed in between makes the same ones
from the store. An id is the parent's with the child's number; what is asked is in the key, so a new question under an
old id is a new sample.
"""

from collections.abc import Sequence
from dataclasses import asdict

from curation.records import CHILDREN_EACH, Json, Option, Outcome, Sample, child_position
from curation.step import Child


def as_value(children: Sequence[Child]) -> Json:
    """The outcome value of the parent. Raises `ValueError` for none (a step says `Drop` then) or too many."""
    if not 0 < len(children) <= CHILDREN_EACH:
        raise ValueError(f"{len(children)} children; at least 1 and at most {CHILDREN_EACH}, or a Drop")
    return {"children": [asdict(child) for child in children]}


def born(parent: Sample, outcome: Outcome) -> list[tuple[Sample, Outcome]]:
    """Every child as a sample, and what the step made of it under the parent's fingerprint: ok, or dropped at birth."""
    found = []
    for number, given in enumerate(outcome.value["children"]):
        child = Child(**{**given, "options": tuple(Option(**option) for option in given["options"])})
        sample = Sample(
            id=f"{parent.id}#{number + 1}", source=parent.source, question=child.question, reference=child.reference,
            kind=child.kind, image=parent.image, options=child.options, given_caption=child.caption,
            licence=parent.licence, parent=parent.id, position=child_position(parent.position, number),
        )  # fmt: skip
        made = Outcome(
            sample.id, sample.key, outcome.step, outcome.fingerprint, "dropped" if child.reason else "ok", child.value,
            child.reason, child.detail,
        )  # fmt: skip
        found.append((sample, made))
    return found
