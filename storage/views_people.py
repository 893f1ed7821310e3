"""The wide views: one row a sample, yields, cost, disagreement, lineage; and the event tables people read as they are.

They build on the relations of `storage.views`, which decides what is latest and which outcome speaks for a sample.
"""

from storage.views_made import MADE
from storage.views_reviews import REVIEWED

REASONS = """
SELECT recipe, run_id, step_no, step, fate AS status, reason, count(*) AS samples
FROM fates WHERE step_no IS NOT NULL AND fate <> 'expanded'
GROUP BY ALL
ORDER BY recipe, step_no, samples DESC, reason
"""

PASSES = """
SELECT pass_id,
    any_value(purpose) FILTER (WHERE event = 'made') AS purpose,
    bool_or(event = 'undone') AS undone,
    any_value(settings) FILTER (WHERE event = 'made') AS settings,
    any_value(counts) FILTER (WHERE event = 'made') AS counts,
    min(created) AS created, max(created) FILTER (WHERE event = 'undone') AS undone_at
FROM raw_passes GROUP BY pass_id HAVING bool_or(event = 'made')
"""

# Rows are written before the pass that names them, so a pass cut short by a crash excludes nothing.
EXCLUSIONS = """
SELECT e.* EXCLUDE (created), p.purpose, p.undone, e.created
FROM raw_exclusions e JOIN passes p USING (pass_id)
QUALIFY row_number() OVER (PARTITION BY pass_id, sample_id, sample_key, method, "of" ORDER BY e.created) = 1
"""

DUPLICATES = """
SELECT sample_id, cluster, kept, "of", method, score, pass_id, undone, sample_key, reason, created
FROM exclusions WHERE purpose = 'dedup'
"""

CONTAMINATED = """
SELECT sample_id, "of" AS benchmark_id, method, score, pass_id, undone, sample_key, reason, detail, created
FROM exclusions WHERE purpose = 'decontaminate'
"""

# One row a sample kept out by any standing pass; the earliest pass speaks.
EXCLUDED = """
SELECT sample_id, sample_key, pass_id, purpose, method, "of", score, reason, detail
FROM exclusions WHERE NOT undone AND NOT kept
QUALIFY row_number() OVER (PARTITION BY sample_id, sample_key ORDER BY created, pass_id, score DESC, "of") = 1
"""

PASS_RATES = """
SELECT * FROM raw_pass_rates
QUALIFY row_number() OVER (
    PARTITION BY sample_id, sample_key, model, k, temperature, verifier, run_id ORDER BY created DESC
) = 1
"""

EXPORTS = "SELECT * FROM raw_exports QUALIFY row_number() OVER (PARTITION BY export_id ORDER BY created DESC) = 1"

# A failed step keeps the raw reply under `raw`; a step that wrote text keeps a JSON string.
SAID = """any_value(o.value) FILTER (WHERE o.step IN ('caption', 'describe')) AS caption,
        any_value(o.value) FILTER (WHERE o.step IN ('distill', 'answer_text')) AS distill,
        any_value(o.value) FILTER (WHERE o.step IN ('rewrite', 'shorten')) AS rewrite,
        any_value(o.value) FILTER (WHERE o.step IN ('verify', 'settle')) AS verify,
        any_value(o.status) FILTER (WHERE o.step IN ('verify', 'settle')) AS verify_status"""
"""What the steps of every recipe said of a sample, over its outcomes `o`."""

TEXTS = """CASE WHEN s.parent <> '' THEN s.given_caption
        WHEN json_type(d.caption) = 'OBJECT' THEN d.caption ->> '$.raw' ELSE d.caption ->> '$'
    END AS caption,
    CASE WHEN json_type(d.distill) = 'OBJECT' THEN d.distill ->> '$.raw' ELSE d.distill ->> '$' END AS trace,
    coalesce(d.rewrite ->> '$.text', d.rewrite ->> '$.raw') AS rewrite"""
"""A sample's texts as people read them, over `d` with the values of the steps and the sample `s`."""

REFERENCE = """coalesce(
        s.reference, CASE WHEN s.parent <> '' AND d.verify_status = 'ok' THEN d.verify ->> '$.extracted' END
    ) AS reference"""
"""The answer to go by; a question that was made has the one its two teachers agreed on."""

CORPUS = (
    """
WITH said AS (
    SELECT o.run_id, o.sample_id, o.sample_key,
        {said},
        any_value(o.draw) FILTER (WHERE o.step = 'distill') AS draw,
        any_value(o.value) FILTER (WHERE o.step = 'draws') AS draws,
        any_value(o.value) FILTER (WHERE o.step = 'cues') AS cues,
        any_value(o.value) FILTER (WHERE o.step = 'split') AS split,
        bool_or(o.step = 'split') AS reached_split
    FROM latest_outcomes o
    JOIN fates f USING (run_id, sample_id, sample_key)
    WHERE o.chosen AND (f.step_no IS NULL OR o.step_no IS NULL OR o.step_no <= f.step_no)
    GROUP BY ALL
),
asked AS (
    SELECT u.run_id, sample_id, sample_key, count(*) AS calls,
        sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
        sum(cost) AS cost, count(*) FILTER (WHERE cost IS NULL) AS unknown_cost_calls
    FROM (SELECT DISTINCT run_id, sample_id, sample_key, unnest(calls) AS key FROM latest_outcomes) u
    JOIN calls USING (key)
    GROUP BY ALL
),
rated AS (
    SELECT * FROM pass_rates
    QUALIFY row_number() OVER (PARTITION BY run_id, sample_id, sample_key ORDER BY created DESC) = 1
)
SELECT
    f.recipe, f.run_id, f.position, f.sample_id, f.sample_key, s.source, s.kind, s.difficulty,
    s.question, s.options, {reference},
    s.context, s.image, s.format, s.width, s.height,
    {texts},
    d.verify ->> '$.extracted' AS answer,
    CASE
        WHEN TRY_CAST(d.verify ->> '$.correct' AS BOOLEAN) THEN 'correct'
        WHEN NOT TRY_CAST(d.verify ->> '$.correct' AS BOOLEAN) THEN 'wrong'
        WHEN d.verify_status IS NOT NULL THEN 'undecided'
    END AS verdict,
    d.verify ->> '$.source' AS verdict_by,
    d.verify ->> '$.reason' AS verdict_reason,
    coalesce(d.verify_status = 'ok' AND TRY_CAST(d.verify ->> '$.correct' AS BOOLEAN), false) AS verified,
    f.fate, f.step AS left_at, f.reason, f.detail,
    CASE WHEN d.reached_split THEN
        CASE WHEN f.fate = 'kept' AND x.reason IS NULL THEN d.split ->> '$.split' ELSE 'none' END
    END AS split, x.reason AS excluded,
    d.draw, TRY_CAST(d.draws ->> '$.drawn' AS INTEGER) AS drawn,
    TRY_CAST(d.draws ->> '$.correct' AS INTEGER) AS drawn_correct,
    r.correct / nullif(r.k, 0) AS pass_rate, r.low AS pass_rate_low, r.high AS pass_rate_high,
    TRY_CAST(d.cues ->> '$.reflective' AS BOOLEAN) AS reflective, d.cues -> '$.cues' AS cues,
    coalesce(a.calls, 0) AS calls, a.prompt_tokens, a.completion_tokens, a.cost,
    coalesce(a.unknown_cost_calls, 0) AS unknown_cost_calls, s.licence, s.meta, nullif(s.parent, '') AS parent
FROM fates f
LEFT JOIN sample_versions s USING (sample_id, sample_key)
LEFT JOIN said d USING (run_id, sample_id, sample_key)
LEFT JOIN asked a USING (run_id, sample_id, sample_key)
LEFT JOIN rated r USING (run_id, sample_id, sample_key)
LEFT JOIN excluded x USING (sample_id, sample_key)
ORDER BY f.recipe, f.position
""".replace("{texts}", TEXTS)
    .replace("{reference}", REFERENCE)
    .replace("{said}", SAID)
)

YIELD_BY_SOURCE = """
WITH said AS (
    SELECT run_id, sample_id, sample_key,
        bool_or(TRY_CAST(value ->> '$.correct' AS BOOLEAN)) FILTER (
            WHERE step IN ('verify', 'settle') AND status = 'ok'
        ) AS correct,
        any_value(value ->> '$.split') FILTER (WHERE step = 'split') AS split,
        any_value(value ->> '$.source') FILTER (WHERE step_no = 0) AS source
    FROM latest_outcomes WHERE chosen AND step IN ('intake', 'verify', 'settle', 'split') GROUP BY ALL
)
SELECT f.recipe, f.run_id, coalesce(s.source, d.source, u.source) AS source, s.kind,
    count(*) AS samples,
    count(*) FILTER (WHERE d.correct AND (f.step_no IS NULL OR f.step_no > t.step_no)) AS verified,
    count(*) FILTER (WHERE f.fate = 'kept') AS kept,
    count(*) FILTER (WHERE f.fate = 'dropped') AS dropped,
    count(*) FILTER (WHERE f.fate = 'failed') AS failed,
    count(*) FILTER (WHERE f.fate = 'pending') AS pending,
    count(*) FILTER (WHERE f.fate = 'kept' AND d.split = 'sft' AND x.reason IS NULL) AS sft,
    count(*) FILTER (WHERE f.fate = 'kept' AND d.split = 'rl' AND x.reason IS NULL) AS rl,
    count(*) FILTER (WHERE f.fate = 'kept') / count(*) AS yield
FROM fates f
JOIN runs u USING (run_id)
LEFT JOIN run_steps t ON t.run_id = f.run_id AND t.step IN ('verify', 'settle')
LEFT JOIN sample_versions s USING (sample_id, sample_key)
LEFT JOIN said d ON d.run_id = f.run_id AND d.sample_id = f.sample_id AND d.sample_key = f.sample_key
LEFT JOIN excluded x ON x.sample_id = f.sample_id AND x.sample_key = f.sample_key
WHERE f.fate <> 'expanded'
GROUP BY f.recipe, f.run_id, coalesce(s.source, d.source, u.source), s.kind
ORDER BY f.recipe, source, s.kind
"""

# A call is counted once, under the step that used it first; without a step when the run died before the step ended.
COST = """
WITH used AS (
    SELECT key, arg_min(step, created) AS step
    FROM (SELECT unnest(calls) AS key, step, created FROM raw_outcomes) GROUP BY key
)
SELECT c.teacher, c.model, u.step,
    count(*) AS calls,
    count(*) FILTER (WHERE c.status = 'ok') AS answered,
    count(*) FILTER (WHERE c.status <> 'ok') AS failed,
    sum(c.prompt_tokens)::BIGINT AS prompt_tokens,
    sum(c.completion_tokens)::BIGINT AS completion_tokens,
    sum(c.cost) AS cost,
    count(*) FILTER (WHERE c.cost IS NULL) AS unknown_cost_calls,
    sum(c.seconds) AS seconds,
    sum(c.attempts)::BIGINT AS attempts
FROM calls c
LEFT JOIN used u USING (key)
GROUP BY c.teacher, c.model, u.step
ORDER BY c.teacher, c.model, u.step
"""

DISAGREEMENT = """
WITH verdicts AS (
    SELECT recipe, run_id, sample_id, sample_key, draw, chosen,
        value ->> '$.extracted' AS answer, value ->> '$.source' AS source,
        TRY_CAST(value ->> '$.correct' AS BOOLEAN) AS correct
    FROM latest_outcomes WHERE step = 'verify' AND json_type(value) = 'OBJECT'
),
split_answers AS (
    SELECT DISTINCT run_id, sample_id, sample_key FROM (
        SELECT run_id, sample_id, sample_key, answer FROM verdicts
        GROUP BY ALL HAVING bool_or(correct) AND NOT bool_and(correct)
    )
),
drawn AS (
    SELECT recipe, run_id, sample_id, sample_key,
        list(DISTINCT answer ORDER BY answer) FILTER (WHERE coalesce(answer, '') <> '') AS answers,
        arg_max(correct, chosen::INT) FILTER (WHERE source = 'rule') AS rule,
        arg_max(correct, chosen::INT) FILTER (WHERE source = 'judge') AS judge,
        bool_or(correct) FILTER (WHERE chosen) AS verdict
    FROM verdicts GROUP BY ALL
),
reviewed AS (
    SELECT sample_id, sample_key, verdict AS review, verdict = 'accept' AS accepted, verdict = 'reject' AS rejected,
        verdict = 'conflict' OR (accepts > 0)::INT + (rejects > 0)::INT + (edits > 0)::INT > 1 AS split
    FROM review_verdicts
),
found AS (
    SELECT d.*, v.review,
        list_filter([
            CASE WHEN a.run_id IS NOT NULL OR d.rule <> d.judge THEN 'rule_judge' END,
            CASE WHEN (v.rejected AND d.verdict) OR (v.accepted AND NOT d.verdict) THEN 'verdict_review' END,
            CASE WHEN v.split THEN 'reviewers' END,
            CASE WHEN len(d.answers) > 1 THEN 'draws' END
        ], lambda what: what IS NOT NULL) AS between
    FROM drawn d
    LEFT JOIN split_answers a USING (run_id, sample_id, sample_key)
    LEFT JOIN reviewed v USING (sample_id, sample_key)
)
SELECT f.recipe, f.run_id, f.sample_id, f.sample_key, f.between AS disagree, s.reference, f.answers, f.verdict,
    f.rule, f.judge, f.review, s.question
FROM found f LEFT JOIN sample_versions s USING (sample_id, sample_key)
WHERE len(f.between) > 0
ORDER BY f.recipe, f.sample_id
"""

LINEAGE = """
SELECT o.recipe, o.run_id, o.sample_id, o.sample_key, o.step_no, o.step, o.draw, o.chosen, o.status, o.reason,
    o.fingerprint, k.key AS call_key, c.teacher, c.model, c.status AS call_status, p.split
FROM latest_outcomes o
LEFT JOIN LATERAL (SELECT unnest(o.calls) AS key) k ON true
LEFT JOIN calls c USING (key)
LEFT JOIN splits p ON p.run_id = o.run_id AND p.sample_id = o.sample_id AND p.sample_key = o.sample_key
"""

FINDINGS = """
SELECT * FROM raw_findings
QUALIFY row_number() OVER (PARTITION BY audit_id, check_name, title ORDER BY created DESC) = 1
"""

FINDING_ROWS = """
SELECT * FROM raw_finding_rows
QUALIFY row_number() OVER (PARTITION BY audit_id, check_name, title, sample_id, detail ORDER BY created DESC) = 1
"""

TRAININGS = """
SELECT training_id, arg_max(out, created) AS out, arg_max(seed, created) AS seed, min(created) AS started,
    CASE WHEN arg_max(event, created) <> 'started' THEN max(created) END AS ended,
    CASE arg_max(event, created) WHEN 'started' THEN 'running' ELSE arg_max(event, created) END AS status,
    arg_max(settings, created) AS settings, arg_max(data, created) AS data, arg_max(scores, created) AS scores,
    arg_max(versions, created) AS versions, arg_max(detail, created) AS detail
FROM raw_trainings GROUP BY training_id
"""

TRAIN_DEMO = """
SELECT seed, (scores->>'$[0].sampled.accuracy')::DOUBLE AS before,
    (scores->>'$[#-1].sampled.accuracy')::DOUBLE AS after,
    CASE WHEN status = 'finished' THEN ended END AS finished, ended - started AS seconds, status, out
FROM trainings WHERE settings->>'label' = 'train-demo'
QUALIFY row_number() OVER (PARTITION BY seed ORDER BY started DESC) = 1
"""

# The chosen draw where it is right, else the first right one, against every wrong draw of the same sample.
PEOPLE: tuple[tuple[str, str], ...] = (
    ("reasons", REASONS),
    ("passes", PASSES),
    ("exclusions", EXCLUSIONS),
    ("duplicates", DUPLICATES),
    ("contaminated", CONTAMINATED),
    ("excluded", EXCLUDED),
    *REVIEWED,
    ("pass_rates", PASS_RATES),
    ("exports", EXPORTS),
    ("findings", FINDINGS),
    ("finding_rows", FINDING_ROWS),
    ("trainings", TRAININGS),
    ("train_demo", TRAIN_DEMO),
    ("corpus", CORPUS),
    ("yield_by_source", YIELD_BY_SOURCE),
    ("cost", COST),
    ("disagreement", DISAGREEMENT),
    ("lineage", LINEAGE),
    *MADE,
)
