"""index: images -> representations -> vocabulary -> histograms and disc codes -> store.

Every image goes through two steps that can be repeated at no harm: its representation and thumbnail are written to the
archive under a key of name and file signature, then its entry and histogram to the store. Only the second makes it
count, so a kill at any moment leaves the old or the new state of each image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from crosslight.describe.discs import describe_discs
from crosslight.encode.vocabulary import DescriptorSample, build_vocabulary
from crosslight.errors import ConfigError, InputError
from crosslight.pipeline.distribute import Refusal, Team, open_own_store, split_jobs
from crosslight.pipeline.metadata import Value
from crosslight.pipeline.parts import IndexParts
from crosslight.pipeline.shortlist import learn_axes
from crosslight.pipeline.slide_build import add_slide, represent_slides, sample_slides
from crosslight.pipeline.stores import EMBEDDED
from crosslight.pipeline.unusable import SKIPPED_FILE, Unusable
from crosslight.read.image import image_signature, read_image
from crosslight.read.large import is_large
from crosslight.show.raster import make_thumbnail
from crosslight.store.base import Store
from crosslight.store.lock import note_change
from crosslight.types import Descriptors, Entry, Histogram, Progress

if TYPE_CHECKING:
    from crosslight.pipeline.images import IndexImages

MAX_VOCABULARY_IMAGES = 2000  # looked at for words and for how common each is


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """How many images a run wrote, how many were there already, and how many could not be used."""

    n_written: int
    n_there: int
    n_skipped: int

    def __str__(self) -> str:
        there = f", {self.n_there} were there" if self.n_there else ""
        return f"indexed {self.n_written}{there}" + (f", skipped {self.n_skipped}" if self.n_skipped else "")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One image to index: where it is and which state of its file; never its pixels."""

    name: str
    path: Path
    signature: str
    metadata: Mapping[str, Value]
    mpp: float | None = None

    @property
    def key(self) -> str:
        """The archive's name for this state of the image."""
        return f"{self.name}|{self.signature}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of some jobs: what the store is to keep, and by place among the jobs why the others are not in it."""

    found: Sequence[tuple[Entry, Histogram]] = ()
    refused: Mapping[int, Refusal] = field(default_factory=dict)


def archive_key(entry: Entry) -> str:
    """Return the archive's name for the indexed state of an image."""
    return f"{entry.name}|{entry.signature}"


def add_images(
    index: IndexImages,
    files: Mapping[str, Path],
    metadata: Mapping[str, Mapping[str, Value]] | None,
    mpp: float | None,
    team: Team,
    skipped: Unusable,
    progress: Progress,
) -> BuildResult:
    """Bring an index up to date with the given files by image name; without metadata, images keep what they have.

    A skipped image stays what it was in the index.
    """
    there = index.store.find(list(files))
    if metadata is None:
        metadata = {name: entry.metadata for name, entry in there.items()}
    unknown = sorted(set(metadata) - set(files))
    unknown = sorted(set(unknown) - set(index.store.find(unknown)))
    if unknown:
        raise InputError(f"The metadata name {unknown[0]!r}, which is not among the images; remove the line or add it.")
    if mpp is not None and not mpp > 0:
        raise ConfigError(f"mpp is {mpp}; give micrometres per pixel above 0.")
    jobs = _list_jobs(files, metadata, mpp, skipped)
    todo = [j for j in jobs if not _is_current(j, there.get(j.name))]
    had_skipped = (index.folder / SKIPPED_FILE).exists()
    with note_change(index.folder) as was_stopped:
        _write_jobs(index, todo, team, skipped, progress)
        written = skipped.without(todo)
        old = [archive_key(there[j.name]) for j in written if j.name in there and archive_key(there[j.name]) != j.key]
        index.archive.remove(old)
        index.pyramids.remove(old)
        # Of a slide that was skipped some tiles may have been written; they stay while it may be tried again.
        stale = had_skipped and not skipped if skipped.again else bool(skipped)
        if was_stopped or stale:
            prune_archives(index)
        skipped.save(index.folder / SKIPPED_FILE)
    return BuildResult(n_written=len(written), n_there=len(jobs) - len(todo), n_skipped=len(skipped))


def _list_jobs(
    files: Mapping[str, Path], metadata: Mapping[str, Mapping[str, Value]], mpp: float | None, skipped: Unusable
) -> list[Job]:
    stamp = "" if mpp is None else f"-{mpp:g}um"  # a pixel size given by hand makes another state of the file
    jobs = []
    for name, path in files.items():
        with skipped.skip(name, str(path)):
            signature = image_signature(path) + stamp
            jobs.append(Job(name=name, path=path, signature=signature, metadata=metadata.get(name, {}), mpp=mpp))
    return jobs


def prune_archives(index: IndexImages) -> None:
    """Delete what the archives keep of images that are not in the store: a change that was stopped left it."""
    keys = {archive_key(e) for e in index.store.entries()}
    index.archive.prune(keys)
    index.pyramids.prune(keys)


def _write_jobs(index: IndexImages, jobs: Sequence[Job], team: Team, skipped: Unusable, progress: Progress) -> None:
    slides: list[Job] = []
    images: list[Job] = []
    for job in jobs:
        (slides if is_large(job.path) else images).append(job)
    counted: dict[str, Histogram] = {}
    if index.vocabulary is None and (jobs or skipped):
        _represent_all(index, images, team, skipped, progress)
        represent_slides(index, slides, team, skipped, progress)
        images, slides = skipped.without(images), skipped.without(slides)
        if not images and not slides:
            raise InputError("No image can be used, so there is no index; mend or replace them and run this again.")
        counted = _build_vocabulary(index, images, slides, progress)
    for done in _write_all(index, images, counted, team, skipped):
        progress(done, len(images), "indexing")
    for slide in slides:
        with skipped.skip(slide.name, str(slide.path)):
            add_slide(index, slide, team, progress)


def _is_current(job: Job, entry: Entry | None) -> bool:
    return (
        entry is not None
        and entry.signature == job.signature
        and dict(job.metadata) == entry.metadata
        and entry.path == str(job.path.resolve())
    )


def represent_jobs(parts: IndexParts, jobs: Sequence[Job]) -> Outcome:
    """Write representation, thumbnail and facts of each job's image, unless this state of the file has them."""
    refused = {}
    for i, job in enumerate(jobs):
        try:
            _represent(parts, job)
        except InputError as error:
            refused[i] = Refusal.of(error)
    return Outcome(refused=refused)


def encode_jobs(parts: IndexParts, jobs: Sequence[Job]) -> Outcome:
    """Return what the store keeps of each job's image, writing to the archive what is missing there."""
    assert parts.vocabulary is not None
    refused = represent_jobs(parts, jobs).refused
    usable = [job for i, job in enumerate(jobs) if i not in refused]
    counts = (parts.vocabulary.encode(_describe(parts, job)) for job in usable)
    found = [_record(parts, job, some) for job, some in zip(usable, counts, strict=True)]
    return Outcome(found=found, refused=refused)


def _record(parts: IndexParts, job: Job, counts: Histogram) -> tuple[Entry, Histogram]:
    """Return what the store keeps of a represented image with these words, its discs written to the archive."""
    assert parts.vocabulary is not None
    if parts.disc_codes is not None:
        discs = describe_discs(parts.archive.representation(job.key))
        parts.archive.write_discs(job.key, parts.disc_codes.encode(discs))
    entry = replace(parts.archive.entry(job.key), metadata=dict(job.metadata), path=str(job.path.resolve()))
    return entry, parts.vocabulary.weigh(counts)


def store_jobs(parts: IndexParts, jobs: Sequence[Job]) -> Outcome:
    """Do the same and write it to the index's server from here: after this, the images count."""
    outcome = encode_jobs(parts, jobs)
    _store(open_own_store(parts), outcome)
    return replace(outcome, found=())


def _represent(index: IndexParts, job: Job) -> None:
    if index.archive.has(job.key):
        return
    image = replace(read_image(job.path), name=job.name)  # what messages call it
    entry = Entry(
        name=job.name,
        path=str(job.path.resolve()),
        height_px=image.height_px,
        width_px=image.width_px,
        mpp=image.mpp if job.mpp is None else job.mpp,
        signature=job.signature,
    )
    representation = index.model.representer(index.manifest.modality).represent(image)
    thumbnail = make_thumbnail(image, index.manifest.config.thumbnail_px)
    index.archive.write(job.key, representation, thumbnail, entry)


def _describe(index: IndexParts, job: Job) -> Descriptors:
    return index.describer.describe(index.archive.representation(job.key))


def _represent_all(index: IndexImages, jobs: Sequence[Job], team: Team, skipped: Unusable, progress: Progress) -> None:
    done = 0
    for some, outcome in team.run(represent_jobs, index, jobs):
        _pass_over(some, outcome, skipped)
        done += len(some)
        progress(done, len(jobs), "representing")


def _pass_over(jobs: Sequence[Job], outcome: Outcome, skipped: Unusable) -> None:
    for i, refusal in outcome.refused.items():
        error = refusal.error()
        assert isinstance(error, InputError)
        skipped.add(jobs[i].name, str(jobs[i].path), error)


def _build_vocabulary(
    index: IndexImages, jobs: Sequence[Job], slides: Sequence[Job], progress: Progress
) -> dict[str, Histogram]:
    """Find the words in some of the images, which are represented already, how common each is, and the disc codes.

    Returns how often each of these images, by key, has each word.
    """
    config = index.manifest.config.vocabulary
    some = jobs[:: max(1, -(-len(jobs) // MAX_VOCABULARY_IMAGES))]
    sample = DescriptorSample(config)
    for done, job in enumerate(some):
        sample.add(_describe(index, job))
        progress(done + 1, len(some), "describing")
    for descriptors in sample_slides(index, slides):
        sample.add(descriptors)
    words = build_vocabulary(sample, config, progress)
    counted = {}
    for done, job in enumerate(some):
        counted[job.key] = words.encode(_describe(index, job))
        progress(done + 1, len(some), "counting words")
    vocabulary = words.with_idf(chain(counted.values(), map(words.encode, sample_slides(index, slides))))
    vocabulary.save(index.folder / "vocabulary")
    discs = (describe_discs(index.archive.representation(job.key)) for job in some)
    codes = learn_axes(discs, means_tell=index.model.means_tell) if some else None
    if codes is not None:
        codes.save(index.folder)
    index.manifest = index.manifest.with_vocabulary(vocabulary.fingerprint, "" if codes is None else codes.fingerprint)
    index.manifest.save(index.folder)
    index.vocabulary, index.disc_codes = vocabulary, codes
    return counted


def _write_all(
    index: IndexImages, jobs: Sequence[Job], counted: Mapping[str, Histogram], team: Team, skipped: Unusable
) -> Iterator[int]:
    """Bring all jobs to the store, those whose words are counted at once, and yield how many count so far.

    The embedded store has one writer, this process; to a server the workers write themselves.
    """
    done = 0
    at_hand = [job for job in jobs if job.key in counted]
    for some in split_jobs(at_hand, index.manifest.config.batch):
        _store(index.store, Outcome(found=[_record(index, job, counted[job.key]) for job in some]))
        done += len(some)
        yield done
    step = store_jobs if team.is_remote and index.manifest.store != EMBEDDED else encode_jobs
    for some, outcome in team.run(step, index, [job for job in jobs if job.key not in counted]):
        _pass_over(some, outcome, skipped)
        _store(index.store, outcome)
        done += len(some)
        yield done


def _store(store: Store, outcome: Outcome) -> None:
    if outcome.found:
        store.add([entry for entry, _ in outcome.found], [vector for _, vector in outcome.found])
