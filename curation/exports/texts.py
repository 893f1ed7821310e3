"""What the texts of every format share: no foreign placeholder, options under the question, one think and answer block.

Trainers count `<image>` in the text against the pictures, and tokenizers take `<|im_end|>` for the end of a turn
wherever it stands, so text that came from a source or a model may hold neither.
"""

import re
from collections.abc import Sequence

from curation.answers import parse
from curation.answers.by_choice import correct_letter
from curation.answers.options import UNLIMITED, lettered, options_in
from curation.errors import SampleError
from curation.records import Option
from curation.steps.distill import lettered as lines_of

MARKER = "<image>"
"""What verl, EasyR1, LLaMA-Factory and ms-swift put a picture in place of (`specs/exports.md` §5.3)."""

PLACEHOLDER = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"  # <|im_start|>, <|image_pad|>, <|vision_end|> …
    r"|<(?:image|video|audio|img_context|image_soft_token|start_of_image|end_of_image|start_of_turn|end_of_turn)>"
    r"|\[(?:IMG|IMG_BREAK|IMG_END|INST|/INST)\]|</?s>|</?img>",
    re.IGNORECASE,
)
AT_THE_EDGE = re.compile(rf"\A(?:\s*{MARKER})+|(?:{MARKER}\s*)+\Z", re.IGNORECASE)

PLAIN_RESPONSE = re.compile(r"\s*<think>([^<\[]*)</think>\s*<answer>([^<\[]*)</answer>\s*")
"""A response with one block of each kind and nothing else, in which no tag and no placeholder can hide."""

WRAPPED = "<think>\n{think}\n</think>\n\n<answer>\n{answer}\n</answer>"
BARE = "<think>\n{think}\n</think>\n\n{answer}"


def harmless(text: str) -> tuple[str, int]:
    """The text with placeholders shown and not meant (`<image>` becomes `‹image›`), and how many there were."""
    if "<" not in text and "[" not in text:  # one of them begins every placeholder
        return text, 0
    return PLACEHOLDER.subn(lambda found: f"‹{found[0][1:-1]}›", text)


def question_of(text: str) -> str:
    """The question without the markers that sources put before or after it; those inside stay."""
    if "<" not in text:
        return text.strip()
    return AT_THE_EDGE.sub("", text).strip()


def choices(options: Sequence[Option], reference: str | None) -> tuple[tuple[Option, ...], str | None]:
    """Options with letters, and the reference as one of them where it names one.

    Raises `SampleError` when there are more options than letters, or two share one.
    """
    if not options:
        return (), reference
    if len(options) > len(UNLIMITED):
        raise SampleError("options_malformed", f"{len(options)} options, and {len(UNLIMITED)} letters to name them")
    named = lettered(options)
    if len({option.letter for option in named}) < len(named):
        raise SampleError("options_malformed", "two options have the same letter")
    return named, (correct_letter(reference, named) if reference else None) or reference


def asked(question: str, options: Sequence[Option]) -> str:
    """The question with its options below it, unless it lists them itself."""
    if not options:
        return question
    itself = len(options_in(question)) == len(options)
    return "\n".join(filter(None, (question, "" if itself else lines_of(tuple(options)))))


def harmless_parts(text: str) -> tuple[tuple[str, str], int]:
    """((reasoning, answer), placeholders shown): `response_parts` of the `harmless` text, quickly for a plain one."""
    if plain := PLAIN_RESPONSE.fullmatch(text):
        return (plain[1].strip(), plain[2].strip()), 0
    safe, count = harmless(text)
    return (response_parts(safe) if safe else ("", "")), count


def response_parts(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a response; the answer is what its answer block holds, else all that was said after."""
    parsed = parse(text)
    return parsed.think, parsed.answer


def response(think: str, answer: str, *, answer_tags: bool = True) -> str:
    """One think block and one answer block; R1 answers in free text, so what follows the think block is wrapped.

    That wrapping is not published for VLAA-Thinking (`specs/corpora.md` §1.7); without `answer_tags` it stays free.
    """
    return (WRAPPED if answer_tags else BARE).format(think=think, answer=answer)
