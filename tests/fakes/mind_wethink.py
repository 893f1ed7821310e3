"""A fake mind for the WeThink recipe: it lives in a world where every picture shows red and blue marks.

How many there are depends on the picture's bytes, so the models that see it agree on it, and the reasoner knows what it
was told. All make the mistakes models make, decided by the request alone. Models: `eyes` sees, `thinker` does not,
`editor` refines, `judge` compares, `referee` adjudicates.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from tests.fakes.mind import LEAK, chance

MODELS = ("eyes", "thinker", "editor", "judge", "referee")
TOLD = re.compile(r"(\d+) red and (\d+) blue marks in drawing (\d+)")
MORE, WHICH, LOOKS = "How many more red than blue marks are there", "Which colour has more marks", "Describe how the"


def reply(request: Mapping[str, Any]) -> Any:
    """What a model says; the schema it is asked for tells the steps apart."""
    text, said = asked(request), str(request["messages"]) + str(request.get("seed")) + request["model"]
    luck = chance(said)
    form = request.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("title", "")
    if form:
        value = STRUCTURED[form](request, text, luck)
        if 0.50 < luck < 0.53:
            return "Sure! Here you are: " + orjson.dumps(value).decode()
        return orjson.dumps(value).decode()
    match request["model"]:
        case "judge":
            return "Yes." if luck < 0.75 else "No." if luck < 0.95 else "Partly."
        case "editor":
            return refined(text, luck)
        case "thinker":
            return thought(answer(marks_told(text), text, luck), luck)
    marks = marks_seen(request)
    if "in the answer block" in text.lower():
        return thought(answer(marks, text, luck), luck)
    return "A drawing: {} red and {} blue marks in drawing {}.".format(*marks)


def asked(request: Mapping[str, Any]) -> str:
    """All user turns as text, images left out, so that a model asked to mend its reply still knows the question."""
    contents = [message["content"] for message in request["messages"] if message["role"] == "user"]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [{"text": content}])]
    return "\n".join(part.get("text", "") for part in parts)


def marks_seen(request: Mapping[str, Any]) -> tuple[int, int, int]:
    parts = [part for message in request["messages"] for part in message["content"] if isinstance(part, dict)]
    url = next(part["image_url"]["url"] for part in parts if "image_url" in part)
    return 20 + int(chance(url) * 30), 3 + int(chance(url + "blue") * 15), int(chance(url + "n") * 1e8)


def marks_told(text: str) -> tuple[int, int, int]:
    found = TOLD.search(text)
    assert found, text[:500]
    return int(found[1]), int(found[2]), int(found[3])


def answer(marks: tuple[int, int, int], text: str, luck: float) -> str:
    red, blue, _ = marks
    wrong = luck > 0.8
    if MORE in text:
        return str(red - blue + (1 if wrong else 0))
    if WHICH in text:
        letter = re.search(r"^([A-J])\. Red", text, re.MULTILINE)
        return ("C" if wrong else letter[1]) if letter else "red"
    return f"There are many red marks and fewer blue ones, by luck {luck:.3f}."


def thought(said: str, luck: float) -> Any:
    good = f"<think>\nI count the marks one by one. Then I count them again. So it is {said}.\n</think>\n\n"
    good += f"<answer>{said}</answer>"
    table: list[tuple[float, Any]] = [
        (0.04, f"It is {said}."), (0.06, good + good), (0.08, ""),
        (0.09, {"content": "<think>\nI count", "finish_reason": "length"}), (1.01, good),
    ]  # fmt: skip
    return next(reply for upto, reply in table if luck < upto)


def refined(text: str, luck: float) -> str:
    said = text.split("end in a sentence that states it: ", 1)[1].split("\n\n")[0]
    chain = f"I count the marks in the picture. So the answer is {said}."
    table = [
        (0.06, chain.replace("I count", "I count 987654 of")), (0.10, f"The given answer is {said}. " + chain),
        (0.14, f"I count the marks. So the answer is {'E' if len(said) == 1 else 'something else'}."),
        (0.18, f"<think>{chain}</think><answer>{said}</answer>"), (0.20, "<think></think>"),
        (0.22, chain * 9), (1.01, chain),
    ]  # fmt: skip
    return next(reply for upto, reply in table if luck < upto)


def missing(request: Mapping[str, Any], text: str, luck: float) -> Any:
    if luck < 0.3:
        return {"enough": True, "questions": []}
    return {"enough": False, "questions": ["Which shape have the marks?", "Is there a frame?"]}


def seen(request: Mapping[str, Any], text: str, luck: float) -> Any:
    return {"answers": ["Round.", "not visible"] if luck < 0.9 else ["Round."]}


def proposals(request: Mapping[str, Any], text: str, luck: float) -> Any:
    number = marks_told(text)[2]
    skills = ["reasoning", "OCR", "maths"]
    fill = {"question": f"{MORE} in drawing {number}?", "type": "FIB", "options": [], "abilities": skills}
    pick = {
        "question": f"{WHICH} in drawing {number}?", "type": "MC",
        "options": ["Red", "Blue", "Green"], "abilities": ["Reasoning", "Recognition"],
    }  # fmt: skip
    tell = {
        "question": f"{LOOKS} marks of drawing {number} lie.", "type": "DES", "options": [],
        "abilities": ["Reasoning", "Spatial awareness"],
    }  # fmt: skip
    table: list[tuple[float, list[Any]]] = [
        (0.04, []), (0.12, [fill, {**pick, "abilities": ["Recognition"]}]), (0.16, [fill, {**tell, "type": "ESSAY"}]),
        (0.20, [fill, fill, tell]), (0.24, [{**pick, "options": ["Red", "red"]}, tell]),
        (0.28, [{**fill, "question": LEAK + fill["question"]}, pick]),
        (0.31, [{**fill, "abilities": ["Reasoning", "Clairvoyance"]}, pick]), (1.01, [pick, fill, tell]),
    ]  # fmt: skip
    return {"questions": next(made for upto, made in table if luck < upto)}


def validity(request: Mapping[str, Any], text: str, luck: float) -> Any:
    problems = ("unverifiable", "ambiguous", "unanswerable", "image_free", "leaked_answer", "none")
    if luck < 0.12:
        return {"why": "I doubt it.", "valid": False, "problem": problems[int(luck * 50)]}
    return {"why": "It can be counted.", "valid": True, "problem": "none"}


def ruling(request: Mapping[str, Any], text: str, luck: float) -> Any:
    first, second = (text.split(f'Answer {name}:\n"""\n', 1)[1].split('\n"""')[0] for name in "AB")
    right = answer(marks_seen(request), text, 0.0)
    said = {(True, True): "both", (True, False): "A", (False, True): "B", (False, False): "neither"}
    if LOOKS in text:
        return {"why": "Hard to say.", "right": ("A", "B", "both", "neither")[int(luck * 4)]}
    return {"why": "I counted.", "right": said[first == right, second == right]}


STRUCTURED = {
    "Missing": missing, "Seen": seen, "Proposals": proposals, "Validity": validity, "Ruling": ruling,
}  # fmt: skip
