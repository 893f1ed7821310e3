"""Every reason code a sample can carry, with the sentence people read. `docs/reasons.md` is checked against this
table.
"""

INTAKE = {
    "image_missing": "The row names an image file that does not exist, or the store lost its copy.",
    "image_outside": "The image path leaves the source's folder, directly or through a symbolic link.",
    "image_unreadable": "Pillow cannot decode the image file (corrupt, or another format under this name).",
    "image_truncated": "The image file ends before the picture does.",
    "image_empty": "The image file has no bytes.",
    "image_too_small": "A side of the picture is shorter than the smallest allowed (8 pixels by default).",
    "image_too_large": "The picture has more pixels than allowed (64 million by default): refused before decoding.",
    "image_animated": "The picture has several frames; a question about it would be ambiguous.",
    "image_format": "The picture is not PNG, JPEG, WebP, GIF, BMP or TIFF; SVG is among the refused.",
    "row_malformed": "The row is not valid JSON or not an object.",
    "row_encoding": "The row is not valid UTF-8.",
    "field_missing": "A mapped field is absent from the row.",
    "question_empty": "The question has no text.",
    "question_too_long": "The question is longer than allowed (20,000 characters by default).",
    "answer_missing": "The source gives no answer, and the recipe needs one to verify against.",
    "answer_malformed": "The answer cannot be compared (an object, or a list where the kind has no lists).",
    "options_malformed": "The options are not a list of at least two texts.",
    "options_duplicate": "Two options have the same text, so no letter can be right alone.",
    "answer_not_in_options": "The answer is neither the letter nor the text of any option.",
    "duplicate_id": "An earlier row of this source has the same id.",
}

CALLS = {
    "call_bad_request": "The endpoint refused this request (HTTP 4xx that retrying cannot mend); its body is kept.",
    "call_refused": "The endpoint's content filter refused to answer.",
    "call_failed": "The call still failed after all retries (connection, 408, 409, 429, 5xx).",
    "call_timeout": "No complete reply arrived in time after all retries.",
    "call_malformed": "The endpoint answered with something that is not a chat completion.",
    "reply_empty": "The model replied with no text, or with no word where a description was wanted.",
    "reply_truncated": "The reply stopped at the token limit (`finish_reason` = length).",
    "reply_too_long": "The reply is longer than allowed (100,000 characters by default).",
    "reply_not_schema": "The reply, even mended, does not fit the JSON schema asked for; or it is JSON, not prose.",
}

STEPS = {
    "exact_image": "Another sample has the same decoded picture and the recipe keeps one question per image.",
    "exact_question": "Another sample asks the same question about the same decoded picture.",
    "near_image": "Another sample shows a perceptually equal picture (hash, then small grey copies).",
    "near_text": "Another sample about the same picture has nearly the same text (Jaccard of word shingles).",
    "near_meaning": "Another sample about the same picture has a text of nearly the same meaning (embeddings).",
    "near_look": "Another sample asks the same question about a picture that looks alike (embeddings).",
    "embedding_unusable": "The embedding of the text or picture has no direction (NaN, infinite or zero).",
    "contaminated_question": "The question repeats one of a benchmark (word n-grams).",
    "contaminated_answer": "Question, in part, and answer are those of a benchmark's row.",
    "contaminated_image": "The picture is, or nearly is, one of a benchmark.",
    "contaminated_meaning": "The question means what one of a benchmark means (embeddings).",
    "contaminated_look": "The picture looks like one of a benchmark (embeddings).",
    "too_easy": "The sampled model is right about it at least as often as the band allows.",
    "too_hard": "The sampled model is right about it at most as often as the band allows.",
    "over_balance": "Its cluster, source, kind or ability had its share of the balanced choice already.",
    "audit_finding": "An audit named the sample, and `vistill audit --exclude` took it out of the splits.",
    "caption_unavailable": "Nothing to caption: no image, and the source gives neither caption nor problem text.",
    "reply_refusal": "The model declined to do what it was asked.",
    "pseudo_cot_incomplete": "The pseudo-CoT lacks its caption or its reasoning (Vision-R1).",
    "description_answers": "The bridged description states the answer, which the reasoner must not see.",
    "trace_missing": "The imported row has no trace to adopt.",
    "reference_from_trace": "The corpus states the answer only in its trace, so comparing the two proves nothing.",
    "think_missing": "The response has no complete think block.",
    "think_repeated": "The response has more than one think block.",
    "think_empty": "The think block has no text.",
    "answer_empty": "Nothing follows the think block.",
    "answer_repeated": "The response has more than one answer block.",
    "answer_unclosed": "An answer tag is opened and not closed, or the other way round.",
    "answer_untagged": "What follows the think block stands in no answer block, and strict tags were asked for.",
    "answer_in_think": "The only answer block stands inside the think block.",
    "text_outside": "There is text before the think block, between the blocks or after the answer block.",
    "language_unexpected": "The response is mostly in another script than the question.",
    "markup_unexpected": "The response contains HTML or script markup, or a description has think or answer tags.",
    "placeholder_text": "The text holds a trainer's placeholder such as `<image>`, which the export was to refuse.",
    "word_gap": "The rewrite changed the number of words by more than the recipe allows (15 in VLAA-Thinking).",
    "rewrite_changed_number": "The rewrite added, removed or changed a number.",
    "rewrite_changed_option": "The rewrite changed which option letters are named.",
    "rewrite_changed_answer": "The rewrite changed the final answer.",
    "rewrite_changed_tags": "The rewrite lost or added think or answer tags.",
    "leak_remains": "The text still says that a description or caption is being read, after rewriting.",
    "wrong_answer": "The answer does not match the reference.",
    "answer_not_found": "No answer could be extracted from the response.",
    "undecided": "Neither the rules nor a judge could tell whether the answer is right.",
    "timeout": "The mathematical comparison did not end in time; the answer is neither right nor wrong.",
    "judge_unclear": "The judge replied with something other than yes or no.",
    "judge_missing": "The answer needs a judge and the run has none.",
    "question_none": "The model was asked for questions about the picture and proposed none.",
    "question_type": "The made question is of a type the recipe does not ask for.",
    "question_repeated": "The made question repeats an earlier one about the same picture.",
    "ability_unknown": "The made question names an ability that is not in the recipe's set.",
    "abilities_missing": "The made question does not need Reasoning together with another ability.",
    "question_unverifiable": "The made question has no answer that could be checked.",
    "question_ambiguous": "The made question can be read, or answered, in more than one way.",
    "question_unanswerable": "The picture does not show what the made question asks about.",
    "question_image_free": "The made question can be answered without looking at the picture.",
    "question_leaked_answer": "The made question gives its answer away.",
    "question_invalid": "The check called the made question invalid without naming a problem.",
    "answers_disagree": "Two teachers answered differently, and the run has no adjudicator.",
    "adjudged_wrong": "Two teachers answered differently, and the adjudicator found neither right.",
    "chain_ends_elsewhere": "The refined chain does not end in the final answer.",
    "answer_given_away": "The refined chain says that its answer, or the chain itself, was given.",
    "answer_leak": "The trace says that it was given the answer.",
    "says_missing": "The trace says that the picture or the information is missing, or that nothing can be determined.",
    "conclusion_differs": "The think block concludes another answer than the one given after it.",
    "trace_loops": "The trace repeats the same words over and over.",
    "trace_repeats": "More of the trace's 4-grams are repeats than the recipe allows.",
    "trace_too_long": "The trace has more words than the recipe allows.",
    "over_quota": "The source's quota for this split was already full (seeded uniform choice).",
    "not_chosen": "The sample is outside every split the recipe makes.",
    "image_in_other_split": "Its image is already in the other split.",
    "over_target": "Verified, but the number of samples asked for with --accepted was already reached.",
    "step_error": "The step raised an unexpected error; the detail names it.",
    "upstream_pending": "The run stopped before this step was reached.",
}

REASONS: dict[str, str] = {**INTAKE, **CALLS, **STEPS}

WHERE = (
    ("Taking the source in", INTAKE, "step `intake`, status `failed`"),
    ("Model calls", CALLS, "the step that asked, status `failed`"),
    ("Steps", STEPS, "the step named in the outcome, mostly status `dropped`"),
)


def page() -> str:
    """`docs/reasons.md` as text: `python -m curation.reasons > docs/reasons.md`."""
    lines = [
        "# Reason codes",
        "",
        "Every sample that leaves a run carries one of these codes, a detail, and what there was of its text.",
        "`select * from reasons` counts them. Made by `python -m curation.reasons`; a test keeps it so.",
    ]
    for title, codes, place in WHERE:
        lines += ["", f"## {title}", "", f"Recorded at: {place}.", "", "| code | meaning |", "|---|---|"]
        lines += [f"| `{code}` | {meaning} |" for code, meaning in codes.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
