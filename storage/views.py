"""The views people read: `VIEWS` is (name, SELECT) in the order they are created over the `raw_<table>` relations.

Tables hold append-only events; here "latest" and "one row a key" are decided, once. An outcome belongs to every run
whose steps have its fingerprint and whose members have its sample, whoever computed it. What each column means for a
reader is in `docs/sql.md`, which a test holds against the database; the wide views lie in `storage.views_people`.
"""

from curation.records import FIRST_CHILD
from storage.views_people import PEOPLE

SAMPLE_VERSIONS = """
SELECT s.*, i.width, i.height, i.format
FROM (
    SELECT * FROM raw_samples
    QUALIFY row_number() OVER (PARTITION BY sample_id, sample_key ORDER BY created DESC) = 1
) s
LEFT JOIN images i ON i.sha256 = s.image
"""

# A question changed and changed back is not stored again, but the run that read it says it is the latest.
SAMPLES = """
SELECT v.* FROM sample_versions v
LEFT JOIN (
    SELECT sample_id, sample_key, max(created) AS seen FROM raw_members GROUP BY ALL
) m USING (sample_id, sample_key)
QUALIFY row_number() OVER (PARTITION BY v.sample_id ORDER BY m.seen DESC NULLS LAST, v.created DESC, v.sample_key) = 1
"""

IMAGES = "SELECT * FROM raw_images QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY created) = 1"

# Rejected rows have no sample key, so two of them may share an id: their place in the source tells them apart.
# A run that stops at --accepted counts the candidates up to its cut.
MEMBERS = """
SELECT m.* FROM raw_members m
LEFT JOIN (SELECT run_id, max(cut) AS cut FROM raw_runs GROUP BY run_id) c USING (run_id)
WHERE c.cut IS NULL OR m.position <= c.cut
QUALIFY row_number() OVER (
    PARTITION BY run_id, sample_id, sample_key, CASE WHEN sample_key = '' THEN position END
    ORDER BY created DESC, position
) = 1
"""

RUNS = """
SELECT
    run_id,
    arg_min(recipe, created) AS recipe,
    arg_max(source, created) AS source,
    min(created) AS started,
    CASE WHEN arg_max(event, created) <> 'started' THEN max(created) END AS ended,
    CASE arg_max(event, created) WHEN 'started' THEN 'running' ELSE arg_max(event, created) END AS status,
    arg_max(detail, created) AS detail,
    arg_max(seed, created) AS seed,
    arg_max(settings, created) AS settings,
    arg_max(teachers, created) AS teachers,
    arg_max(recipe_fingerprint, created) AS recipe_fingerprint,
    max(created) FILTER (WHERE event = 'started') AS resumed,
    max(cut) AS cut
FROM raw_runs
GROUP BY run_id
"""

LATEST_RUNS = """
SELECT * FROM runs
QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY {first}resumed DESC, started DESC, run_id DESC) = 1
"""

RUN_STEPS = """
SELECT run_id, idx, step, fingerprint, scope, in_draws, created,
    CASE WHEN step <> 'draws'
        THEN row_number() OVER (PARTITION BY run_id, step = 'draws' ORDER BY idx) - 1
    END AS step_no
FROM (
    SELECT * FROM raw_run_steps
    QUALIFY row_number() OVER (PARTITION BY run_id, idx ORDER BY created DESC, fingerprint) = 1
)
"""

# A failure never hides a result: two processes may have tried the same sample, and one of them met a dead endpoint.
# Nearly every key has one row, so the window sorts only rows whose key's hash is repeated: 0.34 s of CPU instead of
# 0.81 for 840,000 outcomes, 0.37 instead of 1.41 with their values.
ONE_A_KEY = """
WITH repeated AS (
    SELECT hash(sample_id, sample_key, fingerprint, draw) FROM {events} GROUP BY ALL HAVING count(*) > 1
)
SELECT * FROM {events} WHERE hash(sample_id, sample_key, fingerprint, draw) NOT IN (FROM repeated)
UNION ALL
SELECT * FROM {events} WHERE hash(sample_id, sample_key, fingerprint, draw) IN (FROM repeated)
QUALIFY row_number() OVER (
    PARTITION BY sample_id, sample_key, fingerprint, draw ORDER BY status = 'failed', created DESC, run_id DESC
) = 1
"""

OUTCOMES = ONE_A_KEY.replace("{events}", "raw_outcomes")

CALLS = """
SELECT * FROM raw_calls
QUALIFY row_number() OVER (PARTITION BY key ORDER BY status <> 'ok', created DESC, run_id DESC) = 1
"""

# The filter on fingerprints comes first, so that old runs cost nothing when the latest is asked for. Nothing is
# materialised, so that whoever does not want the long values does not carry them; which draw was chosen is looked up
# among the outcomes of that step alone, since what is not materialised is computed again for it.
RUN_OUTCOMES = """
WITH steps AS (
    SELECT r.recipe, s.*, bool_or(s.step = 'draws') OVER (PARTITION BY s.run_id) AS has_draws
    FROM run_steps s JOIN {runs} r USING (run_id)
),
events AS NOT MATERIALIZED (SELECT * FROM raw_outcomes WHERE fingerprint IN (SELECT fingerprint FROM steps)),
results AS NOT MATERIALIZED ({one_a_key}),
draws AS NOT MATERIALIZED (
    SELECT * FROM events WHERE fingerprint IN (SELECT fingerprint FROM steps WHERE step = 'draws')
),
chosen AS (
    SELECT s.run_id, o.sample_id, o.sample_key, coalesce(TRY_CAST(o.value ->> '$.chosen' AS INTEGER), 0) AS draw
    FROM ({one_draw}) o JOIN steps s USING (fingerprint)
    WHERE s.step = 'draws'
),
rows AS (
    SELECT m.*, c.draw
    FROM (SELECT DISTINCT run_id, sample_id, sample_key FROM members WHERE run_id IN (SELECT run_id FROM {runs})) m
    LEFT JOIN chosen c USING (run_id, sample_id, sample_key)
)
SELECT
    s.recipe, s.run_id, s.step_no, s.step, o.sample_id, o.sample_key, o.draw,
    CASE WHEN s.in_draws AND s.has_draws THEN coalesce(o.draw = m.draw, false) ELSE o.draw = 0 END AS chosen,
    o.status, o.reason, o.detail, o.value, o.calls, o.seconds, o.fingerprint, o.run_id AS computed_by, o.created
FROM results o
JOIN steps s USING (fingerprint)
JOIN rows m ON m.run_id = s.run_id AND m.sample_id = o.sample_id AND m.sample_key = o.sample_key
""".replace("{one_a_key}", ONE_A_KEY.replace("{events}", "events")).replace(
    "{one_draw}", ONE_A_KEY.replace("{events}", "draws")
)

# `passed` has bit n set when step n went well; its trailing ones are the steps passed without a gap, so that what an
# earlier run found out about later steps does not count. A made row is born at the step that made it, which counts the
# steps before as passed.
FATES = """
WITH judged AS (
    SELECT run_id, sample_id, sample_key,
        coalesce(bit_or(1::BIGINT << step_no) FILTER (WHERE status = 'ok'), 0) AS passed,
        arg_min(
            {'step_no': step_no, 'status': status, 'reason': reason, 'detail': detail}, step_no
        ) FILTER (WHERE status <> 'ok') AS stop
    FROM {outcomes} WHERE chosen AND step_no IS NOT NULL
    GROUP BY ALL
),
births AS (SELECT run_id, min(step_no) AS step_no FROM run_steps WHERE scope = 'many' GROUP BY run_id),
passes AS (
    SELECT r.recipe, m.run_id, m.sample_id, m.sample_key, m.position, j.stop,
        coalesce(j.passed, 0)
            | CASE WHEN m.position >= {first_child} THEN (1::BIGINT << coalesce(b.step_no, 0)) - 1 ELSE 0 END AS passed
    FROM members m
    JOIN {runs} r USING (run_id)
    LEFT JOIN births b USING (run_id)
    LEFT JOIN judged j USING (run_id, sample_id, sample_key)
),
placed AS (SELECT * EXCLUDE (passed), bit_count(xor(passed, passed + 1)) - 1 AS step_no FROM passes)
SELECT p.recipe, p.run_id, p.sample_id, p.sample_key, p.position,
    CASE WHEN s.step IS NULL THEN 'kept' WHEN p.stop.step_no = p.step_no THEN p.stop.status ELSE 'pending' END AS fate,
    s.step_no, s.step,
    CASE WHEN s.step_no = p.stop.step_no THEN p.stop.reason ELSE '' END AS reason,
    CASE WHEN s.step_no = p.stop.step_no THEN p.stop.detail ELSE '' END AS detail
FROM placed p
LEFT JOIN run_steps s ON s.run_id = p.run_id AND s.step_no = p.step_no
""".replace("{first_child}", str(FIRST_CHILD))

FUNNEL = """
WITH tally AS (
    SELECT run_id, position >= {first_child} AS made, step_no, fate, reason, count(*) AS samples
    FROM {fates} GROUP BY ALL
),
members_of AS (
    SELECT run_id, coalesce(sum(samples) FILTER (WHERE NOT made), 0) AS samples,
        coalesce(sum(samples) FILTER (WHERE made), 0) AS born
    FROM tally GROUP BY run_id
),
left_at AS (
    SELECT run_id, step_no,
        sum(samples) AS gone,
        sum(samples) FILTER (WHERE fate = 'dropped') AS dropped,
        sum(samples) FILTER (WHERE fate = 'failed') AS failed,
        sum(samples) FILTER (WHERE fate = 'pending') AS pending,
        sum(samples) FILTER (WHERE fate = 'expanded') AS expanded,
        map(
            list(reason ORDER BY samples DESC, reason) FILTER (WHERE fate = 'dropped'),
            list(samples ORDER BY samples DESC, reason) FILTER (WHERE fate = 'dropped')
        ) AS dropped_by_reason,
        map(
            list(reason ORDER BY samples DESC, reason) FILTER (WHERE fate = 'failed'),
            list(samples ORDER BY samples DESC, reason) FILTER (WHERE fate = 'failed')
        ) AS failed_by_reason
    FROM tally WHERE step_no IS NOT NULL GROUP BY ALL
),
steps AS (
    SELECT r.recipe, r.resumed, s.run_id, s.step_no, s.step, coalesce(m.samples, 0) AS entered,
        CASE WHEN s.scope = 'many' THEN coalesce(m.born, 0) ELSE 0 END AS born,
        coalesce(sum(CASE WHEN s.scope = 'many' THEN m.born END) OVER (
            PARTITION BY s.run_id ORDER BY s.step_no
        ), 0) AS born_so_far,
        l.* EXCLUDE (run_id, step_no),
        coalesce(sum(l.gone) OVER (PARTITION BY s.run_id ORDER BY s.step_no), 0) AS gone_so_far
    FROM {runs} r
    JOIN run_steps s ON s.run_id = r.run_id AND s.step_no IS NOT NULL
    LEFT JOIN members_of m ON m.run_id = r.run_id
    LEFT JOIN left_at l ON l.run_id = s.run_id AND l.step_no = s.step_no
)
SELECT recipe, run_id, step_no, step,
    (entered + born_so_far - born - gone_so_far + coalesce(gone, 0))::BIGINT AS input,
    (entered + born_so_far - gone_so_far)::BIGINT AS kept,
    coalesce(dropped, 0)::BIGINT AS dropped,
    coalesce(failed, 0)::BIGINT AS failed,
    coalesce(pending, 0)::BIGINT AS pending,
    coalesce(to_json(dropped_by_reason), '{}')::JSON AS dropped_by_reason,
    coalesce(to_json(failed_by_reason), '{}')::JSON AS failed_by_reason,
    coalesce(expanded, 0)::BIGINT AS expanded,
    born::BIGINT AS born
FROM steps
ORDER BY recipe, resumed, run_id, step_no
""".replace("{first_child}", str(FIRST_CHILD))

LATEST = {"{runs}": "latest_runs", "{outcomes}": "latest_outcomes", "{fates}": "fates"}
ALL = {"{runs}": "runs", "{outcomes}": "run_outcomes", "{fates}": "fates_all"}


def over(sql: str, relations: dict[str, str]) -> str:
    """A SELECT written for any set of runs, over these relations (`LATEST`, `ALL`)."""
    for slot, name in relations.items():
        sql = sql.replace(slot, name)
    return sql


def latest_runs(run: str = "") -> str:
    """The view of that name; with `run`, a literal of SQL, that run is taken for the latest of its recipe."""
    return LATEST_RUNS.format(first=f"run_id = {run} DESC, " if run else "")


def picking(runs: str, sql: str) -> str:
    """A query in {runs}, {outcomes} and {fates}, over just the runs that the query `runs` selects."""
    names = {"{runs}": "picked_runs", "{outcomes}": "picked_outcomes", "{fates}": "picked_fates"}
    ctes = {"picked_runs": runs, "picked_outcomes": over(RUN_OUTCOMES, names), "picked_fates": over(FATES, names)}
    named = ", ".join(f"{name} AS ({cte})" for name, cte in ctes.items())
    return f"WITH {named} SELECT * FROM ({over(sql, names)})"  # noqa: S608 the views' own text


VIEWS: tuple[tuple[str, str], ...] = (
    ("images", IMAGES),
    ("sample_versions", SAMPLE_VERSIONS),
    ("samples", SAMPLES),
    ("members", MEMBERS),
    ("runs", RUNS),
    ("latest_runs", latest_runs()),
    ("run_steps", RUN_STEPS),
    ("outcomes", OUTCOMES),
    ("calls", CALLS),
    ("latest_outcomes", over(RUN_OUTCOMES, LATEST)),
    ("run_outcomes", over(RUN_OUTCOMES, ALL)),
    ("fates", over(FATES, LATEST)),
    ("fates_all", over(FATES, ALL)),
    ("funnel", over(FUNNEL, LATEST)),
    ("funnel_all", over(FUNNEL, ALL)),
    *PEOPLE,
)
