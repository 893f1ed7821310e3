"""A store made by a real run over drawn figures, whose teachers write the figures' own worked solutions.

The traces read as a model's do: some reflect, some say that they read a description, some are wrong. `python -m
tests.ui.solved DIR --limit 36` makes one to look at.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from curation.intake import samples
from curation.records import Rejected, Sample
from curation.sources import open_source
from flows.cli import main as vistill
from tests.fakes.mind import MODELS, chance, text_of
from tests.fakes.model_server import ModelServer

SOURCE = "figures"
LEAK, MENDED = "According to the description, all the values are there.", "In the picture, all the values are there."
DOUBT = " Wait, let me check that again: I read each value once more, and they are the same."


def solver(known: list[Sample]) -> Callable[[Mapping[str, Any]], Any]:
    """A reply function for `ModelServer` that knows these samples."""
    by_question = {(sample.text_question or sample.question).strip(): sample for sample in known}
    contexts = [sample.context for sample in known]

    def reply(request: Mapping[str, Any]) -> Any:
        text = text_of(request)
        luck = chance(str(request["messages"]) + str(request.get("seed")))
        match request["model"]:
            case "eyes":
                return contexts[int(luck * len(contexts))] or "A drawing of a few plain shapes."
            case "editor":
                return text.split("-----\n", 1)[-1].rsplit("\n-----", 1)[0].replace(LEAK, MENDED)
            case "judge":
                return "Yes." if luck < 0.7 else "No."
        asked = text.split('Question:\n"""\n', 1)[-1].rsplit('\n"""', 1)[0].strip()
        found = next((by_question[key] for key in by_question if asked.startswith(key)), known[0])
        return reasoned(found, luck)

    return reply


def reasoned(sample: Sample, luck: float) -> str:
    """A trace from the worked solution; `luck` in [0, 1) says what is wrong with it, if anything."""
    steps = sample.solution or f"Reading it off the picture gives {sample.reference}."
    if 0.2 <= luck < 0.65:
        steps += DOUBT
    if 0.4 <= luck < 0.7:
        steps = f"{LEAK}\n{steps}"
    if luck >= 0.9:
        return f"The answer is {sample.reference}."
    answer = "none of these, 99123" if luck >= 0.7 else sample.reference
    return f"<think>\n{steps}\n</think>\n\n<answer>{answer}</answer>"


def make(store: Path, *, limit: int, source: str = SOURCE, draws: int = 2) -> None:
    """Run the recipe over `limit` figures into `store`."""
    taken = [item[0] for item in samples(open_source(source, limit=limit)) if not isinstance(item, Rejected)]
    with ModelServer(solver(taken), models=MODELS) as server:
        roles = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
        teachers = [f"--teacher={role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items()]
        given = ["run", "vlaa-thinking", f"--source={source}", f"--limit={limit}", f"--store={store}"]
        code = vistill([*given, *teachers, "--set", f"draws={draws}", "--no-prefect", "--quiet", "--json"])
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("store", type=Path)
    arguments.add_argument("--limit", type=int, default=36)
    given = arguments.parse_args()
    make(given.store, limit=given.limit)
