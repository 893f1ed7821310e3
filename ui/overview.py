"""The top of the page: which run, what it came to in a few numbers, and where every sample went."""

from typing import Any

import streamlit as st

from curation.reasons import REASONS
from ui.charts import LEGEND
from ui.markup import chips, label
from ui.reading import Filter, Overview, Row

LOOKS = {"finished": "good", "failed": "bad", "killed": "bad"}
COLOURS = {"kept": "#3b82f6", "dropped": "#f59e0b", "failed": "#ef4444", "waiting": "#9ca3af"}
LOSS_COLUMNS = {
    "Samples": st.column_config.Column(width="small"),
    "Meaning": st.column_config.Column(width="large"),
}
WIDEST = 64  # characters of a name in a picker


def pick_run(runs: list[Row]) -> Row:
    """The picker of runs, newest first, beside the name of the program."""
    name, picker, state = st.columns([1.1, 4, 2.4], vertical_alignment="center")
    name.title("Vistill", anchor=False)
    place = picker.selectbox(
        "Run", range(len(runs)), format_func=lambda at: run_label(runs[at]), label_visibility="collapsed"
    )
    run = runs[place]
    state.html(chips([(LOOKS.get(run["status"], "wait"), run["status"]), ("", f"source {run['source'] or '?'}"[:60])]))
    if run["detail"]:
        st.text(run["detail"][:500])
    return run


def run_label(run: Row) -> str:
    """`vlaa-thinking · 20261122-232657-21e1fa`: the recipe, and what of the id is not the recipe again."""
    recipe, run_id = str(run["recipe"]), str(run["run_id"])
    return f"{recipe} · {run_id.removeprefix(recipe + '-')}"[:WIDEST]


def metrics(found: Overview) -> None:
    """Rows in, verified, splits, calls, tokens and dollars."""
    spent = found.spent
    verified = next((row["kept"] for row in found.funnel if row["step"] == "verify"), None)
    shown: list[tuple[str, Any, str | None]] = [
        ("Rows in", found.funnel[0]["input"] if found.funnel else 0, None),
        ("Verified", "–" if verified is None else verified, "Went past the step `verify`: the answer is right."),
        ("SFT", found.count(Filter(split="sft")), "Kept, for supervised fine-tuning."),
        ("RL", found.count(Filter(split="rl")), "Kept, for reinforcement learning."),
        ("Calls", spent["calls"], "Different model calls behind these results, whichever run asked them."),
        ("Tokens", short(spent["prompt_tokens"] + spent["completion_tokens"]), "Prompts and completions together."),
        ("Cost", dollars(spent), "Calls to models without a known price are not in it."),
    ]
    with st.container(key="metrics"):
        for column, (name, value, why) in zip(st.columns(len(shown)), shown, strict=True):
            column.metric(name, f"{value:,}" if isinstance(value, int) else value, help=why)


def short(number: int) -> str:
    """1,234 stays; 456789 is 457K; 12345678 is 12.3M."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:,.0f}K" if number < 1_000_000 else f"{number / 1_000_000:,.1f}M"


def dollars(spent: Row) -> str:
    """The known part of the cost; a plus when some calls have no price."""
    if spent["cost"] is None:
        return "none" if not spent["calls"] else "no price"
    return f"\\${spent['cost']:,.2f}{'+' if spent['unpriced'] else ''}"


def funnel(found: Overview) -> None:
    """Bars of what each step kept and lost, and the reasons with what they mean."""
    if not found.funnel:
        st.info("This run has not recorded its steps.")
        return
    bars, reasons = st.columns([5, 6], gap="large")
    with bars:
        st.html(label("Samples at each step"))
        st.vega_lite_chart(spec=chart(found.funnel), width="stretch", alt="Samples kept and lost at each step")
    with reasons:
        st.html(label("Why they left"))
        lost = losses(found.funnel)
        if lost:
            st.dataframe(lost, hide_index=True, column_config=LOSS_COLUMNS)
        else:
            st.text("No sample has left on the way.")


def losses(steps: list[Row]) -> list[dict[str, Any]]:
    """A row a step, fate and reason, in the order of the steps."""
    return [
        {"Step": row["step"], "Fate": fate, "Reason": reason, "Samples": count, "Meaning": REASONS.get(reason, "")}
        for row in steps
        for fate in ("dropped", "failed")
        for reason, count in (row[f"{fate}_by_reason"] or {}).items()
    ]


def chart(steps: list[Row]) -> dict[str, Any]:
    """A Vega-Lite bar a step: kept, dropped, failed and waiting add up to what came in."""
    values = [
        {**{key: row[key] for key in ("step", "input")}, "fate": fate, "rank": rank, "samples": row[name]}
        for row in steps
        for rank, (fate, name) in enumerate(
            (("kept", "kept"), ("dropped", "dropped"), ("failed", "failed"), ("waiting", "pending"))
        )
    ]
    colour = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    y = {"field": "step", "type": "nominal", "sort": [row["step"] for row in steps], "title": None}
    return {
        "data": {"values": values},
        "height": {"step": 32},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 20},
                "encoding": {
                    "x": {"field": "samples", "type": "quantitative", "title": None, "axis": {"tickMinStep": 1}},
                    "color": {"field": "fate", "scale": colour, "legend": LEGEND},
                    "order": {"field": "rank"},
                    "tooltip": [{"field": name} for name in ("step", "fate", "samples")],
                },
            },
            {
                "transform": [{"filter": "datum.fate === 'kept'"}],
                "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": "bold"},
                "encoding": {
                    "x": {"field": "input", "type": "quantitative"},
                    "text": {"field": "samples", "format": ","},
                    "color": {"value": "#888"},
                },
            },
        ],
    }
