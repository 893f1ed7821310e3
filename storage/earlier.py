"""Reviews that the latest runs leave without effect, so that pages and commands can say it.

Splits are those of the latest run of each recipe. A run with another seed or limit takes other samples: what was judged
in the run before stays in the store and is in no split. A run with other settings makes other traces: a word about the
trace before says nothing about those.
"""

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]

MOST = 5  # runs named

BEHIND = """
SELECT coalesce(run_id, '') AS run_id, count(*) AS samples FROM (
    SELECT sample_id, sample_key, arg_max(run_id, created) AS run_id FROM reviews
    WHERE standing AND decision IN ('accept', 'reject', 'edit') GROUP BY ALL
) ANTI JOIN {latest} USING (sample_id, sample_key)
GROUP BY ALL ORDER BY samples DESC, run_id
"""
OUTDATED = "SELECT count(*) AS samples FROM {effects} WHERE NOT holds AND verdict IN ('accept', 'reject')"

LOOK = "SELECT * FROM reviews_latest ANTI JOIN fates USING (sample_id, sample_key)"
"""Shows the first kind."""


def notice(ask: Ask, latest: str = "fates", effects: str = "review_effects") -> list[str]:
    """What to tell, in sentences; none when every review counts.

    `ask` answers SQL over `reviews`, the samples of the `latest` runs and the `effects` of reviews on them.
    """
    told = []
    behind = ask(BEHIND.replace("{latest}", latest))
    if behind:
        runs = [f"{row['samples']:,} judged in {row['run_id'] or 'an unnamed run'}" for row in behind[:MOST]]
        more = [f"{len(behind) - MOST} more runs"] if len(behind) > MOST else []
        told.append(
            f"{sum(row['samples'] for row in behind):,} reviewed samples are in no latest run of a recipe, so in no "
            f"split: {', '.join([*runs, *more])}. Their reviews are kept, and count again after "
            f"a run with the settings and seed of that one. To see them, ask in SQL: {LOOK}"
        )
    if outdated := ask(OUTDATED.replace("{effects}", effects))[0]["samples"]:
        told.append(
            f"{outdated:,} samples were accepted or rejected for a trace that the latest run does not have: "
            "those reviews have no effect on the trace it has."
        )
    return told
