"""Step 8 of WeThink: which reward an RL trainer gives for a question, by its type."""

from collections.abc import Mapping
from types import MappingProxyType

from curation.records import Json
from curation.step import step

REWARDS: Mapping[str, str] = MappingProxyType({"MC": "rule", "FIB": "rule", "DES": "model"})
"""Rule-based for what rules can check, model-based for descriptions; the published strings are unknown."""


@step
def route(
    synthesize: dict[str, Json], shorten: dict[str, Json], *, rewards: Mapping[str, str] = REWARDS
) -> dict[str, Json]:
    """{category, abilities, reward}."""
    category = str(synthesize["category"])
    return {"category": category, "abilities": synthesize["abilities"], "reward": rewards[category]}
