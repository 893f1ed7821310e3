"""Step 7 of WeThink: a chain becomes shorter and consistent, by a VLM that sees the picture and the final answer.

What must not happen in between is checked by rule: another ending, numbers from nowhere, a word about having been told.
"""

import re
from typing import Literal

from curation.answers import check_async, parse
from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Kind, Option
from curation.step import Drop, step
from curation.steps.agree import comparing
from curation.steps.distill import lettered
from curation.steps.leaks import leaks
from curation.steps.replies import text_of, unexpected
from curation.steps.rewrite import numbers
from curation.teachers.protocol import Teacher

TAGS = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
BLOCK = re.compile(r"<answer>.*?</answer>", re.IGNORECASE | re.DOTALL)
SENTENCE = re.compile(r"(?<=[.?!])\s+")
STOPS = " \n.!*\"'”’"
TOLD = re.compile(
    r"\b(?:(?:the|this) (?:given|provided|known|stated|expected|final reference|reference|correct) answer"
    r"|answer (?:that )?(?:was|is|were) (?:given|provided)|(?:was|am|were|been) (?:told|given) (?:that )?the answer"
    r"|(?:original|raw|given|provided|previous) (?:chain|reasoning|thoughts?))\b",
    re.IGNORECASE,
)


@step
async def shorten(
    settle: dict[str, Json],
    answer_text: str,
    answer_image: str,
    question: str,
    options: tuple[Option, ...],
    kind: Kind,
    image: Image,
    *,
    rewriter: Teacher,
    prompt: PromptSet = prompts("wethink/shorten", role="rewriter", extra=("chain", "answer")),
    chain_of: Literal["right_answer", "reasoner"] = "right_answer",
    max_growth: float = 1.2,
    slack: int = 15,
    max_foreign: float = 0.1,
) -> dict[str, Json] | Drop:
    """{text: `<think>` and `<answer>` blocks, chain, words_before, words_after} (step 7; the model is not published).

    `right_answer` refines the chain of whoever was right, `reasoner` always the reasoner's. `max_growth` bounds the
    words as a multiple of the raw chain's; a short chain may grow by `slack` words all the same. The image is shown to
    a rewriter that sees.
    """
    raw = parse(answer_image if chain_of == "right_answer" and settle["chosen"] == "image" else answer_text).think
    answer = str(settle["extracted"])
    columns = {"question": question, "options": lettered(options), "chain": raw, "answer": answer}
    shown = (image,) if rewriter.sees else ()
    reply = text_of(await rewriter.ask(prompt.fill(columns, images=shown), sampling=prompt.sampling))
    chain = bare(reply)
    value: dict[str, Json] = {
        "text": f"<think>\n{chain}\n</think>\n\n<answer>{answer}</answer>", "chain": chain,
        "words_before": len(raw.split()), "words_after": len(chain.split()),
    }  # fmt: skip
    known = "\n".join([raw, question, lettered(options), answer])
    if fault := spoilt(chain, raw, known, question, max_growth, slack):
        return Drop(fault[0], fault[1], value)
    if bad := unexpected(chain, question, max_foreign=max_foreign, markup="drop"):
        return Drop(bad.reason, bad.detail, value)
    if not await ends_in(chain, answer, kind, options, question):
        return Drop("chain_ends_elsewhere", f"should end in {answer[:200]!r}: …{chain[-200:]}", value)
    return value


def bare(reply: str) -> str:
    """The chain of a reply, without an answer block and without tags of its own."""
    return TAGS.sub("", BLOCK.sub("", reply)).strip()


def spoilt(chain: str, raw: str, known: str, question: str, max_growth: float, slack: int) -> tuple[str, str] | None:
    """(reason code, detail) of what the refined chain must not have; numbers must come from `known`."""
    if not chain:
        return "think_empty", "nothing is left without tags"
    before, after = len(raw.split()), len(chain.split())
    if after > max(max_growth * before, before + slack):
        return "word_gap", f"{before} words became {after}"
    if new := numbers(chain).keys() - numbers(known).keys():
        return "rewrite_changed_number", f"not in the chain, question or answer: {', '.join(sorted(new)[:5])}"
    if told := TOLD.search(chain):
        return "answer_given_away", told[0]
    if found := leaks(chain, question):
        return "leak_remains", "; ".join(found[:5])
    return None


async def ends_in(chain: str, answer: str, kind: Kind, options: tuple[Option, ...], question: str) -> bool:
    """Whether the last sentence states the answer, or the chain's last words are the answer (`Dr. Smith` has a full
    stop inside); a description is no sentence one could hold it against.
    """
    if kind == "open":
        return True
    last = SENTENCE.split(chain)[-1]
    verdict = await check_async(last, answer, kind=comparing(answer, kind), options=options, question=question)
    if verdict.correct is True or kind == "mcq":
        return verdict.correct is True
    words = re.escape(answer.casefold().rstrip(STOPS))
    return bool(words) and re.search(rf"(?<![\w.,-]){words}\Z", chain.casefold().rstrip(STOPS)) is not None
