"""How many figures the embedded teacher answers rightly: captions, draws, verdicts, tokens and seconds.

    python tests/benchmarks/local_yield.py --limit 24 --draws 4 --seeds 0 1 2

Stops a figure's draws at the first verified one, as the demo does, unless `--all-draws`. `--captions FILE` keeps
captions between runs, so that a changed prompt costs no OCR. It calls the transports, not the engine: no ledger, no
retries.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from curation.answers import check, parse
from curation.pictures import inspect
from curation.prompts import FOLDER, Prompt
from curation.prompts import parse as parse_prompt
from curation.records import Image
from curation.sources.figures import Figure, figures
from curation.steps.cues import CUES
from curation.steps.leaks import leaks
from curation.teachers.local import open_local
from curation.teachers.protocol import Message
from curation.teachers.spec import parse_teacher
from curation.teachers.transport import RawReply, Request, Transport

TOKENS_A_SECOND = 30.0  # of one thread on an idle machine with a prompt of 800 tokens


@dataclass
class Tally:
    """What one seed gave. `verified` maps a figure to (draw, reflective) of its first verified draw."""

    figures: int = 0
    draws: int = 0
    completion_tokens: int = 0
    prompt_tokens: int = 0
    verified: dict[int, tuple[int, bool]] = field(default_factory=dict)
    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reflective: int = 0
    leaking: int = 0


async def measure(seed: int, options: argparse.Namespace, prompt: Prompt) -> Tally:
    tally = Tally()
    spec = parse_teacher("local")
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(open_local("captioner", spec))
        model = await stack.enter_async_context(open_local("reasoner", spec))
        for index, figure in enumerate(figures(seed=seed, limit=options.limit, kinds=options.kinds)):
            caption = await captioned(reader, figure, options.captions)
            tally.figures += 1
            tally.asked |= {figure.kind: tally.asked[figure.kind] + 1, figure.family: tally.asked[figure.family] + 1}
            for draw in range(options.draws):
                reply = await model.complete(request(prompt, figure, caption, seed, index, draw))
                right = judged(reply, figure, index, draw, tally, options.show)
                if right and not options.all_draws:
                    break
    return tally


async def captioned(reader: Transport, figure: Figure, kept: Path | None) -> str:
    """The figure's caption, from the file of captions where there is one."""
    image = inspect(figure.png)
    known: dict[str, str] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    if image.sha256 not in known:
        message = Message("user", "", (image,))
        asked = Request(
            key="", wire=b"", model="", messages=(message,), sampling=Prompt("", ()).sampling,
            read_image=lambda _: figure.png,
        )  # fmt: skip
        known[image.sha256] = (await reader.complete(asked)).text
        if kept:
            kept.write_text(json.dumps(known))
    return known[image.sha256]


def request(prompt: Prompt, figure: Figure, caption: str, seed: int, index: int, draw: int) -> Request:
    lettered = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCDEFGH", texts(figure), strict=False))
    columns = {"question": figure.question, "options": lettered, "caption": caption, "context": figure.context}
    if figure.text_question:
        columns |= {"question": figure.text_question, "caption": "", "context": ""}
    messages = prompt.fill(columns)
    return Request(
        key="", wire=b"", model="", messages=messages, sampling=prompt.sampling, read_image=no_image,
        draw=draw, seed=(seed * 1000 + index) * 100 + draw,
    )  # fmt: skip


def no_image(image: Image) -> bytes:
    raise LookupError(image.sha256)


def texts(figure: Figure) -> list[str]:
    return [getattr(option, "text", option) for option in figure.options]


def judged(reply: RawReply, figure: Figure, index: int, draw: int, tally: Tally, show: bool) -> bool:
    """Count one draw; whether it is a well-formed right answer."""
    tally.draws += 1
    tally.completion_tokens += reply.completion_tokens or 0
    tally.prompt_tokens += reply.prompt_tokens or 0
    faults = ("reply_truncated",) if reply.finish == "length" else parse(reply.text).faults
    tally.faults.update(faults)
    right = False
    if not faults:
        reflective = any(cue in reply.text.lower() for cue in CUES)
        leaking = bool(leaks(reply.text, figure.question))
        tally.reflective += reflective
        tally.leaking += leaking
        verdict = check(reply.text, figure.answer, kind=figure.kind, options=texts(figure), question=figure.question)
        right = verdict.correct is True and not leaking
        if right and index not in tally.verified:
            tally.verified[index] = (draw, reflective)
            tally.right.update((figure.kind, figure.family))
    if show:
        asked = f"{figure.family}/{figure.kind} {figure.question} {texts(figure) or ''} [{figure.answer}]"
        print(f"{'RIGHT' if right else '     '} {asked}\n{reply.text}\n", flush=True)
    return right


def report(seed: int, tally: Tally, seconds: float, cpu: float) -> dict[str, object]:
    """The figures of one seed as one JSON-able line."""
    by_draw = Counter(draw for draw, _ in tally.verified.values())
    reflective = sum(flag for _, flag in tally.verified.values())
    alone = tally.completion_tokens / TOKENS_A_SECOND
    return {
        "seed": seed, "figures": tally.figures, "verified": len(tally.verified), "reflective": reflective,
        "plain": len(tally.verified) - reflective, "by_draw": dict(sorted(by_draw.items())),
        "by_kind": {name: f"{tally.right[name]}/{asked}" for name, asked in sorted(tally.asked.items())},
        "draws": tally.draws, "reflective_draws": tally.reflective, "leaking_draws": tally.leaking,
        "faults": dict(tally.faults),
        "tokens_a_draw": round(tally.completion_tokens / max(1, tally.draws)),
        "seconds": round(seconds), "cpu_seconds": round(cpu), "generation_seconds_at_30": round(alone),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", default=["mcq", "digit"], help="as the demo asks them")
    parser.add_argument("--prompt", type=Path, default=FOLDER / "vlaa_thinking" / "distill.small.txt")
    parser.add_argument("--temperature", type=float, help="instead of the prompt's")
    parser.add_argument("--captions", type=Path, help="keep captions in this JSON file")
    parser.add_argument("--all-draws", action="store_true")
    parser.add_argument("--show", action="store_true", help="print every reply")
    options = parser.parse_args()
    prompt = parse_prompt("small", options.prompt.read_text(encoding="utf-8"))
    if options.temperature is not None:
        prompt = replace(prompt, sampling=replace(prompt.sampling, temperature=options.temperature))
    for seed in options.seeds:
        started, used = time.monotonic(), time.process_time()
        tally = asyncio.run(measure(seed, options, prompt))
        print(json.dumps(report(seed, tally, time.monotonic() - started, time.process_time() - used)), flush=True)


if __name__ == "__main__":
    main()
