"""A teacher that replies from a function or a list, for tests of steps and of the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from curation.errors import SampleError
from curation.records import Image, Json, Sample
from curation.teachers.protocol import Message, Reply, Sampling

Answer = str | Reply | SampleError | Exception


@dataclass
class Scripted:
    """Replies from `answers`: a list used in order, or a function of (messages, draw)."""

    answers: list[Answer] | Callable[[Sequence[Message], int], Answer]
    name: str = "scripted"
    model: str = "scripted-1"
    prompts: str = "default"
    sees: bool = True
    max_pixels: int = 1_048_576
    asked: list[tuple[tuple[Message, ...], int]] = field(default_factory=list)

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        sampling: Sampling = Sampling(),
        draw: int = 0,
        schema: Json = None,
    ) -> Reply:
        self.asked.append((tuple(messages), draw))
        answer = self.answers.pop(0) if isinstance(self.answers, list) else self.answers(messages, draw)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(answer, key=f"key-{len(self.asked)}")


PICTURE = Image(sha256="a" * 64, format="png", width=100, height=80, size=1000, pixels="b" * 32, phash=7)


def sample(id: str = "s-1", **changes: Json) -> Sample:
    """A counting question with its answer 4."""
    fields: dict[str, Json] = {
        "source": "test",
        "question": "How many dots are there?",
        "reference": "4",
        "kind": "digit",
        "image": PICTURE,
    }
    return Sample(id=id, **{**fields, **changes})
