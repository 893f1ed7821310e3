"""Replies as data: what fits, what is mended once, what is refused with its text kept."""

import asyncio
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from curation.errors import SampleError
from curation.teachers.protocol import Message, Reply
from curation.teachers.structured import ask_as, read_as, strict_schema
from tests.curation.scripted import Scripted


class Part(BaseModel):
    name: str
    share: float = Field(ge=0, le=1)


class Judged(BaseModel):
    verdict: Literal["right", "wrong"]
    parts: list[Part] = []


GOOD = '{"verdict": "right", "parts": [{"name": "sum", "share": 0.5}]}'
QUESTION = [Message("system", "You judge."), Message("user", "Is it right?")]


def ask(*answers: Any) -> tuple[Any, Scripted]:
    teacher = Scripted(list(answers))
    return asyncio.run(ask_as(teacher, Judged, QUESTION)), teacher


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"\n```\n{GOOD}\n```\n"])
def test_a_fitting_reply_is_one_call(text: str) -> None:
    (judged, keys), teacher = ask(text)
    assert judged == Judged(verdict="right", parts=[Part(name="sum", share=0.5)])
    assert keys == ("key-1",)
    assert '"verdict"' in teacher.asked[0][0][-1].text


def test_a_bad_reply_is_shown_to_the_model_once_with_what_is_wrong() -> None:
    (judged, keys), teacher = ask('{"verdict": "maybe", "parts": [{"name": "x", "share": 7}]}', GOOD)
    assert judged.verdict == "right"
    assert keys == ("key-1", "key-2")
    said = teacher.asked[1][0]
    assert [message.role for message in said[-2:]] == ["assistant", "user"]
    assert "verdict" in said[-1].text
    assert "parts.0.share" in said[-1].text


def test_a_reply_that_stays_bad_is_refused_with_its_text() -> None:
    with pytest.raises(SampleError) as refused:
        ask("Sure! It is right.", "It is right, I said.")
    assert (refused.value.reason, refused.value.raw) == ("reply_not_schema", "It is right, I said.")


def test_the_schema_is_strict_at_every_depth() -> None:
    schema = strict_schema(Judged)
    assert (schema["required"], schema["additionalProperties"]) == (["verdict", "parts"], False)
    assert schema["$defs"]["Part"]["additionalProperties"] is False
    assert "default" not in str(schema)


@given(st.text(max_size=60))
def test_any_text_that_is_no_such_object_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(SampleError) as refused:
        read_as(Judged, Reply(text, key="k"))
    assert (refused.value.reason, refused.value.raw) == ("reply_not_schema", text)
