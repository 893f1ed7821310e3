"""What the draws of one sample say about how hard it is, with everything needed to read the number later."""

from curation.prompts import PromptSet
from curation.recipe import BoundDraws
from curation.records import Outcome
from curation.statistics import pass_rate_interval
from flows.job import Prepared
from storage.corpus import PassRate


def pass_rate(prepared: Prepared, outcome: Outcome) -> PassRate:
    """A row of `pass_rates` from a `draws` outcome. Draws that nobody could judge (`failed`) are not counted in k."""
    value = outcome.value
    k = value["drawn"] - value["undecided"]
    low, high = pass_rate_interval(value["correct"], k)
    prompt = _sampler(prepared)
    return PassRate(
        sample_id=outcome.sample_id,
        sample_key=outcome.sample_key,
        model=prepared.teachers[prompt.role].model,
        k=k,
        temperature=prompt.sampling.temperature,
        verifier=_verifier(prepared),
        correct=value["correct"],
        stopped=value["stop"],
        low=low,
        high=high,
    )


def _verifier(prepared: Prepared) -> str:
    """How draws were judged; a model that was told the answer is not measured by how often it gives it."""
    settings = prepared.recipe.settings
    told = " (the reasoner was told the answer)" if settings.get("r1_sees_answer") else ""
    return f"{settings.get('verify_by', '')}{told}"


def _sampler(prepared: Prepared) -> PromptSet:
    """The prompt that is drawn from: the first one inside the draws."""
    draws = next(part for part in prepared.plan.parts() if isinstance(part, BoundDraws))
    settings = (value for bound in draws.steps for value in bound.step.settings.values())
    return next(value for value in settings if isinstance(value, PromptSet))
