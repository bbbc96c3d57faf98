"""Everything the pages and the API work with: the index, the queue, uploads, pictures, verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crosslight.pipeline.index import Index
from crosslight.pipeline.metadata import Value
from crosslight.pipeline.searching import SearchSettings
from crosslight.types import Entry, Ranking
from crosslight.web.decoder import Decoder
from crosslight.web.jobs import Job, JobKind, JobQueue
from crosslight.web.matches import MatchBook
from crosslight.web.problems import RequestError
from crosslight.web.settings import ServeSettings
from crosslight.web.tiles import Pictures
from crosslight.web.uploads import Receiver, StoredQuery

UPLOADS = "uploads"  # folder of the index that holds images added through the web
ADD_BATCH = 4  # images added between two looks at waiting searches
MAX_COLUMN_VALUES = 50


@dataclass(eq=False, kw_only=True)
class SearchRecord:
    """A search: what was asked, and what came out once it is done.

    The query's representation is kept beside it on disk.
    """

    query: StoredQuery
    settings: SearchSettings
    ranking: Ranking | None = None


class Workbench:
    """Owns an opened index; everything that touches its store runs in the queue's one thread.

    What the index holds is copied into `entries` after each change, so that pages can read it at any time.
    """

    def __init__(self, index: Index, settings: ServeSettings) -> None:
        self.index, self.settings = index, settings
        self._temporary = tempfile.TemporaryDirectory(prefix="crosslight-")
        self._decoder = Decoder(settings.limits.decode_s)
        self.receiver = Receiver(Path(self._temporary.name), self._decoder, settings.limits)
        self.queue = JobQueue(settings.limits)
        self.pictures = Pictures(index)
        self.matches = MatchBook(index.folder)
        self.entries: Mapping[str, Entry] = {}
        self.columns: Mapping[str, list[str]] = {}
        self.facts: Mapping[str, str | int] = {}
        self._refresh()

    def start(self) -> None:
        """Start what the first visitor would otherwise wait for."""
        self._decoder.start()

    def close(self) -> None:
        """Finish the running step, close the index, and delete what was temporary."""
        self.queue.close()
        self._decoder.close()
        self.index.close()
        self._temporary.cleanup()

    @property
    def uploads(self) -> Path:
        """Where images that were added through the web are kept."""
        return self.index.folder / UPLOADS

    def entry(self, name: str) -> Entry:
        """Return what is known of an image; raises RequestError (404) for an unknown one."""
        if name not in self.entries:
            raise RequestError(404, "There is no image of this name in the repository; look at /api/images.")
        return self.entries[name]

    def is_uploaded(self, entry: Entry) -> bool:
        """Whether an image's file was uploaded here (and goes with it)."""
        return Path(entry.path).parent == self.uploads.resolve()

    def search(self, client: str, query: StoredQuery, settings: SearchSettings) -> Job:
        """Let a search wait for its turn; its result is a `SearchRecord`."""
        record = SearchRecord(query=query, settings=settings)

        def steps(job: Job) -> Iterator[None]:
            image = query.load()
            (ranking,) = self.index.search(
                [image], modality=settings.modality, top=settings.top, shortlist=settings.shortlist,
                rerank=settings.rerank, rotation=settings.align.rotation_deg, scale=settings.align.scale,
                flip=settings.align.flip, overlap=settings.align.overlap, where=settings.where,
                progress=job.progress,
            )  # fmt: skip
            query.keep_representation(self.index.model.representer(settings.modality).represent(image))
            job.size_bytes = query.size_bytes
            record.ranking = replace(ranking, query_image=None)
            job.message = ranking.note
            yield from ()

        job = Job(
            kind=JobKind.search, client=client, label=query.name, steps=steps, result=record, on_drop=query.drop,
            size_bytes=query.size_bytes,
        )  # fmt: skip
        return self.queue.submit(job)

    def add(self, client: str, files: Mapping[str, Path], metadata: Mapping[str, Value]) -> Job:
        """Let uploaded files wait to be added; those that do not get into the index are deleted."""

        def steps(job: Job) -> Iterator[None]:
            n_written = 0
            try:
                for batch in _batches(files, len(files) if self.index.vocabulary is None else ADD_BATCH):
                    replaced = [self.entries[name] for name in batch if name in self.entries]
                    self.index.add(
                        batch, metadata={name: metadata for name in batch},
                        progress=lambda d, t, label, n=n_written, b=batch: job.progress(
                            n + d / t * len(b), len(files), label
                        ),
                    )  # fmt: skip
                    n_written += len(batch)
                    self._refresh()
                    for entry in replaced:
                        self._drop_file(entry)
                    job.progress(n_written, len(files), "indexing")
                    yield
            finally:
                self._refresh()
                drop_unused()
            job.message = f"added {n_written}"

        def drop_unused() -> None:
            there = {e.path for e in self.entries.values()}
            for path in files.values():
                if str(path.resolve()) not in there:
                    path.unlink(missing_ok=True)

        job = Job(kind=JobKind.add, client=client, label=_say_images(list(files)), steps=steps, on_drop=drop_unused)
        try:
            return self.queue.submit(job)
        except RequestError:
            drop_unused()
            raise

    def remove(self, client: str, names: list[str]) -> Job:
        """Let images wait to be removed; only files that were uploaded here are deleted."""

        def steps(job: Job) -> Iterator[None]:
            entries = [self.entry(name) for name in names]
            n_removed = self.index.remove(names)
            self._refresh()
            for entry in entries:
                self._drop_file(entry)
            job.message = f"removed {n_removed}"
            yield from ()

        return self.queue.submit(Job(kind=JobKind.remove, client=client, label=_say_images(names), steps=steps))

    def _drop_file(self, entry: Entry) -> None:
        if self.is_uploaded(entry):
            Path(entry.path).unlink(missing_ok=True)

    def _refresh(self) -> None:
        entries = {e.name: e for e in self.index.entries()}
        columns: dict[str, dict[str, None]] = {}
        for entry in entries.values():
            for key, value in entry.metadata.items():
                values = columns.setdefault(key, {})
                if isinstance(value, str) and len(values) < MAX_COLUMN_VALUES:
                    values[value] = None
        self.entries, self.facts = entries, self.index.info()
        self.columns = {key: sorted(values) for key, values in sorted(columns.items())}


def _batches(files: Mapping[str, Path], size: int) -> Iterator[dict[str, Path]]:
    names = list(files)
    for start in range(0, len(names), size):
        yield {name: files[name] for name in names[start : start + size]}


def _say_images(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} images"
