"""Turns, limits and giving up in the queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from crosslight.errors import InputError
from crosslight.web.jobs import Job, JobKind, JobQueue, JobState
from crosslight.web.problems import RequestError
from crosslight.web.settings import Limits


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    made = JobQueue(Limits(n_waiting=6, n_waiting_each=3, n_kept=2))
    yield made
    made.close()


class Gate:
    """Holds the worker in a job until it is opened, and notes the order in which jobs ran."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._open = threading.Event()
        self._entered = threading.Event()

    def hold(self, job: Job) -> Iterator[None]:
        self._entered.set()
        while not self._open.wait(0.01):
            job.progress(0, 1, "holding")
        yield from ()

    def note(self, job: Job) -> Iterator[None]:
        self.order.append(job.label)
        yield from ()

    def close_behind(self, queue: JobQueue) -> Job:
        job = queue.submit(Job(kind=JobKind.search, client="first", label="hold", steps=self.hold))
        assert self._entered.wait(10)
        return job

    def open(self) -> None:
        self._open.set()


def finish(queue: JobQueue, *jobs: Job) -> None:
    done = threading.Event()
    for _ in range(1000):
        if all(job.finished for job in jobs):
            return
        done.wait(0.01)
    raise AssertionError("the jobs did not finish")


def search(gate: Gate, client: str, label: str) -> Job:
    return Job(kind=JobKind.search, client=client, label=label, steps=gate.note)


def test_visitors_take_turns(queue: JobQueue) -> None:
    gate = Gate()
    gate.close_behind(queue)
    jobs = [queue.submit(search(gate, c, label)) for c, label in (("x", "x1"), ("x", "x2"), ("x", "x3"), ("y", "y1"))]
    assert [queue.position(j) for j in jobs] == [0, 2, 3, 1]
    gate.open()
    finish(queue, *jobs)
    assert gate.order == ["x1", "y1", "x2", "x3"]


def test_searches_go_between_the_steps_of_a_change(queue: JobQueue) -> None:
    gate, begun, ready = Gate(), threading.Event(), threading.Event()

    def steps(job: Job) -> Iterator[None]:
        gate.order.append("first half")
        begun.set()
        ready.wait(10)
        yield
        gate.order.append("second half")

    change = queue.submit(Job(kind=JobKind.add, client="x", label="change", steps=steps))
    assert begun.wait(10)
    asked = queue.submit(search(gate, "y", "search"))
    ready.set()
    finish(queue, change, asked)
    assert gate.order == ["first half", "search", "second half"]


def test_one_visitor_may_not_fill_the_queue(queue: JobQueue) -> None:
    gate = Gate()
    gate.close_behind(queue)
    for i in range(3):
        queue.submit(search(gate, "x", str(i)))
    with pytest.raises(RequestError, match="unfinished jobs") as refused:
        queue.submit(search(gate, "x", "one too many"))
    assert refused.value.status == 429
    queue.submit(search(gate, "y", "another's"))
    gate.open()


def test_a_full_queue_asks_to_come_back(queue: JobQueue) -> None:
    gate = Gate()
    gate.close_behind(queue)
    for i in range(5):
        queue.submit(search(gate, str(i), str(i)))
    with pytest.raises(RequestError) as refused:
        queue.submit(search(gate, "late", "late"))
    assert (refused.value.status, refused.value.retry_after_s) == (503, 5)
    gate.open()


def test_a_waiting_job_can_be_given_up(queue: JobQueue) -> None:
    gate, dropped = Gate(), []
    gate.close_behind(queue)
    job = search(gate, "x", "never")
    job.on_drop = lambda: dropped.append(job.id)
    queue.cancel(queue.submit(job))
    gate.open()
    after = queue.submit(search(gate, "y", "after"))
    finish(queue, after)
    assert (job.state, gate.order, dropped) == (JobState.cancelled, ["after"], [job.id])


def test_a_running_job_stops_at_its_next_progress(queue: JobQueue) -> None:
    gate = Gate()
    job = gate.close_behind(queue)
    queue.cancel(job)
    finish(queue, job)
    assert job.state is JobState.cancelled


def test_an_error_becomes_a_problem_and_the_next_job_runs(queue: JobQueue) -> None:
    gate = Gate()

    def fail(job: Job) -> Iterator[None]:
        raise InputError("The image is blue; use a red one.")
        yield

    bad = queue.submit(Job(kind=JobKind.search, client="x", label="bad", steps=fail))
    good = queue.submit(search(gate, "x", "good"))
    finish(queue, bad, good)
    assert bad.problem is not None
    assert (bad.state, bad.problem["status"], bad.problem["detail"]) == (
        JobState.failed, 422, "The image is blue; use a red one.",
    )  # fmt: skip
    assert good.state is JobState.done


def test_an_unforeseen_error_is_not_shown(queue: JobQueue, caplog: pytest.LogCaptureFixture) -> None:
    def fail(job: Job) -> Iterator[None]:
        raise ZeroDivisionError("secret")
        yield

    bad = queue.submit(Job(kind=JobKind.search, client="x", label="bad", steps=fail))
    finish(queue, bad)
    assert bad.problem is not None
    assert "secret" not in bad.problem["detail"]
    assert "secret" in caplog.text


def test_old_jobs_are_forgotten(queue: JobQueue) -> None:
    gate = Gate()
    jobs = []
    for i in range(5):
        jobs.append(queue.submit(search(gate, "x", str(i))))
        finish(queue, jobs[-1])
    with pytest.raises(RequestError, match="no such job"):
        queue.get(jobs[0].id)
    assert queue.get(jobs[-1].id) is jobs[-1]
