"""Who does the work of indexing: this process, or the workers of a Dask cluster.

A step of the work is a function of an index's parts and some jobs; it can be repeated at no harm and gives the same
result wherever it runs. Jobs name files, never carry pixels. So a worker that dies takes nothing with it: the scheduler
gives its jobs to another one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from crosslight import __version__, errors
from crosslight.errors import ClusterError, ConfigError, CrosslightError, IndexMismatchError, MissingDependencyError
from crosslight.pipeline.manifest import Manifest
from crosslight.pipeline.parts import IndexParts
from crosslight.pipeline.stores import open_store
from crosslight.store.base import Store

if TYPE_CHECKING:
    from distributed import Client

MAX_JOBS = 200  # in one task of a cluster
TASKS_PER_WORKER = 8  # so many shares of the work, while they are large enough: the last tasks end together
TASKS_AHEAD = 2  # per worker, sent out at once
CONNECT_S = 10

J = TypeVar("J")
R = TypeVar("R")
Step = Callable[[IndexParts, Sequence[J]], R]


class Place(NamedTuple):
    """Which parts a worker needs; others are read when one of these changes."""

    folder: str
    vocabulary: str
    store: str
    device: str
    version: str


class Refusal(NamedTuple):
    """An error on its way back from a worker, as two texts: not every exception survives the journey."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: CrosslightError) -> Refusal:
        """Return an error as its two texts."""
        return cls(type(error).__name__, str(error))

    def error(self) -> CrosslightError:
        """Return the error that the worker raised."""
        return getattr(errors, self.kind, CrosslightError)(self.message)


class Team(Protocol):
    """Runs a step over jobs, some at a time."""

    is_remote: bool

    def run(self, step: Step[J, R], parts: IndexParts, jobs: Sequence[J]) -> Iterator[tuple[Sequence[J], R]]:
        """Yield (jobs, result) of each part of the work, in the order in which they are finished."""


class Alone:
    """Runs everything here, in order."""

    is_remote = False

    def __init__(self, batch: int) -> None:
        self._batch = batch

    def run(self, step: Step[J, R], parts: IndexParts, jobs: Sequence[J]) -> Iterator[tuple[Sequence[J], R]]:
        """Yield (jobs, result) of each batch."""
        for batch in split_jobs(jobs, self._batch):
            yield batch, step(parts, batch)


class DaskTeam:
    """Runs steps on the workers of a Dask cluster, which see the same files under the same paths."""

    is_remote = True

    def __init__(self, client: Client, device: str) -> None:
        self._client, self._device = client, device

    def run(self, step: Step[J, R], parts: IndexParts, jobs: Sequence[J]) -> Iterator[tuple[Sequence[J], R]]:
        """Yield (jobs, result) of each task as it is finished; a result is held by one process only."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        n_workers = max(1, len(self._client.nthreads()))
        size = max(1, min(MAX_JOBS, len(jobs) // (TASKS_PER_WORKER * n_workers)))
        tasks = split_jobs(jobs, size)
        sent: dict[Any, Sequence[J]] = {}
        finished = as_completed(with_results=False)

        def send() -> None:
            batch = next(tasks, None)
            if batch is not None:
                future = self._submit(step, parts, batch)
                sent[future.key] = batch
                finished.add(future)

        for _ in range(TASKS_AHEAD * n_workers):
            send()
        try:
            for future in finished:
                batch, result = sent.pop(future.key), future.result()
                future.release()
                if isinstance(result, Refusal):
                    raise result.error()
                send()
                yield batch, result
        except KilledWorker as error:
            raise ClusterError(
                f"Workers died again and again during the same images ({error.last_worker.address} was the last); "
                "see their logs: too little memory is the usual reason. What is finished was kept."
            ) from error
        except (OSError, TimeoutError) as error:
            if isinstance(error, CrosslightError):
                raise
            raise ClusterError(
                f"The cluster was lost ({type(error).__name__}: {error}); run the same command again to go on."
            ) from error

    def _submit(self, step: Step[J, R], parts: IndexParts, batch: Sequence[J]) -> Any:
        key = f"{step.__name__.strip('_')}-{uuid.uuid4().hex}"
        manifest = parts.manifest
        place = Place(str(parts.folder.resolve()), manifest.vocabulary, manifest.store, self._device, __version__)
        return self._client.submit(_run_there, step, place, list(batch), key=key, pure=False)


@contextmanager
def gather_team(
    workers: int | None, scheduler: str | Client | None, *, batch: int, device: str = "auto"
) -> Iterator[Team]:
    """Yield who is to work: `workers` processes of this machine, the cluster of a scheduler, or this process alone.

    Raises
    ------
    ConfigError
        If both are given, or `workers` is below 1.
    ClusterError
        If no scheduler answers.
    MissingDependencyError
        If Dask is not installed.
    """
    if workers is None and scheduler is None:
        yield Alone(batch)
        return
    if workers is not None and scheduler is not None:
        raise ConfigError("Both workers and a scheduler are given; --workers N starts a cluster here, so give one.")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}; use at least 1.")
    try:
        import distributed
    except ImportError as missing:
        raise MissingDependencyError(
            "A cluster needs the package distributed; install it with `pip install 'crosslight[cluster]'`."
        ) from missing
    if isinstance(scheduler, distributed.Client):
        yield DaskTeam(scheduler, device)
    elif scheduler is not None:
        with _connect(scheduler) as client:
            yield DaskTeam(client, device)
    else:
        with (
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=50,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield DaskTeam(client, device)


def split_jobs(jobs: Sequence[J], size: int) -> Iterator[Sequence[J]]:
    """Cut jobs into batches of `size`, the last one smaller."""
    return (jobs[start : start + size] for start in range(0, len(jobs), size))


def open_own_store(parts: IndexParts) -> Store:
    """Return this worker's connection to the index's server, opened once."""
    return _open_store(parts.folder, parts.manifest)


def _connect(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address}; give the address that `dask scheduler` printed, such as "
            "tcp://host:8786."
        ) from error


def _run_there(step: Step[J, R], place: Place, jobs: Sequence[J]) -> R | Refusal:
    """Run a step on a worker, with the parts that it keeps from task to task."""
    try:
        if place.version != __version__:
            raise IndexMismatchError(
                f"A worker has Crosslight {__version__}, but {place.version} asks; install the same on all machines."
            )
        return step(_open_parts(place), jobs)
    except CrosslightError as error:
        return Refusal.of(error)


@lru_cache(maxsize=1)
def _open_parts(place: Place) -> IndexParts:
    parts = IndexParts.of_folder(Path(place.folder), place.device)
    parts.manifest = replace(parts.manifest, store=place.store)
    return parts


@lru_cache(maxsize=1)
def _open_store(folder: Path, manifest: Manifest) -> Store:
    return open_store(folder, manifest)
