"""Records on a real server of MLflow, with SQLite, on this machine."""

from __future__ import annotations

import base64
import csv
import itertools
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import reports
from lvmmed_backbones.records import read
from reports.__main__ import main
from reports.trackers.run import tracked
from tests.factories import changed, signal_of_child
from tests.reports.any_record import contents

pytestmark = pytest.mark.mlflow
# Neither reports of use, nor the eight processes of its jobs.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has its own folder."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
             "--artifacts-destination", str(folder / "files")]  # fmt: skip
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            cwd=folder,
            env={**os.environ, **QUIET},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own."""
    return request.node.name


@pytest.fixture
def client(server: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server)


@pytest.fixture
def there(client: Any) -> Callable[[str], list[Any]]:
    """All runs of an experiment, those that were deleted left out."""

    def runs(name: str) -> list[Any]:
        return list(client.search_runs([client.get_experiment_by_name(name).experiment_id]))

    return runs


@pytest.fixture
def file(client: Any, tmp_path: Path) -> Callable[[Any, str], str]:
    """The text of a file of a run."""

    def text(run: Any, name: str) -> str:
        return Path(client.download_artifacts(run.info.run_id, name, str(tmp_path))).read_text()

    return text


def write(folder: Path, content: dict[str, Any], config: str = "seed = 0\n") -> Path:
    """A folder of results with one run more."""
    place = folder / content["run"]
    place.mkdir(parents=True, exist_ok=True)
    (place / "record.json").write_text(json.dumps(content))
    (place / "config.py").write_text(config)
    return folder


def facts(run: Any) -> dict[str, Any]:
    """What a run of MLflow says that does not depend on when it was pushed; NaN: no metric."""
    tags = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
    metrics = {name: value for name, value in run.data.metrics.items() if not math.isnan(value)}
    return {"params": run.data.params, "metrics": metrics, "tags": tags, "status": run.info.status}


@pytest.fixture
def is_whole(there: Callable, file: Callable, server: str) -> Callable[[str, Path], Any]:
    """Check that an experiment has the one record of a folder, whole; return its run."""

    def check(name: str, folder: Path) -> Any:
        (run,) = there(name)
        (record,), _ = read(folder)
        content = json.loads(record.path.read_text())
        made = facts(run)
        costs = {f"cost/{name}": value for name, value in content["cost"].items()}
        assert made["metrics"] == {**content["metrics"], **costs}
        assert made["params"]["task"] == content["task"]
        assert made["tags"]["lvmmed.run"] == content["run"]
        assert made["tags"]["started"] == content["provenance"]["started"]
        assert len(made["tags"]["lvmmed.mark"]) == 64 and made["status"] == "FINISHED"
        told = json.loads(file(run, "record.json"))
        assert told["provenance"] == content["provenance"] and "cases" not in told
        head, *rows = csv.reader(file(run, "cases.csv").splitlines())
        assert [{"case": row[0], **dict(zip(head[1:], map(float, row[1:]), strict=True))}
                for row in rows] == content["cases"]  # fmt: skip
        assert file(run, "config.py") == record.path.with_name("config.py").read_text()
        return run

    return check


def test_a_record_becomes_a_run(
    server: str, name: str, tmp_path: Path, is_whole: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "runs", changed({}))
    words = ["push", str(folder), "--to", "mlflow", "--uri", server, "--experiment", name]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out == "" and "1 runs made, 0 updated, 0 as they were" in said.err
    run = is_whole(name, folder)
    assert run.info.run_name == "drive, finetune: random_resnet50, seed 0"
    assert run.info.start_time == 1767225600_000 and run.info.end_time == 1767225613_500
    assert main(words) == 0
    assert "0 runs made, 0 updated, 1 as they were" in capsys.readouterr().err


def test_a_changed_record_stays_one_run(
    server: str, name: str, tmp_path: Path, is_whole: Callable, client: Any
) -> None:
    """A lower score counts, a metric that is gone is NaN, and what did not change has no second value."""
    folder = write(tmp_path / "runs", changed({}))
    reports.push(folder, to="mlflow", uri=server, experiment=name)
    first = is_whole(name, folder)
    write(
        folder,
        changed({
            "metrics": {"dice": 0.25}, "cases": [{"case": "01_test", "dice": 0.25, "iou": 0.125}],
            "provenance.git_revision": None, "provenance.started": "2026-02-02T00:00:00+00:00",
            "cost.test_seconds": 1.5,
        }),
        config="seed = 1\n",
    )  # fmt: skip
    report = reports.push(folder, to="mlflow", uri=server, experiment=name)
    assert (report.made, report.updated, report.problems) == (0, 1, [])
    run = is_whole(name, folder)
    assert run.info.run_id == first.info.run_id
    assert math.isnan(run.data.metrics["iou"])
    history = client.get_metric_history(run.info.run_id, "dice")
    assert [point.value for point in history] == [0.5, 0.25]
    assert len(client.get_metric_history(run.info.run_id, "cost/train_seconds")) == 1
    assert reports.push(folder, to="mlflow", uri=server, experiment=name).unchanged == 1


def killed(folder: Path, server: str, name: str, step: int) -> bool:
    """Push in a process that is killed before one of its requests; whether it was."""

    def push() -> None:
        reports.push(folder, to="mlflow", uri=server, experiment=name)

    return signal_of_child(push, step, lambda event, _: event == "http.client.send") != 0


def test_a_first_push_that_is_killed_anywhere(
    server: str, name: str, tmp_path: Path, is_whole: Callable
) -> None:
    folder = write(tmp_path, changed({}))
    for step in itertools.count(1):
        was_killed = killed(folder, server, f"{name} {step}", step)
        reports.push(folder, to="mlflow", uri=server, experiment=f"{name} {step}")
        is_whole(f"{name} {step}", folder)
        if not was_killed:
            break
    assert step > 8


def test_a_push_of_a_changed_record_that_is_killed_anywhere(
    server: str, name: str, tmp_path: Path, is_whole: Callable
) -> None:
    """Each of two records follows the other."""
    other = {"metrics": {"dice": 0.75, "map": 0.1}, "cases": []}
    folders = [write(tmp_path / "0", changed({})), write(tmp_path / "1", changed(other))]
    reports.push(folders[0], to="mlflow", uri=server, experiment=name)
    for step in itertools.count(1):
        folder = folders[step % 2]
        was_killed = killed(folder, server, name, step)
        reports.push(folder, to="mlflow", uri=server, experiment=name)
        is_whole(name, folder)
        if not was_killed:
            break
    assert step > 8


def test_a_former_record_after_an_interrupted_push(
    server: str, name: str, tmp_path: Path, is_whole: Callable
) -> None:
    """The mark of the former content does not stand while another is half there."""
    folder = write(tmp_path / "runs", changed({}))
    other = write(tmp_path / "other", changed({"metrics.dice": 0.75, "cases": []}))
    for step in range(3, 9):
        reports.push(folder, to="mlflow", uri=server, experiment=name)
        is_whole(name, folder)
        assert killed(other, server, name, step)


def test_filters_choose_what_is_pushed(
    server: str, name: str, tmp_path: Path, there: Callable
) -> None:
    for run, task in (("a", "drive"), ("b", "drive"), ("c", "buid")):
        write(tmp_path / "runs", changed({"run": run, "task": task}))
    report = reports.push(
        tmp_path / "runs", to="mlflow", uri=server, experiment=name, task=["drive"]
    )
    assert report.made == 2
    assert {run.data.tags["lvmmed.run"] for run in there(name)} == {"a", "b"}


HOSTILE = {
    "a quote in its identity": {"run": "x' OR tags.a != 'b"},
    "two names that are one there": {
        "run": "bar",
        "metrics": {"dice": 0.5, "a|b": 0.2, "a_b": 0.3},
    },
    "a name of a folder above": {"run": "dots", "metrics": {"dice": 0.5, "../../a": 0.25}},
    "a long name": {"run": "long", "metrics": {"dice": 0.5, "a" * 400: 0.25}},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_record_that_mlflow_does_not_take_is_named(
    kind: str, server: str, name: str, tmp_path: Path, errors: Callable, there: Callable
) -> None:
    folder = write(tmp_path / "runs", changed({"run": "sound"}))
    spoilt = folder / "spoilt" / "record.json"
    spoilt.parent.mkdir()
    spoilt.write_text(json.dumps(changed(HOSTILE[kind])))
    (line,) = errors("push", folder, "--to", "mlflow", "--uri", server, "--experiment", name)
    assert line.startswith(f"error: {spoilt}: ")
    whole = {run.data.tags["lvmmed.run"] for run in there(name) if run.data.tags.get("lvmmed.mark")}
    assert whole == {"sound"}


@given(content=contents())
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_record_is_pushed_as_it_is(
    content: dict[str, Any],
    server: str,
    client: Any,
    file: Callable,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """But for the names of metrics, in which MLflow takes few characters."""
    folder = tmp_path_factory.mktemp("any")
    headline = list(content["metrics"]).index(content["metric"])
    metrics = {f"m{number}": value for number, value in enumerate(content["metrics"].values())}
    (folder / "record.json").write_text(json.dumps(
        {**content, "run": folder.name, "metrics": metrics, "metric": f"m{headline}", "cost": {}}
    ))  # fmt: skip
    assert reports.push(folder, to="mlflow", uri=server, experiment="any").problems == []
    number = client.get_experiment_by_name("any").experiment_id
    (run,) = client.search_runs([number], f"tags.`lvmmed.run` = '{folder.name}'")
    (record,), _ = read(folder)
    assert run.data.metrics == {name: v for name, v in metrics.items() if v is not None}
    assert run.data.params == tracked(record).params
    assert tracked(record).tags.items() <= run.data.tags.items()
    assert file(run, "cases.csv") == tracked(record).files["cases.csv"]
    assert json.loads(file(run, "record.json"))["metrics"] == metrics


def test_characters_that_mlflow_does_not_take_become_underscores(
    server: str, name: str, tmp_path: Path, there: Callable
) -> None:
    folder = write(tmp_path, changed({"metrics": {"dice": 0.5, "dice/né (a,b)": 0.25}, "cost": {}}))
    assert reports.push(folder, to="mlflow", uri=server, experiment=name).problems == []
    assert there(name)[0].data.metrics == {"dice": 0.5, "dice/n_ _a_b_": 0.25}


def test_a_run_that_is_another_is_not_overwritten(
    server: str, name: str, tmp_path: Path, errors: Callable, is_whole: Callable
) -> None:
    folder = write(tmp_path / "runs", changed({}))
    reports.push(folder, to="mlflow", uri=server, experiment=name)
    other = write(tmp_path / "other", changed({"task": "buid"}))
    (line,) = errors("push", other, "--to", "mlflow", "--uri", server, "--experiment", name)
    assert "task is 'buid', but 'drive' in MLflow, which changes no parameter" in line
    is_whole(name, folder)


def test_files_do_not_go_past_the_server(
    server: str, name: str, tmp_path: Path, errors: Callable, client: Any
) -> None:
    """A place on this machine that the server names is not written to."""
    client.create_experiment(name, artifact_location=str(tmp_path / "here"))
    folder = write(tmp_path / "runs", changed({}))
    (line,) = errors("push", folder, "--to", "mlflow", "--uri", server, "--experiment", name)
    assert f"it keeps files at {tmp_path}/here" in line and "--artifacts-destination" in line
    assert not (tmp_path / "here").exists()


def test_a_server_that_is_not_there(
    tmp_path: Path, errors: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = write(tmp_path / "runs", changed({}))
    before = dict(os.environ)
    (line,) = errors("push", folder, "--to", "mlflow", "--uri", "http://me:secret@127.0.0.1:9")
    assert line.startswith("error: http://127.0.0.1:9: ") and "Is the server running" in line
    assert "secret" not in line and os.environ == before


@pytest.mark.parametrize("answer", [b"<html>hello", b"", b'{"experiment": 1}', b"[" * 100_000])
@pytest.mark.parametrize("status", [200, 302, 401, 403, 404])
def test_another_server_gets_user_and_password_and_no_line_shows_them(
    answer: bytes, status: int, tmp_path: Path, errors: Callable
) -> None:
    heard = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    other = HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    folder = write(tmp_path / "runs", changed({}))
    try:
        place = f"127.0.0.1:{other.server_port}"
        said = errors("push", folder, "--to", "mlflow", "--uri", f"http://me:se%2Fcret@{place}")
    finally:
        other.shutdown()
        other.server_close()
    assert len(said) == 1 and said[0].startswith(f"error: http://{place}: MLflow does not answer")
    basic = base64.b64encode(b"me:se/cret").decode()
    assert set(heard) == {f"Basic {basic}"}
    assert "cret" not in said[0] and basic not in said[0]
