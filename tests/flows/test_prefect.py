"""The flow on a real Prefect server: deployed, run by a worker, shown, stopped and refused as promised.

One server of our own for the file, in a folder of its own; everything started here is stopped here.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import duckdb
import httpx
import orjson
import pytest

from curation.intake import samples
from curation.records import Rejected, Sample
from curation.sources import open_source
from flows.cli import main
from flows.interrupts import is_interrupt
from flows.job import Job, prepare
from storage import corpus
from storage.store import Store
from tests.fakes.hub_server import WRITER, HubServer
from tests.fakes.mind import MODELS, mind, truths
from tests.fakes.model_server import ModelServer
from tests.flows.test_run import ROOT, adds_up, funnel

BIN = Path(sys.executable).parent
SOURCE = "figures?size=320x240"
PATIENCE = 90.0


def taken_in(limit: int) -> list[tuple[Sample, bytes | None]]:
    return [item for item in samples(open_source(SOURCE, limit=limit)) if not isinstance(item, Rejected)]


def teachers(server: ModelServer) -> list[str]:
    roles = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
    return [f"{role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items()]


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer(mind(truths(sample for sample, _ in taken_in(20))), models=MODELS, latency=0.01) as running:
        yield running


@contextmanager
def started(command: list[str], env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own that is gone afterwards, with everything it started."""
    with (folder / f"{command[1]}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(ready: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s")


@pytest.fixture(scope="module", autouse=True)
def interruptible() -> Iterator[None]:
    """A shell starts background jobs deaf to SIGINT, and what they start is deaf too: not these tests, not Prefect."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Prefect's settings without a server: nobody's profile, no analytics, no log of its own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    home = str(tmp_path_factory.mktemp("prefect"))
    return {**mine, "PREFECT_HOME": home, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1"}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def starting(env: dict[str, str]) -> Iterator[str]:
    """The API of a server that is on its way up while the first tests run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with started(command, env, Path(env["PREFECT_HOME"])):
        yield f"http://127.0.0.1:{port}/api"


@pytest.fixture(scope="module")
def api(starting: str) -> "Api":
    api = Api(starting)
    until(api.healthy, "the Prefect server answers")
    return api


@pytest.fixture(scope="module")
def online(env: dict[str, str], api: "Api") -> dict[str, str]:
    return {**env, "PREFECT_API_URL": api.url}


class Api:
    """Prefect's REST API, as much of it as these tests read."""

    def __init__(self, url: str) -> None:
        self.url = url

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, **body: Any) -> Any:
        """503 is the server's word for "busy, ask again" (a locked SQLite), which Prefect's own clients do.

        A question (`/filter`) that a busy machine leaves without an answer is asked again too: it changes nothing.
        """
        for left in reversed(range(5)):
            try:
                answer = httpx.post(f"{self.url}{path}", json=body, timeout=30)
            except httpx.ReadTimeout:
                if not left or not path.endswith("/filter"):
                    raise
                continue
            if answer.status_code != 503:
                break
            time.sleep(1)
        return answer.raise_for_status().json()

    def flow_runs(self) -> list[dict[str, Any]]:
        """Those that have started, latest first."""
        runs: list[dict[str, Any]] = self.post("/flow_runs/filter", sort="START_TIME_DESC")
        return [run for run in runs if run["start_time"]]

    def ended_run(self, flow: str) -> dict[str, Any] | None:
        """The final state of the one run that the deployment `chain` of a flow has had."""
        wanted = {"flows": {"name": {"any_": [flow]}}, "deployments": {"name": {"any_": ["chain"]}}}
        runs = self.post("/flow_runs/filter", **wanted)
        return ended(self, runs[0]["id"]) if runs else None

    def given(self, flow: str) -> dict[str, Any]:
        """The parameters of the one run that the deployment `chain` of a flow has had."""
        wanted = {"flows": {"name": {"any_": [flow]}}, "deployments": {"name": {"any_": ["chain"]}}}
        found: dict[str, Any] = self.post("/flow_runs/filter", **wanted)[0]["parameters"]
        return found

    def scheduled(self, least: int) -> list[dict[str, Any]]:
        """Flow runs still to come, once there are so many."""
        wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}

        def enough() -> list[dict[str, Any]]:
            runs: list[dict[str, Any]] = self.post("/flow_runs/filter", **wanted)
            return runs if len(runs) >= least else []

        found: list[dict[str, Any]] = until(enough, "runs are scheduled")
        return found

    def task_states(self, flow_run: dict[str, Any]) -> set[str]:
        """States of a flow run's tasks; the server writes them down a moment later, so they are waited for."""
        wanted = {"flow_runs": {"id": {"any_": [flow_run["id"]]}}}
        ended = until(lambda: self._ended(self.post("/task_runs/filter", **wanted)), "task runs have ended")
        return {task["state"]["type"] for task in ended}

    @staticmethod
    def _ended(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return tasks if all(task["end_time"] for task in tasks) else []


def command(name: str, server: ModelServer, store: Path | str, *more: str, limit: int = 8) -> list[str]:
    given = [f"--teacher={teacher}" for teacher in teachers(server)]
    fixed = [f"--source={SOURCE}", f"--store={store}", f"--limit={limit}", "--set=draws=3"]
    return [str(BIN / "vistill"), name, "vlaa-thinking", *fixed, *given, *more]


def said(command: list[str], env: dict[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=PATIENCE)


def in_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (code, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def status(store: Path) -> list[str]:
    rows = corpus.status(Store.open(store, create=False))
    return [row["status"] for row in sorted(rows, key=lambda row: row["started"])]


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({}, 2, ["PREFECT_API_URL", "prefect server start"]),
        ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, 1, ["no Prefect server answers", "127.0.0.1:9"]),
    ],
)
def test_deploying_without_a_server_says_so_in_one_line(
    env: dict[str, str], models: ModelServer, tmp_path: Path, changes: dict[str, str], code: int, says: list[str]
) -> None:
    in_one_line(said(command("deploy", models, tmp_path / "s"), {**env, **changes}), code, *says)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("--set=drawz=4", "did you mean 'draws'"),
        ("--map=image", "--map"),
        ("--teacher=judge=nobody", "nobody"),
        ("--push=../x", "--push = '../x'"),
        ("--push=", "OWNER/NAME"),
        ("--export=", "name the folder"),
        (f"--export={__file__}", "is a file"),
        ("--train=pyproject.toml", "no such key"),
        ("--format=grpo", "give one of them"),
        ("--licence=figures=mit", "give that too"),
    ],
)
def test_deploying_what_could_not_run_is_refused(
    models: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, says: str
) -> None:
    code = main(command("deploy", models, tmp_path / "s", more)[1:])
    in_one_line(subprocess.CompletedProcess([], code, "", capsys.readouterr().err), 2, says)


def test_splits_are_not_written_into_the_store(
    models: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(command("deploy", models, tmp_path / "s", f"--export={tmp_path / 's' / 'x'}")[1:])
    in_one_line(subprocess.CompletedProcess([], code, "", capsys.readouterr().err), 2, "the store's own folder")


@pytest.mark.parametrize(
    ("more", "says"),
    [("--cron=every night", "--cron"), ("--pool=containers", "is a docker pool"), ("--pool=a b/c", "without '/'")],
)
def test_a_schedule_or_pool_that_cannot_work_is_refused(
    online: dict[str, str], api: "Api", models: ModelServer, tmp_path: Path, more: str, says: str
) -> None:
    if more == "--pool=containers":
        api.post("/work_pools/", name="containers", type="docker")
    in_one_line(said(command("deploy", models, tmp_path / "s", more), online), 2, says)


def test_a_run_without_a_server_of_its_own_says_what_to_do(
    env: dict[str, str], models: ModelServer, tmp_path: Path
) -> None:
    hurry = {**env, "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "1"}
    done = said(command("run", models, tmp_path / "s"), hurry)
    in_one_line(done, 1, "could not start a server", "--no-prefect", "prefect server start")


def test_batches_run_in_another_process(models: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Dask and Ray do: flow, task and arguments pickled by value while a session is open, unpickled elsewhere."""
    from flows import build, workers

    monkeypatch.setitem(workers.SESSIONS, "open", threading.Lock())
    store, taken = Store.open(tmp_path / "store"), taken_in(4)
    corpus.add_samples(store, [s for s, _ in taken], [(s.image, data) for s, data in taken if s.image and data])
    job = Job(recipe="vlaa-thinking", source=SOURCE, store=str(store.root), teachers=tuple(teachers(models)), limit=4)
    [row_wise] = [number for number, stage in enumerate(prepare(job).plan.stages) if stage.scope == "row"]
    arguments = (job.as_json(), "elsewhere", row_wise, [s for s, _ in taken])
    payload = cloudpickle.dumps((build.build, build.batch, arguments))
    code = "import cloudpickle, sys; _, b, args = cloudpickle.load(sys.stdin.buffer); print(b.fn(*args))"
    done = subprocess.run([sys.executable, "-c", code], input=payload, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.startswith(b"Report(samples=4, kept=(")
    written = store.query("select count(distinct sample_id) n from raw_outcomes where run_id = 'elsewhere'")
    assert written.to_pylist() == [{"n": 4}]


def test_a_deployment_is_run_by_a_worker_where_it_was_deployed(
    online: dict[str, str], api: Api, models: ModelServer, tmp_path: Path
) -> None:
    deploy = command("deploy", models, "corpus", "--name=test", "--pool=vistill-test", "--cron=0 2 * * *")
    deployed = said(deploy, online, cwd=tmp_path)
    assert deployed.returncode == 0, deployed.stderr
    assert "prefect worker start --pool vistill-test" in deployed.stdout
    deployment = httpx.get(f"{api.url}/deployments/name/vistill-build/test").raise_for_status().json()
    api.post(f"/deployments/{deployment['id']}/schedule", min_runs=2)
    assert all(run["expected_start_time"].endswith("T02:00:00Z") for run in api.scheduled(2))
    worker = [str(BIN / "prefect"), "worker", "start", "--pool", "vistill-test", "--type", "process"]
    with started(worker, online, Path(online["PREFECT_HOME"])):
        run = api.post(f"/deployments/{deployment['id']}/create_flow_run")
        state = until(lambda: ended(api, run["id"]), "the deployed run ends")
    log = (Path(online["PREFECT_HOME"]) / "worker.log").read_text()
    assert state["type"] == "COMPLETED", log
    assert "leaked" not in log
    rows = funnel(tmp_path / "corpus")
    adds_up(rows)
    assert rows[0]["input"] == 8
    assert status(tmp_path / "corpus") == ["finished"]


def test_publish_and_train_are_deployed_behind_the_build_and_started_when_it_has_completed(
    online: dict[str, str], api: Api, models: ModelServer, tmp_path: Path
) -> None:
    """The training is refused by its configuration, which says that it was started and that its failure is shown."""
    config = tmp_path / "grpo.toml"
    config.write_text(TRAINS)
    behind = ["--export=exports", "--push=tester/corpus", "--licence=figures=cc0-1.0", "--train=grpo.toml"]
    chain = ["--name=chain", "--pool=vistill-chain", *behind]
    with HubServer() as hub:
        mine = {**online, "HF_ENDPOINT": hub.url, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1"}
        deployed = said(command("deploy", models, "corpus", *chain), mine, cwd=tmp_path)
        assert deployed.returncode == 0, deployed.stderr
        config.write_text('out = "run"\nmodle = "tiny"\n')
        worker = [str(BIN / "prefect"), "worker", "start", "--pool", "vistill-chain", "--type", "process"]
        shown = {
            flow: httpx.get(f"{api.url}/deployments/name/{flow}/chain").raise_for_status().json() for flow in FLOWS
        }
        build = shown["vistill-build"]
        with started(worker, mine, Path(online["PREFECT_HOME"])):
            build_run = api.post(f"/deployments/{build['id']}/create_flow_run")["id"]
            states = {flow: until(lambda flow=flow: api.ended_run(flow), f"{flow} ends") for flow in FLOWS}
    assert api.given("vistill-publish")["run"] == api.given("vistill-train")["run"] == build_run
    log = (Path(online["PREFECT_HOME"]) / "worker.log").read_text()
    assert {flow: state["type"] for flow, state in states.items()} == {
        "vistill-build": "COMPLETED", "vistill-publish": "COMPLETED", "vistill-train": "FAILED",
    }, log  # fmt: skip
    assert "modle" in states["vistill-train"]["message"]
    assert [bare for one in shown.values() for bare in _bare(one["parameter_openapi_schema"]["properties"])] == []
    rows = {name: orjson.loads((tmp_path / "exports" / name / "manifest.json").read_bytes())["counts"] for name in
            (path.name for path in (tmp_path / "exports").iterdir())}  # fmt: skip
    assert sum(count for counts in rows.values() for count in counts.values()) > 0
    assert {path.split("/")[0] for path in hub.repos["tester/corpus"].head()} >= set(rows)


def test_a_deployment_of_the_same_name_takes_away_what_it_does_not_put_behind_the_build(
    online: dict[str, str], api: Api, models: ModelServer, tmp_path: Path
) -> None:
    def there() -> set[str]:
        shown = [httpx.get(f"{api.url}/deployments/name/{flow}/again") for flow in FLOWS]
        return {flow for flow, answer in zip(FLOWS, shown, strict=True) if answer.status_code == 200}

    def triggers() -> list[str]:
        names = [one["name"] for one in api.post("/automations/filter")]
        return sorted(name for name in names if "/again" in name)

    (tmp_path / "grpo.toml").write_text(TRAINS)
    deploy = command("deploy", models, "corpus", "--name=again", "--pool=vistill-again", "--train=grpo.toml")
    first = said([*deploy, "--push=tester/corpus"], online, cwd=tmp_path)
    assert "deployed vistill-train/again" in first.stdout, first.stderr
    assert "when vistill-publish/again has completed" in first.stdout
    assert triggers() == [
        "vistill-publish/again after vistill-build/again", "vistill-train/again after vistill-publish/again",
    ]  # fmt: skip
    second = said(deploy, online, cwd=tmp_path)
    assert "removed vistill-publish/again" in second.stdout, second.stderr
    assert there() == {"vistill-build", "vistill-train"}
    assert triggers() == ["vistill-train/again after vistill-build/again"]
    third = said(deploy[:-1], online, cwd=tmp_path)
    assert third.stdout.count("removed") == 1
    assert (there(), triggers()) == ({"vistill-build"}, [])
    assert "removed" not in said(deploy[:-1], online, cwd=tmp_path).stdout


TRAINS = 'out = "run"\n[model]\npath = "tiny"\n[data]\nsft = "exports/sft_trl"\n[sft]\nsteps = 1\n'
FLOWS = ("vistill-build", "vistill-publish", "vistill-train")


def test_every_parameter_of_every_flow_is_typed_and_explained() -> None:
    from flows.build import build
    from flows.publish import publish, train

    assert [bare for flow in (build, publish, train) for bare in _bare(flow.parameters.properties)] == []


def _bare(parameters: dict[str, Any]) -> list[str]:
    """Parameters that Prefect's UI would show without a type or without a word."""
    assert parameters
    return [
        name
        for name, shown in parameters.items()
        if not shown.get("description") or not (shown.get("type") or shown.get("anyOf") or shown.get("$ref"))
    ]


def ended(api: Api, flow_run: str) -> dict[str, Any] | None:
    state: dict[str, Any] = httpx.get(f"{api.url}/flow_runs/{flow_run}").raise_for_status().json()["state"]
    return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None


def test_prefect_shows_a_run_that_stops_at_its_budget_and_the_one_that_finishes_it(
    online: dict[str, str], api: Api, models: ModelServer, tmp_path: Path
) -> None:
    before, store = len(models.requests), tmp_path / "s"
    in_one_line(said(command("run", models, store, "--quiet", "--max-calls=9"), online), 1, "--max-calls")
    assert (api.flow_runs()[0]["state"]["type"], api.task_states(api.flow_runs()[0])) == ("FAILED", {"FAILED"})
    done = said(command("run", models, store, "--json", "--quiet"), online)
    assert (done.returncode, done.stderr) == (0, "")
    assert (api.flow_runs()[0]["state"]["type"], api.task_states(api.flow_runs()[0])) == ("COMPLETED", {"COMPLETED"})
    assert orjson.loads(done.stdout)["event"] == "finished"
    assert status(store) == ["failed", "finished"]
    answered = Store.open(store).query("select count(*) n from raw_calls where status = 'ok'").to_pylist()
    assert answered == [{"n": len(models.requests) - before}]


def test_a_refused_run_starts_no_flow_run(
    online: dict[str, str], api: Api, models: ModelServer, tmp_path: Path
) -> None:
    before = len(api.flow_runs())
    in_one_line(said(command("run", models, tmp_path / "s", "--set=drawz=4"), online), 2, "drawz")
    assert len(api.flow_runs()) == before


@pytest.mark.parametrize("mode", ["--no-prefect", "--batch=4"])
def test_a_terminated_run_says_so_and_the_next_one_continues(
    online: dict[str, str], models: ModelServer, tmp_path: Path, mode: str
) -> None:
    store = tmp_path / "s"
    interrupt(command("run", models, store, "--quiet", mode), online, models, os.kill, signal.SIGTERM)
    assert status(store) == ["interrupted"]
    assert said(command("run", models, store, "--quiet", "--no-prefect"), online).returncode == 0
    assert status(store) == ["interrupted", "finished"]
    adds_up(funnel(store))


def test_ctrl_c_ends_a_run_with_a_server_of_its_own(env: dict[str, str], models: ModelServer, tmp_path: Path) -> None:
    """A terminal sends the signal to all that run stands for, Prefect's server too, which the run still needs."""
    store = tmp_path / "s"
    interrupt(command("run", models, store, "--quiet"), env, models, os.killpg, signal.SIGINT)
    assert status(store) == ["interrupted"]


def interrupt(
    begin: list[str], env: dict[str, str], models: ModelServer, send: Callable[[int, int], None], what: int
) -> None:
    """Start a run, signal it while it makes calls, see that it ends within seconds, with one line and code 130."""
    before, models.latency = len(models.requests), 0.3
    process = subprocess.Popen(begin, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: len(models.requests) > before + 8 or process.poll() is not None, "the run makes calls")
        send(process.pid, what)
        _, errors = process.communicate(timeout=25)
    finally:
        process.kill()
        models.latency = 0.01
    in_one_line(subprocess.CompletedProcess(begin, process.returncode, "", errors), 130, "interrupted", "continues")


def test_a_signal_during_a_query_is_an_interrupt_and_not_a_failure() -> None:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(RuntimeError) as caught:
        duckdb.sql("select count(*) from range(100000000) a, range(1000) b where a.range % 7 = b.range").fetchall()
    assert is_interrupt(caught.value)
    assert not is_interrupt(RuntimeError("another"))
