"""Published corpora in the shapes their files have: what is kept, what is mended, what is refused and why."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import parse
from curation.errors import SampleError
from curation.intake import samples as taken_in
from curation.records import Json, Rejected, Sample
from curation.sources import open_source
from curation.sources.published import FORMATS
from curation.sources.published.mulberry import taken_apart
from curation.sources.published.shared import asked, escaped, reference
from curation.sources.spec import PUBLISHED
from tests.curation.published import DATA, PICTURES, beside, taken, unpacked
from tests.curation.sourced import bad_use


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("published") / "images")


def by_id(samples: list[Sample]) -> Mapping[str, Sample]:
    return {sample.id: sample for sample in samples}


def test_every_scheme_has_a_format_and_every_format_a_scheme() -> None:
    assert set(PUBLISHED) == set(FORMATS)


# VLAA-Thinking


def test_vlaa_rows_keep_trace_caption_facts_and_metadata(images: Path) -> None:
    samples, refused = taken("vlaa-thinking", "vlaa_thinking_v1.json", images)
    assert (len(samples), refused) == (6, [])
    cubes = samples[0]
    assert cubes.id == "clevr_math-CLEVR_train_000012.png"
    assert (cubes.source, cubes.kind, cubes.reference) == ("clevr_math", "digit", "4")
    assert cubes.solution.startswith("<think>\nI see five objects")
    assert cubes.given_caption == "Five solids stand on a grey plane; one is a large blue cube."
    assert cubes.context.startswith("large blue cube; small red ball")
    assert cubes.meta["caption_model_id"] == "gpt-4o-0806"
    assert samples[4].meta["llava-v1.5-7b-ppl-caption"] == 6.25


def test_a_worked_solution_gives_its_last_answer_and_stays_in_the_metadata(images: Path) -> None:
    samples, _ = taken("vlaa-thinking", "vlaa_thinking_v1.json", images)
    synthesis = by_id(samples)["synthesis-17"]
    assert (synthesis.reference, synthesis.kind) == ("$y=2x+1$", "math")
    assert synthesis.meta["gt"].startswith("The line passes through")
    assert synthesis.text_question == "A line passes through (0, 1) and (1, 3). Find the function."
    assert synthesis.given_caption is None


def test_inline_options_in_every_format_make_the_answer_a_letter(images: Path) -> None:
    samples, _ = taken("vlaa-thinking", "vlaa_thinking_v1.json", images)
    geometry, curves = samples[2], samples[3]
    assert (geometry.kind, geometry.reference, geometry.options) == ("mcq", "B", ())
    assert "\nB. 90°\n" in geometry.question  # the question stays as published, options in it
    assert (curves.kind, curves.reference, curves.meta["gt"]) == ("mcq", "B", "(b)")


def test_a_leading_slash_means_the_folder_of_pictures(images: Path) -> None:
    samples, _ = taken("vlaa-thinking", "vlaa_thinking_v1.json", images)
    assert samples[4].source == "allava_laion"
    assert samples[4].image is not None
    assert samples[4].kind == "open"


def test_an_empty_chain_is_taken_in_for_the_recipe_to_judge(images: Path) -> None:
    samples, _ = taken("vlaa-thinking", "vlaa_thinking_v1.json", images)
    assert "think_empty" in parse(samples[5].solution).faults


def test_the_sft_file_has_its_trace_in_the_answer_and_may_lack_gt(images: Path) -> None:
    samples, _ = taken("vlaa-thinking", "vlaa_thinking_sft.json", images)
    total, plate = samples
    assert (total.reference, total.kind) == ("$41.20", "number")
    assert "reference_from" not in total.meta
    assert total.solution == "<think>The last line says 41.20.</think>\n<answer>$41.20</answer>"
    assert (plate.reference, plate.meta["reference_from"]) == ("broccoli", "trace")


def test_verifier_types_choose_the_kind_and_rows_without_a_trace_are_kept(images: Path) -> None:
    samples, refused = taken("vlaa-thinking", "vlaa_thinking_grpo.jsonl", images)
    assert refused == []
    assert [(s.kind, s.reference) for s in samples] == [
        ("digit", "3"), ("box", "[0.1, 0.2, 0.5, 0.6]"), ("mcq", "C"), ("open", "oat milk"),
    ]  # fmt: skip
    assert samples[1].solution == ""
    assert samples[2].meta["verifier_type"] == "mcq"


def test_the_reference_of_a_dressed_answer_is_bare_and_what_stood_there_is_kept(images: Path, tmp_path: Path) -> None:
    chain = "<SUMMARY>s</SUMMARY><CAPTION>c</CAPTION><REASONING>r</REASONING>"
    said = {
        "vision-r1-cold": "<think>I count.</think><answer>**Final Answer:** 2</answer>",
        "llava-cot": f"{chain}<CONCLUSION>The answer is B.</CONCLUSION>",
    }
    found: list[tuple[str | None, str, Json]] = []
    for name, response in said.items():
        turns = [{"from": "human", "value": "<image>How many?\nA. 1\nB. 2"}, {"from": "gpt", "value": response}]
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": 1, "image": PICTURES[0], "conversations": turns}))
        [one] = taken_in(open_source(f"{name}:{tmp_path / name}.jsonl?images={images}"))
        assert isinstance(one, tuple)
        found.append((one[0].reference, one[0].kind, one[0].meta["published_answer"]))
    assert found == [("B", "mcq", "**Final Answer:** 2"), ("B", "mcq", "The answer is B.")]


@pytest.mark.parametrize("name", ["vlaa-thinking", "wethink", "vision-r1-rl"])
def test_one_id_may_name_several_questions(name: str, images: Path, tmp_path: Path) -> None:
    columns = {
        "vlaa-thinking": {"gt": "4", "image": PICTURES[0]},
        "wethink": {"answer": "4", "refined_cot": "I count.", "image_path": PICTURES[0]},
        "vision-r1-rl": {"answer": "4", "images": [PICTURES[0]]},
    }[name]
    asks = ["How many cubes?", "How many balls?", "How many balls?", "How many cubes?", "How many rods?"]
    word = "question" if name == "vlaa-thinking" else "problem"
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"id": "clevr_math-7", word: ask, **columns}) for ask in asks))
    found = list(taken_in(open_source(f"{name}:{file}?images={images}")))
    samples = [one[0] for one in found if isinstance(one, tuple)]
    assert [sample.question for sample in samples] == [asks[0], asks[1], asks[4]]
    assert len({sample.id for sample in samples}) == 3
    assert [sample.meta.get("published_id") for sample in samples] == [None, "clevr_math-7", "clevr_math-7"]
    assert [one.reason for one in found if isinstance(one, Rejected)] == ["duplicate_id", "duplicate_id"]


# Vision-R1


def test_both_cold_styles_give_question_trace_and_answer(images: Path) -> None:
    samples, _ = taken("vision-r1-cold", "vision_r1_llava_cot_full.json", images)
    pole, year = samples
    assert pole.question == "Which is the magnet's pole?\nA. north\nB. south"
    assert (pole.kind, pole.reference, pole.source) == ("mcq", "B", "sqa")
    assert "Answer: B" in pole.solution  # the answer said twice stays in the trace
    assert (year.question, year.reference, year.kind) == ("What is the value in 2019?", "40.1", "number")
    assert year.meta["published_id"] == "chartqa_2"
    samples, _ = taken("vision-r1-cold", "vision_r1_mulberry_sft_full.json", images)
    assert [(s.reference, s.source) for s in samples] == [("x = 5", "geo170k"), ("No, because it looks shut", "vqa")]
    assert "<think> The image shows illustrates" in samples[0].solution  # published faults are not mended here


def test_a_reference_that_only_the_trace_states_says_so(images: Path) -> None:
    samples, _ = taken("vision-r1-cold", "vision_r1_llava_cot_full.json", images)
    assert {sample.meta["reference_from"] for sample in samples} == {"trace"}


def test_conversations_that_are_no_question_and_answer_are_refused_with_their_row(images: Path) -> None:
    _, refused = taken("vision-r1-cold", "vision_r1_mulberry_sft_full.json", images)
    assert [row.reason for row in refused] == ["row_malformed", "row_malformed"]
    assert "not question and answer" in refused[0].detail
    assert "narrator" in refused[1].detail
    assert json.loads(refused[1].raw)["images"] == "mulberry_images/vqa/11.png"


def test_the_rl_set_is_parquet_with_the_pictures_inside(tmp_path: Path, images: Path) -> None:
    picture = (images / PICTURES[0]).read_bytes()
    row = {"problem": "<image>Find x.\nA. 3\nB. 4", "images": [{"bytes": picture, "path": None}], "answer": "B"}
    pq.write_table(pa.Table.from_pylist([row, {**row, "images": []}]), tmp_path / "train-00000-of-00001.parquet")
    source = open_source(f"vision-r1-rl:{tmp_path}/train-*.parquet")
    first, _ = source.rows()
    assert first.values["question"] == "Find x.\nA. 3\nB. 4"  # type: ignore[union-attr]
    kept, refused = taken_in(source)
    assert (kept[0].reference, kept[0].kind, kept[0].solution) == ("B", "mcq", "")  # type: ignore[index]
    assert refused.reason == "row_malformed"  # type: ignore[union-attr]


# WeThink


def test_wethink_rows_keep_abilities_category_and_reward(images: Path) -> None:
    samples, _ = taken("wethink", "WeThink_Multimodal_Reasoning_120K.jsonl", images)
    assert [(s.kind, s.source) for s in samples] == [("mcq", "coco"), ("digit", "docvqa"), ("open", "sam")]
    assert samples[0].meta["abilities"] == ["Reasoning", "Recognition", "Spatial Awareness"]
    assert samples[1].meta["abilities"] == ["Reasoning", "OCR"]
    assert (samples[2].meta["category"], samples[2].meta["reward"]) == ("DES", "model")


def test_tags_inside_a_chain_are_taken_out_and_its_own_answer_is_the_traces(images: Path) -> None:
    samples, _ = taken("wethink", "WeThink_Multimodal_Reasoning_120K.jsonl", images)
    plain, tagged = samples[0], samples[1]
    assert parse(tagged.solution).faults == ()
    assert parse(tagged.solution).think == "I count two [video] tags."
    assert "reference_from" not in tagged.meta  # chain and column each state an answer: they can be compared
    assert plain.meta["reference_from"] == "trace"
    assert parse(plain.solution).answer == "B"


def test_literal_image_tags_in_a_text_do_not_count_as_pictures(images: Path) -> None:
    samples, _ = taken("wethink", "WeThink_Multimodal_Reasoning_120K.jsonl", images)
    assert samples[1].question == "The page mentions an [image] tag. How many [video] tags follow?"


def test_wethink_refuses_empty_chains_paths_outside_and_missing_columns(images: Path) -> None:
    _, refused = taken("wethink", "WeThink_Multimodal_Reasoning_120K.jsonl", images)
    assert [row.reason for row in refused] == ["think_empty", "think_empty", "image_outside", "field_missing"]


# LLaVA-CoT and Mulberry


def test_llava_cot_stages_become_caption_chain_and_answer_for_every_turn(images: Path) -> None:
    samples, refused = taken("llava-cot", "llava_cot_train.jsonl", images)
    bus, bench = samples
    assert bus.given_caption == "A red bus at a stop."
    assert parse(bus.solution).faults == ()
    assert parse(bus.solution).think == "I will look at the bus.\n\nA red bus at a stop.\n\nThe bus is red."
    assert (bus.reference, bench.reference) == ("red", "a bench")  # the second conclusion is never closed
    assert bench.context == "Earlier question: What colour is the bus?\nAnswer: red"
    assert (bench.meta["turn"], bench.meta["published_id"]) == (2, "500")
    assert [row.reason for row in refused] == ["answer_missing"]  # a response without a conclusion


def test_mulberry_headings_become_caption_chain_and_answer(images: Path) -> None:
    samples, refused = taken("mulberry", "mulberry_sft.json", images)
    [circles] = samples
    assert (circles.given_caption, circles.reference, circles.source) == ("Two circles and a square.", "2", "clevr")
    assert parse(circles.solution).answer == "2"
    assert "### Step 2:\nOne on the right." in parse(circles.solution).think
    assert [row.reason for row in refused] == ["answer_missing", "row_malformed"]
    assert "2 images" in refused[1].detail


def test_the_last_final_answer_heading_counts() -> None:
    text = "### The final answer is: 3\nNo.\n### Final Answer: 4"
    assert taken_apart(text) == ("### The final answer is: 3\nNo.", "4")


# References and texts


@pytest.mark.parametrize(
    ("given", "question", "answer", "kind"),
    [
        ("Final Answer:option B.", "Pick\nA. 5cm\nB. 6cm", "B", "mcq"),
        ("Final Answer:B. 6cm (as measured)\nAnswer: B", "Pick\nA. 5cm\nB. 6cm", "B", "mcq"),
        ("6cm", "Pick: (A) 5cm (B) 6cm", "B", "mcq"),
        (" Final Answer: 40.1 ", "How much?", "40.1", ""),
        ("B and C", "Pick\nA. 1\nB. 2\nC. 3", "B and C", ""),
        ("Final Answer:No, because it is shut", "Open?", "No, because it is shut", ""),
        (7, "How many?", "7", ""),
        (r"\boxed{12}", "How many?", "12", ""),
        ("**Final Answer:** 2", "How many?", "2", ""),
        ("**Final Answer: 2**", "How many?", "2", ""),
        ("Final Answer: **2**", "How many?", "2", ""),
        ("**Final Answer:** **2.5 cm**.", "How long?", "2.5 cm", ""),
        ("**2**", "How many?", "2", ""),
        ("The answer is B.", "Which option of the picture?", "B", ""),
        ("The answer is B.", "Pick\nA. 5cm\nB. 6cm", "B", "mcq"),
        ("The correct answer is **B. 6cm**", "Pick\nA. 5cm\nB. 6cm", "B", "mcq"),
        ("So the answer is 40.1 kg.", "How heavy?", "40.1 kg", ""),
        ("The bus is red.", "What colour?", "The bus is red.", ""),
        ("The result is shown in the table.", "Where?", "The result is shown in the table.", ""),
        ("The answer is that nobody can tell.", "Why?", "The answer is that nobody can tell.", ""),
        ("2**3", "What is written?", "2**3", ""),
        ("__init__", "What is written?", "__init__", ""),
        ("Answer:", "What is written?", "Answer:", ""),
        ("**", "What is written?", "**", ""),
    ],
)  # fmt: skip
def test_published_answers_are_read_whatever_they_are_dressed_in(
    given: Json, question: str, answer: str, kind: str
) -> None:
    assert reference(given, question) == (answer, kind)


def test_only_one_marker_at_the_edge_stands_for_the_picture() -> None:
    assert asked("<image>\nWhat does <image> mean?") == "What does [image] mean?"
    assert asked("What is this?<image>") == "What is this?"


@given(st.text())
def test_no_image_marker_survives(text: str) -> None:
    assert "<image>" not in escaped(f"{text}<image>{text}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
COLUMNS = st.sampled_from(
    ["id", "image", "images", "question", "gt", "answer", "ds_answer", "meta", "caption", "conversations", "messages",
     "problem", "refined_cot", "image_path", "category", "abilities", "verifier_type"]
)  # fmt: skip


@given(st.sampled_from(sorted(FORMATS)), st.dictionaries(COLUMNS, JSON, max_size=8))
def test_no_row_raises_anything_but_a_sample_error(name: str, row: dict[str, Json]) -> None:
    try:
        found = list(FORMATS[name].read(row))
    except SampleError:
        return
    assert all({"question", "image", "answer"} <= set(one) for one in found)


# Files and bad use


def test_a_file_of_another_format_is_told_with_the_one_that_fits() -> None:
    said = bad_use(f"wethink:{DATA / 'mulberry_sft.json'}")
    assert "is not wethink" in said
    assert "fit mulberry" in said


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("vlaa-thinking:{d}/vlaa_thinking_v1.json?images=/no/such/folder", "is not a folder"),
        ("vlaa-thinking:{d}/nothing.json", "cannot be read"),
        ("vlaa-thinking:{d}/vlaa_thinking_v1.json?image=x", "did you mean 'images'?"),
        ("vision-r1-rl:{d}/nothing-*.parquet", "no such Parquet file"),
        ("vlaa-thinkin:{d}/vlaa_thinking_v1.json", "did you mean 'vlaa-thinking'?"),
    ],
)  # fmt: skip
def test_bad_use_is_one_clear_line(spec: str, part: str) -> None:
    assert part in bad_use(spec.format(d=DATA))


def test_without_an_option_pictures_lie_beside_the_file(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "corpus")
    file = beside(folder, "llava_cot_train.jsonl")
    assert sum(isinstance(item, tuple) for item in taken_in(open_source(f"llava-cot:{file}"))) == 2


def test_links_and_absolute_paths_lead_nowhere_else(tmp_path: Path, images: Path) -> None:
    (images / "link.png").unlink(missing_ok=True)
    (images / "link.png").symlink_to(images.parent / "outside.png")
    rows = [
        {"id": "a-1", "image": "link.png", "question": "q?", "gt": 1},
        {"id": "a-2", "image": str(images.parent / "outside.png"), "question": "q?", "gt": 1},
        {"id": "a-3", "image": str(images / PICTURES[0]), "question": "q?", "gt": 1},
        {"id": "a-4", "image": "https://example.org/a.png", "question": "q?", "gt": 1},
    ]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    found = list(taken_in(open_source(f"vlaa-thinking:{file}?images={images}")))
    reasons = [getattr(item, "reason", "taken") for item in found]
    assert reasons == ["image_outside", "image_missing", "taken", "image_outside"]
