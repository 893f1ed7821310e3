"""A recipe lists steps with their settings; a plan is a recipe bound to teachers, with fingerprints.

Building either refuses at once what cannot run, naming the field, the value and the fix: a step that reads a column
nobody writes, a prompt slot nobody fills, a role no teacher plays. Running a plan is `curation.engine`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from curation.errors import ConfigError
from curation.prompts import PromptSet
from curation.records import Sample, digest
from curation.step import Step

SOURCE_COLUMNS = tuple(f.name for f in fields(Sample) if f.name != "position")
ALL_ROWS_COLUMNS = ("position", "kept_before")
"""What only steps over all rows may read: the place in the source, and whether an earlier run already kept the
sample.
"""


@dataclass(frozen=True, slots=True)
class Draws:
    """Steps repeated for draws 0, 1, … `k`-1 of one sample.

    `stop` is `first_verified` (the first draw that passes every step ends it) or `never` (all k are drawn, and the
    first that passed is kept). The column `draws` says how many were drawn and how many passed.
    """

    k: int
    steps: tuple[Step, ...]
    stop: str = "first_verified"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError("draws", self.k, "must be at least 1")
        if self.stop not in ("first_verified", "never"):
            raise ConfigError("stop", self.stop, "must be 'first_verified' or 'never'")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps over the columns of a source. `published` are the models used where none is named, by role: the paper's."""

    name: str
    title: str
    paper: str
    steps: tuple[Step | Draws, ...]
    published: Mapping[str, str]
    settings: Mapping[str, Any]
    notes: str = ""

    def __post_init__(self) -> None:
        known, written, drawn = {*SOURCE_COLUMNS}, {*SOURCE_COLUMNS}, set[str]()
        for part in self.steps:
            for step in part.steps if isinstance(part, Draws) else (part,):
                self._check(step, known, written, drawn)
                written.add(step.writes)
                known = known_after(step, known, drawn)
            if isinstance(part, Draws):
                known.add("draws")
                written.add("draws")
                drawn |= {step.writes for step in part.steps}
        self._check_scopes()

    def _check_scopes(self) -> None:
        """Draws are of one row. Rows are made of rows once: grandchildren have no place to stand."""
        draws = [part for part in self.steps if isinstance(part, Draws)]
        if inside := [step.writes for part in draws for step in part.steps if step.scope != "row"]:
            raise ConfigError(f"{self.name}: draws", inside, "only row-wise steps can be drawn; put it after the draws")
        many = [step.writes for step in self.flat() if step.scope == "many"]
        if len(many) > 1:
            raise ConfigError(f"{self.name}: steps", many, "only one step may make many rows of one")

    def _check(self, step: Step, known: set[str], written: set[str], drawn: set[str]) -> None:
        """A step over all rows cannot read what was drawn: several draws may each have written it."""
        readable = (known - drawn) | set(ALL_ROWS_COLUMNS) if step.scope == "all" else known
        if missing := [column for column in step.reads if column not in readable]:
            why = GONE if set(missing) <= written else "reads what nothing before it writes"
            raise ConfigError(f"{self.name}: step {step.writes}", missing, f"{why}; known: {sorted(readable)}")
        if step.writes in written:
            raise ConfigError(f"{self.name}: step {step.writes}", step.writes, "is written twice")
        _check_slots(step)
        if step.check is not None:
            step.check(step.settings)

    def flat(self) -> Iterator[Step]:
        """Every step once, in order, draws opened."""
        for part in self.steps:
            yield from part.steps if isinstance(part, Draws) else (part,)

    def needs(self, column: str) -> bool:
        """Whether a step reads this column of the source; steps over all rows take what is there, and made rows bring
        their own.
        """
        for step in self.flat():
            if step.scope != "all" and column in step.reads:
                return True
            if step.scope == "many":
                break
        return False

    def roles(self) -> dict[str, bool]:
        """Role names in order of use; True where the recipe cannot run without it."""
        found: dict[str, bool] = {}
        for step in self.flat():
            for role, needed in step.roles.items():
                found[role] = found.get(role, False) or needed
        return found

    def with_prompt(self, step_name: str, change: Callable[[PromptSet], PromptSet]) -> "Recipe":
        """The recipe with the prompt of one step replaced. Raises `ConfigError` when that step has none."""
        by_name = {step.writes: step for step in self.flat()}
        if step_name not in by_name or not _prompts(by_name[step_name]):
            with_prompts = [step.writes for step in self.flat() if _prompts(step)]
            raise ConfigError("--prompt", step_name, f"no step of that name has a prompt; these have: {with_prompts}")
        setting, old = next(iter(_prompts(by_name[step_name]).items()))
        new = by_name[step_name].using(**{setting: change(old)})
        return replace(self, steps=tuple(_swap(part, step_name, new) for part in self.steps))


GONE = (
    "cannot be read here: what was drawn ends at the next step over all rows, what is known of a row at the step that "
    "makes rows of it, and verdicts over all rows are for views; let an earlier step carry on what is needed"
)


def known_after(step: Step, known: set[str], drawn: set[str]) -> set[str]:
    """The columns that may be read after `step`. After a step over all rows nobody can say which draw a `drawn` column
    is of, and its own is for views; the children that a step of scope "many" makes are new samples, which bring what
    they need of their parent along.
    """
    if step.scope == "all":
        return known - drawn
    return {*(SOURCE_COLUMNS if step.scope == "many" else known), step.writes}


def _swap(part: Step | Draws, name: str, new: Step) -> Step | Draws:
    if isinstance(part, Draws):
        return replace(part, steps=tuple(new if step.writes == name else step for step in part.steps))
    return new if part.writes == name else part


def _prompts(step: Step) -> dict[str, PromptSet]:
    return {name: value for name, value in step.settings.items() if isinstance(value, PromptSet)}


def _check_slots(step: Step) -> None:
    for name, prompt_set in _prompts(step).items():
        known = {*step.reads, *prompt_set.extra}
        for prompt in prompt_set.variants.values():
            if unknown := sorted(prompt.slots - known):
                raise ConfigError(
                    f"{step.writes}.{name} ({prompt.name})",
                    unknown,
                    f"no such slot; a slot is one of {sorted(known)}",
                )
        if prompt_set.role not in step.roles:
            raise ConfigError(
                f"{step.writes}.{name}",
                prompt_set.role,
                f"is no role of this step; it has {sorted(step.roles)}",
            )


class TeacherIdentity(Protocol):
    """What of a teacher decides its answers; `max_pixels` bounds the pictures it is sent."""

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def prompts(self) -> str: ...
    @property
    def max_pixels(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Bound:
    """A step bound to its teachers, with the fingerprint its outcomes are keyed by."""

    step: Step
    idx: int
    fingerprint: str
    in_draws: bool = False

    @property
    def name(self) -> str:
        return self.step.writes


@dataclass(frozen=True, slots=True)
class BoundDraws:
    """A `Draws` bound; `fingerprint` keys the summary outcome named `draws`."""

    k: int
    stop: str
    steps: tuple[Bound, ...]
    idx: int
    fingerprint: str
    name: str = "draws"


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive steps of one scope: row-wise parts, or a single step over all rows.

    A step of scope "many" is the last of its row-wise stage. `carried` are columns that the stage reads and an earlier
    one wrote, with their fingerprints.
    """

    scope: str
    parts: tuple[Bound | BoundDraws, ...]
    carried: Mapping[str, str] = field(default_factory=dict)

    @property
    def expands(self) -> bool:
        """Whether other rows go on than those that came."""
        last = self.parts[-1]
        return isinstance(last, Bound) and last.step.scope == "many"


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe ready to run."""

    recipe: Recipe
    fingerprint: str
    stages: tuple[Stage, ...]

    def parts(self) -> Iterator[Bound | BoundDraws]:
        for stage in self.stages:
            yield from stage.parts

    def table(self) -> list[tuple[int, str, str, str, bool]]:
        """(idx, step, fingerprint, scope, in_draws) for every step, in order."""
        rows: list[tuple[int, str, str, str, bool]] = []
        for part in self.parts():
            for step in part.steps if isinstance(part, BoundDraws) else (part,):
                rows.append((step.idx, step.name, step.fingerprint, step.step.scope, step.in_draws))
            if isinstance(part, BoundDraws):
                rows.append((part.idx, part.name, part.fingerprint, "row", False))
        return rows


def bind(recipe: Recipe, teachers: Mapping[str, TeacherIdentity]) -> Plan:
    """Fingerprints for `recipe` with these teachers. Raises `ConfigError` for a missing role."""
    for role, needed in recipe.roles().items():
        if needed and role not in teachers:
            raise ConfigError(
                "--teacher",
                role,
                f"the recipe {recipe.name} needs a teacher for this role: --teacher {role}=…",
            )
    prints: dict[str, str] = {}
    parts: list[Bound | BoundDraws] = []
    idx = 1
    for part in recipe.steps:
        if isinstance(part, Draws):
            inner = tuple(_bind(step, i, prints, teachers, in_draws=True) for i, step in enumerate(part.steps, idx))
            idx += len(inner)
            prints["draws"] = digest(["draws", part.k, part.stop, [step.fingerprint for step in inner]])
            parts.append(BoundDraws(part.k, part.stop, inner, idx, prints["draws"]))
        else:
            parts.append(_bind(part, idx, prints, teachers))
        idx += 1
    return Plan(recipe, digest([p.fingerprint for p in parts]), tuple(_stages(parts)))


def _bind(
    step: Step,
    idx: int,
    prints: dict[str, str],
    teachers: Mapping[str, TeacherIdentity],
    in_draws: bool = False,
) -> Bound:
    chosen = {name: choose(value, teachers) for name, value in step.settings.items()}
    bound = replace(step, settings=chosen)
    prints[step.writes] = digest(
        [
            step.writes,
            step.version,
            {name: _plain(value) for name, value in chosen.items()},
            {role: _identity(teachers[role], "image" in step.reads) for role in step.roles if role in teachers},
            {column: prints[column] for column in step.reads if column in prints},
            *([dict(step.instead)] if step.instead else []),
        ]
    )
    return Bound(bound, idx, prints[step.writes], in_draws)


def _identity(teacher: TeacherIdentity, shown: bool) -> list[Any]:
    return [teacher.name, teacher.model, *([teacher.max_pixels] if shown else [])]


def choose(value: Any, teachers: Mapping[str, TeacherIdentity]) -> Any:
    """A prompt set with the variant its teacher wants in use; any other setting as it is."""
    if not isinstance(value, PromptSet):
        return value
    teacher = teachers.get(value.role)
    return value.suited(teacher.prompts if teacher else "default")


def _plain(value: Any) -> Any:
    """A setting as JSON for the fingerprint."""
    if isinstance(value, PromptSet):
        return value.prompt.text
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(item) for item in (sorted(value) if isinstance(value, frozenset | set) else value)]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _stages(parts: Sequence[Bound | BoundDraws]) -> Iterator[Stage]:
    prints = {part.name: part.fingerprint for part in parts}
    rows: list[Bound | BoundDraws] = []
    for part in parts:
        if isinstance(part, Bound) and part.step.scope == "all":
            if rows:
                yield _row_stage(rows, prints)
            rows = []
            yield Stage("all", (part,))
            continue
        rows.append(part)
        if isinstance(part, Bound) and part.step.scope == "many":
            yield _row_stage(rows, prints)
            rows = []
    if rows:
        yield _row_stage(rows, prints)


def _row_stage(parts: Sequence[Bound | BoundDraws], prints: Mapping[str, str]) -> Stage:
    steps = [step for part in parts for step in (part.steps if isinstance(part, BoundDraws) else (part,))]
    here = {step.name for step in steps} | {part.name for part in parts}
    read = {column for step in steps for column in step.step.reads}
    return Stage("row", tuple(parts), {name: prints[name] for name in sorted(read - here) if name in prints})
