"""What people decided about samples, and what follows from it: for splits and for preference pairs.

Reviews are events. Here it is decided, once, which stand, what an annotator's word is now, what the annotators of a
sample say together, and where a sample belongs after that. `docs/review.md` states the rules in words.
"""

# A bulk counts once its last row, the marker, is there: a process killed halfway has decided nothing.
REVIEWS = """
WITH events AS (
    SELECT * FROM raw_reviews QUALIFY row_number() OVER (PARTITION BY review_id ORDER BY created) = 1
),
undone AS (SELECT DISTINCT undoes FROM events WHERE undoes IS NOT NULL),
whole AS (SELECT review_id FROM events WHERE decision = 'bulk')
SELECT e.*,
    coalesce(e.undoes, '') = '' AND e.decision <> 'bulk'
    AND e.review_id NOT IN (SELECT undoes FROM undone)
    AND (e.bulk IS NULL OR e.bulk NOT IN (SELECT undoes FROM undone) AND e.bulk IN (SELECT review_id FROM whole))
    AS standing
FROM events e
"""

# `judged` is the digest of the trace that was on the screen; decisions on a trace hold for that trace.
LATEST_SQL = """
SELECT sample_id, sample_key, annotator,
    arg_max(decision, created) FILTER (WHERE {verdict}) AS decision,
    arg_max(reason, created) FILTER (WHERE {verdict}) AS reason,
    arg_max(coalesce(edited_answer, ''), created) FILTER (WHERE {verdict}) AS edited_answer,
    arg_max(coalesce(edited_trace, ''), created) FILTER (WHERE {verdict}) AS edited_trace,
    arg_max(coalesce(judged, ''), created) FILTER (WHERE {verdict} OR first_wrong_step IS NOT NULL) AS judged,
    arg_max(review_id, created) FILTER (WHERE {verdict}) AS review_id,
    nullif(arg_max(first_wrong_step, created) FILTER (WHERE first_wrong_step IS NOT NULL), 0) AS first_wrong_step,
    coalesce(bool_or(decision = 'flag'), false) AS flagged,
    coalesce(bool_or(adjudicates) FILTER (WHERE {verdict}), false) AS adjudicates,
    arg_max(seconds, created) FILTER (WHERE {verdict}) AS seconds,
    max(created) AS decided
FROM {reviews} WHERE standing
GROUP BY sample_id, sample_key, annotator
""".replace("{verdict}", "decision IN ('accept', 'reject', 'edit', 'skip')")

VERDICTS_SQL = """
WITH judges AS (
    SELECT *, decision IN ('accept', 'reject', 'edit') AS judges FROM {latest}
),
counted AS (
    SELECT sample_id, sample_key,
        count(*) FILTER (WHERE judges AND NOT adjudicates) AS annotators,
        count(*) FILTER (WHERE decision = 'accept' AND NOT adjudicates) AS accepts,
        count(*) FILTER (WHERE decision = 'reject' AND NOT adjudicates) AS rejects,
        count(*) FILTER (WHERE decision = 'edit' AND NOT adjudicates) AS edits,
        count(DISTINCT lower(trim(edited_answer))) FILTER (WHERE decision = 'edit' AND NOT adjudicates) AS answers,
        count(*) FILTER (WHERE flagged) AS flags,
        arg_max(decision, decided) FILTER (WHERE judges AND adjudicates) AS adjudicated,
        arg_max(annotator, decided) FILTER (WHERE judges AND adjudicates) AS adjudicator,
        min(first_wrong_step) AS first_wrong_step,
        max(decided) AS decided
    FROM judges GROUP BY sample_id, sample_key
),
decided AS (
    SELECT *,
        CASE WHEN adjudicated IS NOT NULL THEN adjudicated
            WHEN annotators = 0 THEN NULL
            WHEN accepts * 2 > annotators THEN 'accept'
            WHEN rejects * 2 > annotators THEN 'reject'
            WHEN edits * 2 > annotators AND answers = 1 THEN 'edit'
            ELSE 'conflict'
        END AS verdict
    FROM counted
),
speaking AS (
    SELECT d.sample_id, d.sample_key,
        arg_max(j.judged, j.decided) AS judged, arg_max(j.reason, j.decided) AS reason,
        nullif(arg_max(j.edited_answer, j.decided), '') AS edited_answer,
        nullif(arg_max(j.edited_trace, j.decided), '') AS edited_trace
    FROM decided d JOIN judges j USING (sample_id, sample_key)
    WHERE (j.decision = d.verdict AND (d.adjudicated IS NULL OR j.adjudicates))
        OR (d.verdict IS NULL AND j.first_wrong_step IS NOT NULL)
    GROUP BY ALL
)
SELECT d.sample_id, d.sample_key, d.verdict, d.annotators, d.accepts, d.rejects, d.edits, d.flags, d.adjudicator,
    s.reason, s.edited_answer, s.edited_trace, d.first_wrong_step, s.judged, d.decided
FROM decided d LEFT JOIN speaking s USING (sample_id, sample_key)
"""

REVIEWS_LATEST = LATEST_SQL.replace("{reviews}", "reviews")
REVIEW_VERDICTS = VERDICTS_SQL.replace("{latest}", "reviews_latest")

SPOKEN = "coalesce(nullif(o_rewrite ->> '$.text', ''), CASE WHEN json_type(o_distill) = 'OBJECT' THEN o_distill ->> '$.raw' ELSE o_distill ->> '$' END, '')"  # noqa: E501 one expression
"""The text of a trace as people see it: after rewriting when there is one. Over `o_rewrite` and `o_distill`."""

OVERRULED = (
    "'wrong_answer', 'answer_not_found', 'undecided', 'timeout', 'judge_unclear', 'judge_missing', 'not_chosen', "
    "'word_gap', 'leak_remains', 'text_outside', 'language_unexpected'"
)
"""Reasons about the quality of a sample, which a person may overrule. Quotas and duplicates are none of them."""

MOVED = """
CASE
    WHEN v.verdict = 'reject' AND holds THEN {'split': 'none', 'reason': 'review_rejected'}
    WHEN v.verdict = 'edit' AND (planned <> 'none' OR overruled)
        AND (v.edited_trace IS NOT NULL AND holds OR same_answer)
        THEN {'split': CASE WHEN planned = 'none' THEN 'sft' ELSE planned END, 'reason': 'review_edited'}
    WHEN v.verdict = 'edit' AND (planned <> 'none' OR overruled) THEN {'split': 'rl', 'reason': 'review_edited'}
    WHEN v.verdict = 'accept' AND holds AND planned = 'none' AND overruled AND has_trace
        THEN {'split': 'sft', 'reason': 'review_accepted'}
    WHEN v.verdict IS DISTINCT FROM 'accept' AND v.first_wrong_step IS NOT NULL AND holds AND planned = 'sft'
        THEN {'split': 'rl', 'reason': 'review_wrong_step'}
END
"""
"""Where a reviewed sample belongs, NULL for where it was. Over a verdict `v` and the columns planned (sft, rl or none),
holds, same_answer, overruled and has_trace."""

REVIEW_EFFECTS = f"""
WITH spoken AS (
    SELECT run_id, sample_id, sample_key,
        any_value(value) FILTER (WHERE step = 'rewrite') AS o_rewrite,
        any_value(value) FILTER (WHERE step = 'distill') AS o_distill,
        any_value(value ->> '$.extracted') FILTER (WHERE step = 'verify') AS answer,
        any_value(value ->> '$.split') FILTER (WHERE step = 'split') AS split
    FROM latest_outcomes
    WHERE chosen AND step IN ('rewrite', 'distill', 'verify', 'split')
        AND sample_id IN (SELECT sample_id FROM review_verdicts)
    GROUP BY ALL
),
judged AS (
    SELECT f.recipe, f.run_id, f.sample_id, f.sample_key, v,
        CASE WHEN f.fate = 'kept' THEN coalesce(o.split, 'none') ELSE 'none' END AS planned,
        coalesce(v.judged, '') IN ('', md5({SPOKEN})) AS holds,
        coalesce(lower(trim(o.answer)) = lower(trim(v.edited_answer)), false) AS same_answer,
        f.fate = 'dropped' AND f.reason IN ({OVERRULED}) AS overruled,
        {SPOKEN} <> '' AS has_trace
    FROM fates f
    JOIN review_verdicts v USING (sample_id, sample_key)
    LEFT JOIN spoken o USING (run_id, sample_id, sample_key)
),
moved AS (SELECT *, {MOVED} AS moved FROM judged)
SELECT recipe, run_id, sample_id, sample_key, v.verdict AS verdict, holds, planned AS split_before,
    coalesce(moved.split, planned) AS split_after, coalesce(moved.reason, '') AS reason,
    v.edited_answer AS edited_answer, v.edited_trace AS edited_trace, v.first_wrong_step AS first_wrong_step
FROM moved
"""  # noqa: S608 the views' own text

# A sample that went past `split` and was lost later is in no split, whatever the step said; nor is one that a standing
# pass over the whole corpus keeps out, whatever a review says. What a review moves must not bring a picture into both
# splits: then it stays out.
SPLITS = """
WITH planned AS (
    SELECT f.sample_id,
        CASE WHEN f.fate = 'kept' AND x.reason IS NULL THEN coalesce(o.split, 'none') ELSE 'none' END AS split,
        CASE WHEN f.fate = 'pending' THEN 'upstream_pending' WHEN f.fate = 'kept' THEN coalesce(x.reason, f.reason)
            ELSE f.reason END AS reason,
        s.source, f.recipe, f.run_id, f.sample_key, s.image, s.kind,
        CASE WHEN f.fate = 'kept' THEN coalesce(x.detail, f.detail) ELSE f.detail END AS detail, e.verdict AS review,
        e.edited_answer, e.split_after, e.reason AS review_reason,
        coalesce(e.reason, '') <> '' AND x.reason IS NULL AS moved
    FROM fates f
    LEFT JOIN excluded x USING (sample_id, sample_key)
    LEFT JOIN (
        SELECT run_id, sample_id, sample_key, step_no, value ->> '$.split' AS split
        FROM latest_outcomes WHERE step = 'split' AND chosen
    ) o USING (run_id, sample_id, sample_key)
    LEFT JOIN sample_versions s USING (sample_id, sample_key)
    LEFT JOIN review_effects e USING (run_id, sample_id, sample_key)
    WHERE (o.step_no IS NOT NULL AND (f.step_no IS NULL OR f.step_no >= o.step_no)) OR coalesce(e.reason, '') <> ''
),
placed AS (
    SELECT *, CASE WHEN moved THEN split_after ELSE split END AS wanted FROM planned
),
crossing AS (
    SELECT recipe, run_id, image FROM placed WHERE image IS NOT NULL AND wanted <> 'none'
    GROUP BY ALL HAVING count(DISTINCT wanted) > 1 AND bool_or(moved)
)
SELECT p.sample_id,
    CASE WHEN p.moved AND c.image IS NOT NULL THEN 'none' ELSE p.wanted END AS split,
    CASE WHEN p.moved AND c.image IS NOT NULL AND p.wanted <> 'none' THEN 'image_in_other_split'
        WHEN p.moved THEN p.review_reason ELSE p.reason END AS reason,
    p.source, p.recipe, p.run_id, p.sample_key, p.image, p.kind, p.detail, p.review, p.edited_answer
FROM placed p LEFT JOIN crossing c USING (recipe, run_id, image)
"""

# An edited answer decides anew which draws were right.
PREFERENCE = f"""
WITH drawn AS (
    SELECT recipe, run_id, sample_id, sample_key, draw,
        bool_or(chosen) AS speaks,
        any_value(value) FILTER (WHERE step = 'rewrite') AS o_rewrite,
        any_value(value) FILTER (WHERE step = 'distill') AS o_distill,
        any_value(value ->> '$.extracted') FILTER (WHERE step = 'verify') AS answer,
        bool_or(TRY_CAST(value ->> '$.correct' AS BOOLEAN)) FILTER (WHERE step = 'verify') AS correct
    FROM latest_outcomes WHERE step IN ('rewrite', 'distill', 'verify') GROUP BY ALL
),
texts AS (
    SELECT d.recipe, d.run_id, d.sample_id, d.sample_key, d.draw, d.speaks, {SPOKEN} AS text,
        e.verdict, e.edited_trace, e.holds, e.first_wrong_step,
        CASE WHEN e.verdict = 'edit' THEN lower(trim(d.answer)) = lower(trim(e.edited_answer)) ELSE d.correct
        END AS good
    FROM drawn d LEFT JOIN review_effects e USING (run_id, sample_id, sample_key)
),
judged AS (SELECT * FROM texts WHERE text <> '' AND NOT (coalesce(verdict, '') = 'reject' AND holds)),
best AS (
    SELECT * FROM judged WHERE good AND first_wrong_step IS NULL
    QUALIFY row_number() OVER (PARTITION BY run_id, sample_id, sample_key ORDER BY speaks DESC, draw) = 1
)
SELECT b.recipe, b.run_id, b.sample_id, b.sample_key,
    CASE WHEN b.verdict = 'edit' THEN 'edited_answer' ELSE 'draws' END AS origin,
    b.draw AS chosen_draw, w.draw AS rejected_draw, b.text AS chosen, w.text AS rejected
FROM best b JOIN judged w USING (run_id, sample_id, sample_key) WHERE w.good = false
UNION ALL
SELECT recipe, run_id, sample_id, sample_key, 'edited_trace', NULL, draw, edited_trace, text
FROM judged WHERE speaks AND edited_trace IS NOT NULL AND holds AND edited_trace <> text
"""  # noqa: S608 the views' own text

REVIEWED: tuple[tuple[str, str], ...] = (
    ("reviews", REVIEWS),
    ("reviews_latest", REVIEWS_LATEST),
    ("review_verdicts", REVIEW_VERDICTS),
    ("review_effects", REVIEW_EFFECTS),
    ("splits", SPLITS),
    ("preference", PREFERENCE),
)
