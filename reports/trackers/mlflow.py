"""Runs in MLflow, by its REST client."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from lvmmed_backbones.display import plain
from lvmmed_backbones.importing import needing
from reports.trackers.run import TrackedRun

RUN, MARK = "lvmmed.run", "lvmmed.mark"  # tags: the run's identity; that of a whole one
IDENTITY = re.compile(r"[\w.-]{1,100}", re.ASCII)  # what may stand in a search of MLflow
OTHER = re.compile(r"[^\w.\- :/]", re.ASCII)  # what MLflow takes in no name
ADDRESS = "MLFLOW_TRACKING_URI"
START = "start one by `mlflow server`, and name its address, such as --uri http://127.0.0.1:5000"
# By its own defaults MLflow tries for minutes to reach a server, tells its makers what is used, and prints each run.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
Outcome = Literal["made", "updated", "unchanged"]


@contextmanager
def experiment(uri: str | None, name: str) -> Iterator[Experiment]:
    """Open an experiment on a server of MLflow, which is made if there is none of its name.

    Parameters
    ----------
    uri : str or None
        The server's address, http or https; a user and password in it are not shown. None: that in
        MLFLOW_TRACKING_URI.
    name : str
        The experiment's name.

    Raises
    ------
    ModuleNotFoundError
        If mlflow is not installed; the message names the extra.
    ValueError
        If there is no such address.
    ConnectionError
        If the server cannot be reached, or refuses.
    """
    address, login = _address(uri or os.environ.get(ADDRESS))
    with needing("mlflow"), _environment({**SETTINGS, **os.environ, **login}):
        from mlflow import MlflowClient

        with _one_line(address):
            client = MlflowClient(tracking_uri=address)
            found = client.get_experiment_by_name(name)
            number = found.experiment_id if found else client.create_experiment(name)
        yield Experiment(client, number, address)


class Experiment:
    """An experiment on a server; `experiment` opens it.

    Attributes
    ----------
    address : str
        Where a browser shows it; without a password.
    """

    def __init__(self, client: Any, number: str, server: str) -> None:
        self._client, self._number, self._server = client, number, server
        self.address = f"{server}/#/experiments/{number}"

    def push(self, run: TrackedRun) -> Outcome:
        """Make a run, or bring it up to date; there is one of each identity.

        Raises
        ------
        ValueError
            If MLflow does not take the run as it is.
        ConnectionError
            If the server cannot be reached, or refuses.
        """
        if not IDENTITY.fullmatch(run.identity):
            raise ValueError(f"run is {run.identity!r}, which is no run's identity")
        with _one_line(self._server):
            former = self._find(run.identity)
            if former and former.data.tags.get(MARK) == run.mark:
                return "unchanged"
            self._fill(former or self._make(run), run)
            return "updated" if former else "made"

    def _find(self, identity: str) -> Any | None:
        """Return MLflow's run of an identity, None if there is none. The same one, if two pushes at once made two."""
        found = self._client.search_runs([self._number], f"tags.`{RUN}` = '{identity}'")
        return min(found, key=lambda run: run.info.run_id, default=None)

    def _make(self, run: TrackedRun) -> Any:
        """Make a run, in one step with the tag by which it is found again."""
        return self._client.create_run(
            self._number,
            start_time=_milliseconds(run.started),
            tags={RUN: run.identity},
            run_name=run.name,
        )

    def _fill(self, former: Any, run: TrackedRun) -> None:
        """Write what a run is; its mark last, so that a run with a mark is whole.

        MLflow keeps the values that a metric had before, and the newest counts. It deletes none, so one that is no
        longer defined becomes NaN. It changes no parameter.
        """
        from mlflow.entities import Metric, Param, RunTag

        number, had = former.info.run_id, former.data.metrics
        _check_files(former.info.artifact_uri)
        _check_params(run.params, former.data.params)
        if MARK in former.data.tags:
            self._client.set_tag(number, MARK, "")
        metrics = {**dict.fromkeys(had, math.nan), **_renamed(run.metrics)}
        now = time.time_ns() // 1_000_000
        self._client.log_batch(
            number,
            [Metric(n, v, now, 0) for n, v in metrics.items() if not _same(v, had.get(n))],
            [Param(name, text) for name, text in run.params.items()],
            [RunTag(name, text) for name, text in run.tags.items()],
        )
        for name, text in run.files.items():
            self._client.log_text(number, text, name)
        self._client.set_terminated(number, end_time=_milliseconds(run.ended))
        self._client.set_tag(number, MARK, run.mark)


def _address(uri: str | None) -> tuple[str, dict[str, str]]:
    """Return a server's address without user and password, and these as MLflow reads them from the environment.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not uri:
        raise ValueError(f"--to mlflow needs a server: {START}")
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:  # its words may quote the password
        raise ValueError(f"--uri is no address: {START}") from None
    if parts.scheme not in ("http", "https") or not host:
        named = f" ({plain(parts.scheme, 20)}:)" if parts.scheme else ""
        raise ValueError(f"--uri is no address of http or https{named}: {START}")
    if parts.query or parts.fragment:
        raise ValueError(f"--uri has more than a server and a path: {START}")
    login = {}
    if parts.username is not None:
        login = {
            "MLFLOW_TRACKING_USERNAME": unquote(parts.username),
            "MLFLOW_TRACKING_PASSWORD": unquote(parts.password or ""),
        }
    place = f"[{host}]" if ":" in host else host
    place = place if port is None else f"{place}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}", login


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment, which afterwards is as before."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _one_line(address: str) -> Iterator[None]:
    """Make one line of whatever MLflow and what it is made of raise.

    Raises
    ------
    ValueError
        If MLflow does not take a value.
    ConnectionError
        In place of any other error.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except Conflict:
        raise
    except Exception as error:
        message = plain(error, 500)
        if isinstance(error, MlflowException) and error.error_code == "INVALID_PARAMETER_VALUE":
            raise ValueError(f"MLflow does not take it: {message}") from error
        raise ConnectionError(
            f"{plain(address)}: MLflow does not answer as it should ({message}). "
            "Is the server running, and are address, user and password right? Then push again: what is there stays"
        ) from error


class Conflict(ValueError):
    """A run that cannot be brought up to date."""


def _check_files(place: str) -> None:
    """Refuse a place for files that is not the server itself: a client would write to its own disk, or elsewhere.

    Raises
    ------
    ConnectionError
        Naming it.
    """
    parts = urlsplit(place)
    if parts.scheme != "mlflow-artifacts" or parts.netloc:
        raise ConnectionError(
            f"it keeps files at {place}, past the server. Start it with --artifacts-destination, or name another "
            "--experiment"
        )


def _renamed(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics by names that MLflow takes: an underscore stands for any other character.

    Raises
    ------
    Conflict
        If two have the same name then.
    """
    names: dict[str, str] = {}
    for name in metrics:
        former = names.setdefault(OTHER.sub("_", name), name)
        if former != name:
            raise Conflict(f"metrics {former!r} and {name!r} have one name in MLflow. Rename one")
    return {new: metrics[name] for new, name in names.items()}


def _check_params(params: Mapping[str, str], former: Mapping[str, str]) -> None:
    """Refuse parameters that MLflow would have to change.

    Raises
    ------
    Conflict
        Naming the first.
    """
    for name, text in params.items():
        if former.get(name, text) != text:
            raise Conflict(
                f"{name} is {text!r}, but {former[name]!r} in MLflow, which changes no parameter. "
                "Delete its run there, and push again"
            )


def _same(value: float, former: float | None) -> bool:
    """Whether a metric is as it was, NaN included."""
    return value == former or (former is not None and math.isnan(value) and math.isnan(former))


def _milliseconds(seconds: float | None) -> int | None:
    """Return a time as MLflow has it; None: now."""
    return None if seconds is None else int(seconds * 1000)
