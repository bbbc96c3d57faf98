"""index, for large images: what `build` does for images, slide by slide.

A slide counts once its own entry is in the store, which is written last. Until then the windows that are in the store
of windows are passed over by every search, and written again at no harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crosslight.pipeline.distribute import Team
from crosslight.pipeline.slide_words import SLIDE_KEY, sample_descriptors, write_windows
from crosslight.pipeline.slides import represent_slide
from crosslight.pipeline.unusable import Unusable
from crosslight.types import Descriptors, Entry, Histogram, Progress

if TYPE_CHECKING:
    from crosslight.pipeline.build import Job
    from crosslight.pipeline.images import IndexImages

MAX_VOCABULARY_AREAS = 100  # of all slides together, looked at for words
NOTHING = Histogram(words=np.empty(0, np.int32), counts=np.empty(0, np.float32))  # a slide is found by its windows


def represent_slides(
    index: IndexImages, jobs: Sequence[Job], team: Team, skipped: Unusable, progress: Progress
) -> None:
    """Write the representations of slides, passing over those that cannot be used."""
    for job in jobs:
        with skipped.skip(job.name, str(job.path)):
            represent_slide(index, job, team, progress)


def sample_slides(index: IndexImages, jobs: Sequence[Job]) -> Iterator[Descriptors]:
    """Yield what the vocabulary is to be learnt from; the slides are represented already."""
    for job in jobs:
        yield from sample_descriptors(index, job.key, max(1, MAX_VOCABULARY_AREAS // len(jobs)))


def add_slide(index: IndexImages, job: Job, team: Team, progress: Progress) -> None:
    """Write one slide: its representation, its windows, and last the entry that makes it count."""
    represent_slide(index, job, team, progress)
    write_windows(index, job.key, job.metadata, team, progress)
    index.store.add(
        [replace(index.pyramids.entry(job.key), metadata=dict(job.metadata), path=str(job.path.resolve()))], [NOTHING]
    )


def remove_slides(index: IndexImages, entries: Sequence[Entry]) -> None:
    """Delete what an index keeps of slides besides their entries, which are gone already."""
    if not entries:
        return
    windows = index.open_windows()
    for entry in entries:
        windows.remove([e.name for e in windows.entries({SLIDE_KEY: entry.name})])
    index.pyramids.remove([f"{e.name}|{e.signature}" for e in entries])
