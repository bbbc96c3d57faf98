"""Uploaded images on their way into the index: a few at a time, passing over those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crosslight.errors import InputError
from crosslight.pipeline.metadata import Value
from crosslight.web.jobs import Job, SkippedFile

if TYPE_CHECKING:
    from crosslight.web.workbench import Workbench

ADD_BATCH = 4  # images added between two looks at waiting searches


@dataclass(frozen=True, kw_only=True, eq=False)
class Addition:
    """Uploaded files by image name, and the metadata that all of them get."""

    bench: Workbench
    files: Mapping[str, Path]
    metadata: Mapping[str, Value]

    def steps(self, job: Job) -> Iterator[None]:
        """Add the files; what could not be used is in `job.skipped`. Raises InputError where nothing could."""
        n_added = 0
        try:
            for first, batch in self._batches():
                n_added += self._add(batch, job, first)
                yield
        finally:
            self.bench.refresh()
            self.drop_unused()
        if not n_added:
            raise InputError(say_none(job.skipped))
        job.message = f"added {n_added}" + (f", skipped {len(job.skipped)}" if job.skipped else "")

    def drop_unused(self) -> None:
        """Delete the files that are not in the index."""
        there = {entry.path for entry in self.bench.entries.values()}
        for path in self.files.values():
            if str(path.resolve()) not in there:
                path.unlink(missing_ok=True)

    def _batches(self) -> Iterator[tuple[int, dict[str, Path]]]:
        """Yield some files at a time and how many there were before; the first ones of an index all at once.

        Its words are learnt from them.
        """
        names = list(self.files)
        size = len(names) if self.bench.index.vocabulary is None else ADD_BATCH
        for start in range(0, len(names), size):
            yield start, {name: self.files[name] for name in names[start : start + size]}

    def _add(self, batch: Mapping[str, Path], job: Job, first: int) -> int:
        """Add some files, delete those of images that they replace, and return how many were added."""
        names = {str(path): name for name, path in batch.items()}
        before = [self.bench.entries[name] for name in batch if name in self.bench.entries]

        def skip(file: str, error: InputError) -> None:
            job.skipped.append(SkippedFile(name=names[file], reason=str(error).replace(file, repr(names[file]))))

        n_added = self.bench.index.add(
            batch, metadata={name: self.metadata for name in batch}, on_skipped=skip, try_again=False,
            progress=lambda done, of, label: job.progress(first + done / of * len(batch), len(self.files), label),
        )  # fmt: skip
        self.bench.refresh()
        for entry in before:
            if self.bench.entries[entry.name].path != entry.path:
                self.bench.drop_file(entry)
        job.progress(first + len(batch), len(self.files), "indexing")
        return n_added


def say_none(skipped: Sequence[SkippedFile]) -> str:
    """Return the sentences for uploads of which none can be added."""
    if len(skipped) == 1:
        return skipped[0].reason
    return f"None of the {len(skipped)} files can be added. " + " ".join(f"{s.name}: {s.reason}" for s in skipped)
