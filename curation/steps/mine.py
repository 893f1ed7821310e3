"""Step 2 of WeThink: a text-only reasoner asks what the description lacks, the VLM looks, and merges the answers."""

from pydantic import BaseModel, Field

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json
from curation.step import Drop, step
from curation.steps.replies import description, text_of
from curation.teachers.protocol import Teacher
from curation.teachers.structured import ask_as

LONGEST_QUESTION = 300
NOT_VISIBLE = "not visible"


class Missing(BaseModel):
    """What the reasoner wants to know; `enough` ends the conversation."""

    enough: bool
    questions: list[str] = Field(default=[], max_length=8)


class Seen(BaseModel):
    """One answer a question, in the same order."""

    answers: list[str] = Field(max_length=8)


@step
async def mine(
    describe: str,
    image: Image,
    *,
    reasoner: Teacher,
    viewer: Teacher,
    ask_prompt: PromptSet = prompts("wethink/ask", role="reasoner"),
    look_prompt: PromptSet = prompts("wethink/look", role="viewer", extra=("questions",)),
    merge_prompt: PromptSet = prompts("wethink/merge", role="viewer", extra=("exchange",)),
    turns: int = 2,
    most_questions: int = 5,
    max_foreign: float = 0.5,
    markup: str = "drop",
) -> dict[str, Json] | Drop:
    """{text, turns: [{questions, answers}], ended} (step 2; how many turns is not published, and 2 is ours).

    `ended` is `enough` when the reasoner had nothing more to ask, else `turns`. Without any answer the description
    stands as it is and no merge is paid. An answer that the picture does not give says "not visible".
    """
    exchanges: list[dict[str, list[str]]] = []
    ended = "turns"
    for _ in range(turns):
        told = {"describe": _with_exchanges(describe, exchanges)}
        missing, _ = await ask_as(reasoner, Missing, ask_prompt.fill(told), sampling=ask_prompt.sampling)
        questions = [text.strip()[:LONGEST_QUESTION] for text in missing.questions if text.strip()][:most_questions]
        if missing.enough or not questions:
            ended = "enough"
            break
        exchanges.append({"questions": questions, "answers": await _look(viewer, look_prompt, image, questions)})
    if not exchanges:
        return {"text": describe, "turns": [], "ended": ended}
    told = {"describe": describe, "exchange": _exchange(exchanges)}
    merged = text_of(await viewer.ask(merge_prompt.fill(told, images=(image,)), sampling=merge_prompt.sampling))
    checked = description(merged, max_foreign=max_foreign, markup=markup)
    return checked if isinstance(checked, Drop) else {"text": merged, "turns": exchanges, "ended": ended}


async def _look(viewer: Teacher, prompt: PromptSet, image: Image, questions: list[str]) -> list[str]:
    listed = "\n".join(f"{number}. {question}" for number, question in enumerate(questions, 1))
    seen, _ = await ask_as(viewer, Seen, prompt.fill({"questions": listed}, images=(image,)), sampling=prompt.sampling)
    answers = [answer.strip() or NOT_VISIBLE for answer in seen.answers[: len(questions)]]
    return answers + [NOT_VISIBLE] * (len(questions) - len(answers))


def _exchange(exchanges: list[dict[str, list[str]]]) -> str:
    pairs = [pair for each in exchanges for pair in zip(each["questions"], each["answers"], strict=True)]
    return "\n".join(f"Q: {question}\nA: {answer}" for question, answer in pairs)


def _with_exchanges(description: str, exchanges: list[dict[str, list[str]]]) -> str:
    return f"{description}\n\nLooked up since:\n{_exchange(exchanges)}" if exchanges else description
