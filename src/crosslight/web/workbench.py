"""Everything the pages and the API work with: the index, the queue, uploads, pictures, verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crosslight.pipeline.index import Index
from crosslight.pipeline.metadata import Value
from crosslight.pipeline.searching import SearchSettings
from crosslight.types import Entry, Ranking
from crosslight.web.additions import Addition
from crosslight.web.decoder import Decoder
from crosslight.web.jobs import Job, JobKind, JobQueue, SkippedFile
from crosslight.web.matches import MatchBook
from crosslight.web.problems import RequestError
from crosslight.web.settings import ServeSettings
from crosslight.web.tiles import Pictures
from crosslight.web.uploads import Receiver, StoredQuery

UPLOADS = "uploads"  # folder of the index that holds images added through the web
MAX_COLUMN_VALUES = 50


@dataclass(eq=False, kw_only=True)
class SearchRecord:
    """A search: what was asked, and what came out once it is done.

    The query's representation is kept beside it on disk, in the cells of the images found.
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
        self.refresh()

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
            representer = self.index.model.representer(settings.modality)
            for is_slide in {self.entry(hit.image).kind == "slide" for hit in ranking.hits}:
                query.keep_representation((representer.plain if is_slide else representer).represent(image))
            job.size_bytes = query.size_bytes
            record.ranking = replace(ranking, query_image=None)
            job.message = ranking.note
            yield from ()

        job = Job(
            kind=JobKind.search, client=client, label=query.name, steps=steps, result=record, on_drop=query.drop,
            size_bytes=query.size_bytes,
        )  # fmt: skip
        return self.queue.submit(job)

    def add(
        self, client: str, files: Mapping[str, Path], metadata: Mapping[str, Value], skipped: Sequence[SkippedFile] = ()
    ) -> Job:
        """Let uploaded files wait to be added; those that do not get into the index are deleted.

        `skipped` are those of the same upload that could not be used at all.
        """
        addition = Addition(bench=self, files=files, metadata=metadata)
        job = Job(
            kind=JobKind.add, client=client, label=_say_images(list(files)), steps=addition.steps,
            on_drop=addition.drop_unused, skipped=list(skipped),
        )  # fmt: skip
        try:
            return self.queue.submit(job)
        except RequestError:
            addition.drop_unused()
            raise

    def remove(self, client: str, names: list[str]) -> Job:
        """Let images wait to be removed; only files that were uploaded here are deleted."""

        def steps(job: Job) -> Iterator[None]:
            entries = [self.entry(name) for name in names]
            n_removed = self.index.remove(names)
            self.refresh()
            for entry in entries:
                self.drop_file(entry)
            job.message = f"removed {n_removed}"
            yield from ()

        return self.queue.submit(Job(kind=JobKind.remove, client=client, label=_say_images(names), steps=steps))

    def drop_file(self, entry: Entry) -> None:
        """Delete the file of an image that is not in the index any more, if it was uploaded here."""
        if self.is_uploaded(entry):
            Path(entry.path).unlink(missing_ok=True)

    def refresh(self) -> None:
        """Copy what the index holds."""
        entries = {e.name: e for e in self.index.entries()}
        columns: dict[str, dict[str, None]] = {}
        for entry in entries.values():
            for key, value in entry.metadata.items():
                values = columns.setdefault(key, {})
                if isinstance(value, str) and len(values) < MAX_COLUMN_VALUES:
                    values[value] = None
        self.entries, self.facts = entries, self.index.info()
        self.columns = {key: sorted(values) for key, values in sorted(columns.items())}


def _say_images(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} images"
