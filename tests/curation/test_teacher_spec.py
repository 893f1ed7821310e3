"""Naming teachers, giving them roles, finding keys and prices, and looking at an endpoint before a run."""

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError, RunStopped, SampleError, VistillError
from curation.teachers.calls import cost_of
from curation.teachers.completions import ERROR_NAMES, body_of, clean, judge_status, read_completion, retry_after
from curation.teachers.openai_http import preflight
from curation.teachers.prices import FREE, Price, load_prices, price_of
from curation.teachers.protocol import Message, Sampling
from curation.teachers.spec import (
    LOCAL_CAPTIONER,
    LOCAL_REASONER,
    WORDED_BY,
    TeacherSpec,
    api_key,
    assign,
    parse_teacher,
    versioned,
)
from curation.teachers.transport import Request, TryAgain
from tests.fakes.model_server import ModelServer

KEY = "sk-very-secret-0123456789"
SPOKEN = ["captioner", "reasoner", "judge"]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_an_endpoint_is_a_url_with_its_model_after_the_hash() -> None:
    spec = parse_teacher("https://api.openai.com/v1#gpt-4o")
    assert (spec.role, spec.name, spec.kind, spec.model) == (None, "api.openai.com", "openai", "gpt-4o")
    assert (spec.base_url, spec.key_env) == ("https://api.openai.com/v1", "OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reasoner=https://h/v1#m", {"role": "reasoner", "name": "h"}),
        ("judge=lab@http://10.0.0.5:8000/v1/#org/model", {"name": "lab", "model": "org/model", "key_env": None}),
        ("http://127.0.0.1:8000/v1#m", {"name": "127.0.0.1:8000", "key_env": None}),
        ("http://[::1]:8000/v1#m", {"name": "[::1]:8000", "base_url": "http://[::1]:8000/v1"}),
        ("https://gate/openai/v1#m", {"name": "gate/openai"}),
        ("https://h/v1/chat/completions#m", {"base_url": "https://h/v1"}),
        ("https://h/v1?rpm=60&tpm=9000#m", {"rpm": 60, "tpm": 9000, "model": "m"}),
        ("https://h/v1#m?max_pixels=4096&sees=no", {"max_pixels": 4096, "sees": False, "model": "m"}),
        ("https://h/v1?concurrency=7&timeout=2.5#m", {"max_concurrency": 7, "timeout": 2.5}),
        ("https://h/v1?key_env=MY_KEY&prompts=small#m", {"key_env": "MY_KEY", "prompts": "small"}),
        ("vllm:HuggingFaceTB/SmolLM2", {"kind": "vllm", "name": "vllm", "send_seed": True}),
        ("box@vllm:/models/x?sees=false", {"name": "box", "model": "/models/x", "sees": False}),
        ("local", {"kind": "local", "name": "local", "prompts": "small"}),
        ("judge=local", {"role": "judge", "kind": "local"}),
    ],
)
def test_every_form_is_read(text: str, expected: dict[str, Any]) -> None:
    spec = parse_teacher(text)
    assert {name: getattr(spec, name) for name in expected} == expected
    assert json.loads(json.dumps(asdict(spec)))["name"] == spec.name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write [ROLE=]"),
        ("gpt-4o", "write [ROLE=]"),
        ("ftp://h/v1#m", "write [ROLE=]"),
        ("reasonr=https://h/v1#m", "did you mean reasoner?"),
        ("https://h/v1", "no model"),
        ("https://h#m", "most endpoints want https://h/v1#MODEL"),
        ("https:///v1#m", "not a URL"),
        ("https://h:port/v1#m", "not a URL"),
        ("https://h/v 1#m", "not a URL"),
        ("vllm:", "vllm:MODEL"),
        ("localhost:8000/v1#m", "write [ROLE=]"),
        ("local:tiny", "write [ROLE=]"),
        ("https://h/v1?concurency=8#m", "did you mean concurrency?"),
        ("https://h/v1?concurrency=0#m", "concurrency wants a whole number from 1 to 4096"),
        ("https://h/v1?timeout=soon#m", "timeout wants seconds"),
        ("https://h/v1?timeout=nan#m", "timeout wants seconds"),
        ("https://h/v1?sees=maybe#m", "sees wants true or false"),
        ("https://h/v1?rpm=1#m?tpm=1", "two option lists"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused_with_the_fix(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_teacher(text)
    assert refused.value.field == "teacher"
    assert words in str(refused.value)


@pytest.mark.parametrize("text", [f"https://me:{KEY}@h/v1#m", f"https://h/v1?api_key={KEY}#m"])
def test_a_key_in_the_url_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_teacher(text)
    assert KEY not in str(refused.value)


@given(st.text(max_size=60) | st.from_regex(r"(judge=|x@)?(https?://|vllm:|local)[ -~]{0,40}", fullmatch=True))
@example("https://[/v1#m")
@example("http://h:99999/v1#m")
def test_any_text_is_a_spec_or_a_config_error(text: str) -> None:
    try:
        spec = parse_teacher(text)
    except ConfigError:
        return
    assert spec.kind == "local" or spec.model
    assert parse_teacher(text) == spec


def test_a_teacher_without_a_role_serves_what_no_other_does() -> None:
    specs = [parse_teacher("https://h/v1#big"), parse_teacher("judge=http://localhost:1/v1#small")]
    assigned = assign(specs, SPOKEN)
    assert {role: spec.model for role, spec in assigned.items()} == {
        "captioner": "big", "reasoner": "big", "judge": "small",
    }  # fmt: skip
    assert [spec.role for spec in assigned.values()] == SPOKEN


def test_a_missing_model_is_the_recipes_for_that_role() -> None:
    published = {"captioner": "gpt-4o", "reasoner": "deepseek-r1", "judge": "gpt-4o"}
    general = parse_teacher("https://router/api/v1", default_models=published)
    assert [spec.model for spec in assign([general], SPOKEN).values()] == ["gpt-4o", "deepseek-r1", "gpt-4o"]
    named = parse_teacher("reasoner=https://router/api/v1", default_models=published)
    assert named.model == "deepseek-r1"
    with pytest.raises(ConfigError, match="no model for rewriter"):
        assign([general], ["rewriter"])


def test_local_captions_by_ocr_and_reasons_by_a_text_model() -> None:
    assigned = assign([parse_teacher("local")], ["captioner", "reasoner", "rewriter"])
    assert [spec.sees for spec in assigned.values()] == [True, False, False]
    assert assigned["captioner"].model != assigned["reasoner"].model == assigned["rewriter"].model


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["judge=local"], "needs a captioner"),
        ([], "needs a captioner"),
        (["local", "judge=local", "judge=https://h/v1#m"], "two teachers for one role"),
        (["local", "https://h/v1#m"], "only one teacher may come without ROLE="),
        (["local", "embedder=https://h/v1#m"], "no role 'embedder' here"),
    ],
)
def test_roles_that_do_not_work_out_are_refused(texts: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match="teacher") as refused:
        assign([parse_teacher(text) for text in texts], SPOKEN)
    assert words in str(refused.value)


def test_a_key_named_after_the_teacher_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = parse_teacher("my-lab@https://h/v1#m")
    monkeypatch.setenv("OPENAI_API_KEY", "general")
    assert api_key(spec) == "general"
    monkeypatch.setenv("VISTILL_KEY_MY_LAB", " own\n")
    assert api_key(spec) == "own"


def test_a_missing_key_says_what_to_export() -> None:
    with pytest.raises(ConfigError, match=r"no key for h: export OPENAI_API_KEY=… \(or VISTILL_KEY_MY_LAB=…\)"):
        api_key(parse_teacher("my-lab@https://h/v1#m"))
    with pytest.raises(ConfigError, match="export MINE="):
        api_key(parse_teacher("https://h/v1?key_env=MINE#m"))


def test_a_server_on_this_machine_needs_no_key_and_is_not_sent_openais(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert api_key(parse_teacher("http://localhost:8000/v1#m")) is None


def test_a_key_with_a_line_break_inside_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nX-Other: 1")
    with pytest.raises(ConfigError) as refused:
        api_key(parse_teacher("https://h/v1#m"))
    assert KEY not in str(refused.value)


def test_preflight_accepts_a_model_on_the_list_and_endpoints_without_one() -> None:
    for models in (["fake", "other"], ["models/fake"], ["fake:latest"], ["fa*"], [], None):
        with ModelServer(models=models) as server:
            asyncio.run(preflight(parse_teacher(f"{server.url}#fake")))
            assert server.requests == []


def test_preflight_names_models_close_to_a_misspelt_one() -> None:
    models = ["qwen3-vl-8b", "llama-4", "qwen3-vl-32b"]
    with ModelServer(models=models) as server, pytest.raises(ConfigError) as refused:
        asyncio.run(preflight(parse_teacher(f"{server.url}#qwen3-vl8b")))
    assert "no such model there; it has qwen3-vl-8b, qwen3-vl-32b" in str(refused.value)


def test_preflight_names_the_variable_of_a_rejected_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTILL_KEY_LAB", KEY)
    with ModelServer(api_key="another") as server, pytest.raises(ConfigError) as refused:
        asyncio.run(preflight(parse_teacher(f"lab@{server.url}#fake")))
    assert "HTTP 401" in str(refused.value)
    assert "check $VISTILL_KEY_LAB" in str(refused.value)
    assert KEY not in str(refused.value)


def stopped_line(spec: TeacherSpec) -> str:
    with pytest.raises(RunStopped, match="cannot be reached") as stopped:
        asyncio.run(preflight(spec))
    return str(stopped.value)


def test_preflight_says_in_one_line_why_nobody_answers() -> None:
    with ModelServer() as server:
        spec = parse_teacher(f"{server.url}#fake")
        tls = stopped_line(replace(spec, base_url=server.url.replace("http", "https")))
    gone = stopped_line(spec)
    nowhere = stopped_line(replace(spec, base_url="http://no-such-host.invalid/v1"))
    assert "check the certificate, or write http://" in tls
    assert "connection refused; start the server, or mend the URL" in gone
    assert "the host name no-such-host.invalid is not known" in nowhere
    assert "\n" not in tls + gone + nowhere


def test_the_price_table_reads_and_names_versions_of_a_model() -> None:
    prices = load_prices()
    spec = parse_teacher("https://api.openai.com/v1#gpt-4o-mini")
    plain = price_of(spec, prices)
    assert plain is not None
    assert plain.of(1_000_000, 1_000_000) == pytest.approx(plain.input + plain.output)
    for name in ("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", "GPT-4o-mini-latest"):
        assert price_of(replace(spec, model=name), prices) == plain
    assert price_of(replace(spec, model="gpt-4o-minimal"), prices) is None
    assert price_of(parse_teacher("https://h/v1#deepseek-chat"), prices) is None
    assert price_of(parse_teacher("vllm:gpt-4o"), prices) == FREE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,input\nm,1\n", "no column output"),
        ("model,input,output\nm,cheap,2\n", "bad line 'm,cheap,2'"),
        ("model,input,output\nm,1\n", "bad line"),
        ("model,input,output\nm,-1,2\n", "out of range"),
        ("", "no column model"),
    ],
)
def test_a_broken_price_table_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(text)
    with pytest.raises(ConfigError, match="VISTILL_PRICES") as refused:
        load_prices(tmp_path / "prices.csv")
    assert words in str(refused.value)


def test_a_users_own_table_takes_the_place_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.csv").write_text("# mine\nmodel,input,output\nours-*,1,2\n")
    monkeypatch.setenv("VISTILL_PRICES", str(tmp_path / "mine.csv"))
    price = price_of(parse_teacher("http://localhost:1/v1#ours-7b"), load_prices())
    assert price is not None
    assert price.of(10, 10) == pytest.approx(30e-6)


def test_error_names_are_those_of_the_openai_package() -> None:
    import openai

    for status, name in ERROR_NAMES.items():
        assert getattr(openai, name).__mro__[1] is openai.APIStatusError
        assert getattr(openai, name).__annotations__["status_code"] is not None
        assert f"[{status}]" in str(getattr(openai, name).__annotations__["status_code"])


NAMES = st.sampled_from(["choices", "message", "content", "error", "usage", "finish_reason", "code", "refusal"])
LIKE_A_COMPLETION = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=300) | LIKE_A_COMPLETION.map(lambda value: json.dumps(value).encode()))
@example(b'{"choices": [{"message": {"content": [{"text": 3}, null]}, "finish_reason": {}}], "usage": [1]}')
@example(b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": true, "completion_tokens": -1}}')
@example(b"[" * 100_000)
@settings(max_examples=300)
def test_any_body_is_a_reply_or_a_fault(data: bytes) -> None:
    try:
        raw = read_completion(data)
    except (TryAgain, SampleError):
        return
    assert raw.finish in ("stop", "length", "content_filter")
    orjson.dumps([raw.text, raw.reasoning, raw.prompt_tokens, raw.completion_tokens])


@given(st.integers(300, 599), st.binary(max_size=200), st.text(max_size=30))
def test_any_error_is_for_the_run_the_request_or_now(status: int, data: bytes, wait: str) -> None:
    headers = {"Retry-After": wait}
    error = judge_status(status, data, headers, where="h#m", key="KEY")
    assert isinstance(error, VistillError | TryAgain)
    orjson.dumps(str(error))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_by_the_servers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(st.text(alphabet=st.characters() | st.characters(categories=["Cs"])))
def test_cleaned_text_is_utf8_and_good_text_is_untouched(text: str) -> None:
    mended = clean(text)
    assert "\x00" not in mended
    assert mended.encode("utf-8").decode("utf-8") == mended
    if "\x00" not in text and not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert mended == text


def body(request: Request, **how: Any) -> Any:
    return body_of(request, {}, **{"host": "h", "continues": False, **how})


def request(**fields: Any) -> Request:
    plain = {"key": "k", "wire": b"", "model": "m", "messages": (Message("user", "q"),), "sampling": Sampling()}
    return Request(**{**plain, "read_image": lambda image: b"", **fields})


def test_a_body_holds_what_was_asked_and_nothing_else() -> None:
    assert body(request()) == {"model": "m", "messages": [{"role": "user", "content": "q"}]}
    full = request(sampling=Sampling(temperature=0.0, top_p=0.9, max_tokens=5, stop=("x",)), seed=7)
    assert body(full) | {"messages": 0} == {
        "model": "m", "messages": 0, "temperature": 0.0, "top_p": 0.9, "max_tokens": 5, "stop": ["x"], "seed": 7,
    }  # fmt: skip


def test_openai_is_told_the_token_limit_by_its_new_name() -> None:
    limited = request(sampling=Sampling(max_tokens=5))
    assert body(limited, host="api.openai.com")["max_completion_tokens"] == 5
    assert "max_tokens" not in body(limited, host="api.openai.com")


def test_a_schema_is_sent_as_a_strict_response_format() -> None:
    sent = body(request(schema={"type": "object"}))["response_format"]
    assert sent["json_schema"] == {"name": "reply", "schema": {"type": "object"}, "strict": True}


def test_vllm_continues_a_last_assistant_turn() -> None:
    turns = (Message("user", "q"), Message("assistant", "<think>"))
    assert body(request(messages=turns), continues=True)["continue_final_message"] is True
    assert "continue_final_message" not in body(request(messages=turns))
    assert "continue_final_message" not in body(request(), continues=True)


def test_a_spec_is_hashable_and_plain() -> None:
    spec = TeacherSpec(name="x", kind="openai", model="m")
    assert {spec: 1}[replace(spec)] == 1


def test_a_free_model_costs_nothing_even_when_it_counts_no_tokens() -> None:
    assert cost_of(FREE, None, None) == 0.0
    assert cost_of(None, 10, 10) is None
    assert cost_of(Price("*", "m", 1.0, 2.0), None, 5) is None
    assert cost_of(Price("*", "m", 1.0, 2.0), 1_000_000, 500_000) == 2.0


def test_an_embedded_model_is_named_by_the_code_that_words_its_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    before = versioned(LOCAL_REASONER), versioned(LOCAL_CAPTIONER)
    monkeypatch.setitem(WORDED_BY, LOCAL_REASONER, ("llama", "wording"))
    assert versioned(LOCAL_REASONER).partition("+")[0] == LOCAL_REASONER
    assert versioned(LOCAL_REASONER) != before[0]
    assert versioned(LOCAL_CAPTIONER) == before[1]
