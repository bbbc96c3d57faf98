"""The queue: one thread works on the index, visitors take turns, searches go before changes of the repository."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from crosslight.web.problems import RequestError, problem_of
from crosslight.web.settings import Limits

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job stands."""

    waiting = "waiting"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"


class JobKind(StrEnum):
    """What a job does."""

    search = "search"
    add = "add"
    remove = "remove"


FINISHED = (JobState.done, JobState.failed, JobState.cancelled)
Steps = Callable[["Job"], Iterator[None]]


class CancelledError(Exception):
    """Raised inside a job that its visitor gave up."""


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """An upload that could not be used, and why."""

    name: str
    reason: str


@dataclass(eq=False, kw_only=True)
class Job:
    """One piece of work; `steps` runs in the worker's thread, and between two of its steps others may go first."""

    kind: JobKind
    client: str
    label: str
    steps: Steps
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: JobState = JobState.waiting
    created: float = field(default_factory=time.time)
    finished: float | None = None
    done: float = 0
    total: float = 0
    step: str = ""
    message: str = ""
    problem: dict[str, Any] | None = None
    skipped: list[SkippedFile] = field(default_factory=list)
    result: Any = None
    size_bytes: int = 0
    on_drop: Callable[[], None] = lambda: None
    cancel: bool = False
    version: int = 0

    def progress(self, done: float, total: float, label: str) -> None:
        """Take note of progress, as library calls report it; stops a cancelled job."""
        if self.cancel:
            raise CancelledError
        self.done, self.total, self.step = done, total, label
        self.version += 1


class JobQueue:
    """Runs jobs in one thread, in turns of visitors, and remembers the last ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()  # searches, by visitor
        self._changes: deque[Job] = deque()  # adding and removing, in order
        self._running: tuple[Job, Iterator[None]] | None = None  # a change between two of its steps
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="crosslight-worker", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Job:
        """Let a job wait for its turn.

        Raises
        ------
        RequestError
            With status 429 if this visitor has too many unfinished jobs, 503 if there are too many in all.
        """
        with self._wake:
            unfinished = [j for j in self._jobs.values() if j.state not in FINISHED]
            own = sum(j.client == job.client for j in unfinished)
            if own >= self._limits.n_waiting_each:
                sentence = f"You have {own} unfinished jobs, as many as one visitor may have; wait for one to finish."
                raise RequestError(429, sentence, retry_after_s=2)
            if len(unfinished) >= self._limits.n_waiting or self._closing:
                sentence = f"{len(unfinished)} jobs are waiting, as many as there may be; try again in a moment."
                raise RequestError(503, sentence, retry_after_s=5)
            self._jobs[job.id] = job
            if job.kind is JobKind.search:
                self._waiting.setdefault(job.client, deque()).append(job)
            else:
                self._changes.append(job)
            self._forget()
            self._wake.notify()
        return job

    def get(self, job_id: str) -> Job:
        """Return a job; raises RequestError (404) for one that is not there any more."""
        with self._wake:
            job = self._jobs.get(job_id)
        if job is None:
            raise RequestError(404, "There is no such job; finished ones are forgotten after a while. Ask again.")
        return job

    def all(self) -> list[Job]:
        """Return all jobs that are remembered, the newest first."""
        with self._wake:
            return list(reversed(self._jobs.values()))

    def position(self, job: Job) -> int:
        """Return how many jobs go before this one; 0 when it is next, running or finished."""
        with self._wake:
            if job.state is not JobState.waiting:
                return 0
            order = self._search_order()
            if job.kind is not JobKind.search:
                order += self._changes
            return order.index(job) if job in order else 0

    def cancel(self, job: Job) -> None:
        """Give up a job: at once when it waits, at its next progress when it runs."""
        with self._wake:
            job.cancel = True
            if job.state is JobState.waiting:
                for queue in (*self._waiting.values(), self._changes):
                    if job in queue:
                        queue.remove(job)
                        self._finish(job, JobState.cancelled)
                        job.on_drop()

    def close(self) -> None:
        """Stop after the step that runs; whatever waits is given up."""
        with self._wake:
            self._closing = True
            for job in self._jobs.values():
                job.cancel = True
            self._wake.notify()
        self._thread.join(timeout=60)
        for job in self.all():
            job.on_drop()

    def _search_order(self) -> list[Job]:
        """Return the waiting searches in the order of their turns: one of each visitor, then the second ones."""
        queues = [list(q) for q in self._waiting.values()]
        return [q[i] for i in range(max(map(len, queues), default=0)) for q in queues if i < len(q)]

    def _next(self) -> tuple[Job, Iterator[None]] | None:
        """Return what to do next; `self._wake` is held."""
        while self._waiting:
            client, queue = self._waiting.popitem(last=False)
            if not queue:  # given up
                continue
            job = queue.popleft()
            if queue:
                self._waiting[client] = queue  # to the end of the turn
            return job, job.steps(job)
        if self._running is not None:
            return self._running
        if self._changes:
            job = self._changes.popleft()
            self._running = (job, job.steps(job))
            return self._running
        return None

    def _work(self) -> None:
        while True:
            with self._wake:
                while (chosen := None if self._closing else self._next()) is None:
                    if self._closing:
                        return
                    self._wake.wait()
                chosen[0].state = JobState.running
                chosen[0].version += 1
            self._step(*chosen)

    def _step(self, job: Job, steps: Iterator[None]) -> None:
        try:
            if job.cancel:
                raise CancelledError
            next(steps)
            return
        except StopIteration:
            state = JobState.done
        except CancelledError:
            state = JobState.cancelled
        except Exception as error:
            job.problem, state = problem_of(error), JobState.failed
        with self._wake:
            if self._running is not None and self._running[0] is job:
                self._running = None
            self._finish(job, state)

    def _finish(self, job: Job, state: JobState) -> None:
        job.finished, job.state = time.time(), state
        job.version += 1
        if not self._closing:
            self._wake.notify()

    def _forget(self) -> None:
        """Drop the oldest finished jobs beyond what is kept; `self._wake` is held."""
        finished = [j for j in self._jobs.values() if j.state in FINISHED]
        n_bytes = sum(j.size_bytes for j in finished)
        while finished and (len(finished) > self._limits.n_kept or n_bytes > self._limits.kept_bytes):
            oldest = finished.pop(0)
            n_bytes -= oldest.size_bytes
            del self._jobs[oldest.id]
            oldest.on_drop()
