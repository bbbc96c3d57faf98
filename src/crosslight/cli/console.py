"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from crosslight.types import Progress as ProgressHook

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class _Lines:
    """Progress for log files: a line at every tenth of each kind of work."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def __call__(self, done: float, total: float, label: str) -> None:
        work, tenth = label.split(":", 1)[0], int(10 * done / total) if total else 10
        if tenth > self._shown.get(work, 0):
            self._shown[work] = tenth
            err.print(f"{label} {tenth * 10} %", markup=False)


@contextmanager
def progress_bar() -> Iterator[ProgressHook]:
    """Show a bar with share and time left on stderr, one per kind of work; in a log file, a line at every tenth."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, refresh_per_second=4) as bars:
        tasks: dict[str, TaskID] = {}

        def report(done: float, total: float, label: str) -> None:
            work = label.split(":", 1)[0]  # "training: loss 1.2" goes on in the bar called "training"
            if work not in tasks:
                tasks[work] = bars.add_task(label, total=total)
            bars.update(tasks[work], completed=done, total=total, description=label)

        yield report
