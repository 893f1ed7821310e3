"""Views of questions that a run made from pictures (WeThink): what became of each, and how often teachers agreed."""

# What a question found out after the step where it left does not count, as in `corpus`.
MADE_QUESTIONS = """
WITH said AS (
    SELECT o.run_id, o.sample_id, o.sample_key,
        any_value(o.value) FILTER (WHERE o.step_no = b.step_no) AS made,
        any_value(o.status) FILTER (WHERE o.step_no = b.step_no) AS made_status,
        any_value(o.status) FILTER (WHERE o.step = 'check_text') AS check_text,
        any_value(o.status) FILTER (WHERE o.step = 'check_image') AS check_image,
        any_value(o.value) FILTER (WHERE o.step = 'agree') AS agree,
        any_value(o.value) FILTER (WHERE o.step = 'settle') AS settle,
        any_value(o.status) FILTER (WHERE o.step = 'settle') AS settle_status,
        any_value(o.value) FILTER (WHERE o.step = 'route') AS route
    FROM latest_outcomes o
    JOIN fates f USING (run_id, sample_id, sample_key)
    JOIN run_steps b ON b.run_id = o.run_id AND b.scope = 'many'
    WHERE o.chosen AND (f.step_no IS NULL OR o.step_no IS NULL OR o.step_no <= f.step_no)
    GROUP BY ALL
)
SELECT f.recipe, f.run_id, f.position, f.sample_id, f.sample_key, s.parent,
    d.made ->> '$.category' AS category, coalesce(d.made -> '$.abilities', '[]')::JSON AS abilities, s.question,
    s.options, d.made_status = 'ok' AS usable,
    CASE WHEN d.check_text IN ('ok', 'dropped') THEN d.check_text = 'ok' END AS valid_in_text,
    CASE WHEN d.check_image IN ('ok', 'dropped') THEN d.check_image = 'ok' END AS valid_in_image,
    d.agree ->> '$.text' AS answer_text, d.agree ->> '$.image' AS answer_image,
    TRY_CAST(d.agree ->> '$.correct' AS BOOLEAN) AS agreed, d.agree ->> '$.source' AS agreed_by,
    CASE WHEN f.reason = 'adjudged_wrong' THEN 'neither' ELSE d.settle ->> '$.ruling' END AS ruling,
    CASE WHEN d.settle_status = 'ok' THEN d.settle ->> '$.extracted' END AS answer,
    CASE WHEN d.settle_status = 'ok' THEN d.settle ->> '$.by' END AS answer_by,
    d.route ->> '$.reward' AS reward, f.fate, f.step AS left_at, f.reason, f.detail, s.image
FROM fates f
JOIN sample_versions s USING (sample_id, sample_key)
JOIN said d USING (run_id, sample_id, sample_key)
WHERE s.parent <> ''
ORDER BY f.recipe, f.position
"""

# A question with three abilities belongs to three pairs, so pairs add up to more than the questions. The questions are
# computed once: without that the plan needs half a gigabyte for a hundred of them.
AGREEMENT = """
WITH made AS MATERIALIZED (SELECT * FROM made_questions),
pairs AS (
    SELECT q.recipe, q.run_id, q.sample_id, q.sample_key, a.skill || ' + ' || b.skill AS pair
    FROM made q,
        LATERAL (SELECT unnest(CAST(q.abilities AS VARCHAR[])) AS skill) a,
        LATERAL (SELECT unnest(CAST(q.abilities AS VARCHAR[])) AS skill) b
    WHERE a.skill < b.skill
),
grouped AS (
    SELECT 'all' AS per, '' AS what, * FROM made
    UNION ALL BY NAME SELECT 'type' AS per, category AS what, * FROM made
    UNION ALL BY NAME
    SELECT 'abilities' AS per, p.pair AS what, q.* FROM made q
    JOIN pairs p USING (recipe, run_id, sample_id, sample_key)
)
SELECT recipe, run_id, per, what,
    count(*) AS made,
    count(*) FILTER (WHERE NOT usable) AS unusable,
    count(*) FILTER (WHERE NOT valid_in_text) AS rejected_in_text,
    count(*) FILTER (WHERE NOT valid_in_image) AS rejected_in_image,
    count(*) FILTER (WHERE agreed IS NOT NULL) AS compared,
    count(*) FILTER (WHERE agreed) AS agreed,
    count(*) FILTER (WHERE ruling IS NOT NULL) AS adjudicated,
    count(*) FILTER (WHERE ruling = 'text') AS ruled_text,
    count(*) FILTER (WHERE ruling = 'image') AS ruled_image,
    count(*) FILTER (WHERE ruling = 'both') AS ruled_both,
    count(*) FILTER (WHERE ruling = 'neither') AS ruled_neither,
    count(*) FILTER (WHERE fate = 'kept') AS kept,
    count(*) FILTER (WHERE NOT usable OR NOT valid_in_text OR NOT valid_in_image) / count(*) AS rejection_rate,
    count(*) FILTER (WHERE agreed) / nullif(count(*) FILTER (WHERE agreed IS NOT NULL), 0) AS agreement_rate,
    count(*) FILTER (WHERE ruling IS NOT NULL)
        / nullif(count(*) FILTER (WHERE agreed IS NOT NULL), 0) AS adjudication_rate
FROM grouped
GROUP BY recipe, run_id, per, what
ORDER BY recipe, CASE per WHEN 'all' THEN 0 WHEN 'type' THEN 1 ELSE 2 END, what
"""

MADE: tuple[tuple[str, str], ...] = (("made_questions", MADE_QUESTIONS), ("agreement", AGREEMENT))
