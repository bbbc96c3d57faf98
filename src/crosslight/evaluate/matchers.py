"""Ways from a query to the similarity of every repository image, behind one small interface.

A matcher belongs to one repository. `prepare` takes it in; `search` answers one query. Re-ranking wraps another matcher
and lifts the images it looks at above all others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crosslight.baselines.base import Baseline
from crosslight.config import AlignConfig, VocabularyConfig
from crosslight.describe.base import Describer
from crosslight.describe.discs import describe_discs
from crosslight.encode.disc_codes import DiscCodes, compare_discs
from crosslight.encode.statistics import WordStatistics, measure_words
from crosslight.encode.vocabulary import DescriptorSample, Vocabulary, build_vocabulary
from crosslight.pipeline.shortlist import learn_axes, turn_discs
from crosslight.progress import silent
from crosslight.rerank.align import Aligner, Candidate
from crosslight.rerank.align import Query as AlignQuery
from crosslight.rerank.patches import rerank_patches
from crosslight.rerank.second_look import SecondLook
from crosslight.types import (
    Descriptors,
    Float32,
    Float64,
    Histogram,
    Image,
    Modality,
    Placement,
    Progress,
    Representation,
)

LIFT = 10.0  # added to the similarity of re-ranked images: more than any similarity differs from another


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """One query as a matcher sees it: `key` names it, `representation` is None for methods that read images."""

    key: str
    modality: Modality
    image: Image
    representation: Representation | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """What a matcher answers.

    Attributes
    ----------
    similarities : ndarray of shape (N,), float64
        To every repository image; those of re-ranked images carry `lift` on top.
    places : dict of int to Placement, or None
        Where the query lies, by image number.
    lift : float
        See `similarities`.
    earlier_s : float
        Time spent on this query before, whose outcome was used again.
    """

    similarities: Float64
    places: dict[int, Placement] | None = None
    lift: float = 0.0
    earlier_s: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Repository:
    """What is searched: names, sizes, and how to get one image or its representation."""

    modality: Modality
    names: Sequence[str]
    image: Callable[[str], Image]
    representation: Callable[[str], Representation]


class Matcher(Protocol):
    """What the comparison needs of a method."""

    def prepare(self, progress: Progress = silent) -> None:
        """Take in the repository."""

    def search(self, asked: Asked) -> Found:
        """Answer one query."""


class WordsMatcher:
    """Bag of words: vocabulary and histograms of the repository, cosine of tf-idf."""

    def __init__(self, repository: Repository, describer: Describer, config: VocabularyConfig) -> None:
        self.repository, self.describer, self.config = repository, describer, config
        self._vocabulary: Vocabulary | None = None
        self._vectors: csr_array | None = None
        self.statistics: WordStatistics | None = None

    def prepare(self, progress: Progress = silent) -> None:
        """Learn the words from all images of the repository and count them; two passes, one image at a time."""
        names, describe = self.repository.names, self._describe
        sample = DescriptorSample(self.config)
        for done, name in enumerate(names):
            sample.add(describe(name))
            progress(done + 1, len(names), "describing")
        words = build_vocabulary(sample, self.config, progress)
        counted = []
        for done, name in enumerate(names):
            counted.append(words.encode(describe(name)))
            progress(done + 1, len(names), "counting words")
        self._vocabulary, self.statistics = words.with_idf(counted), measure_words(words, counted)
        self._vectors = stack_histograms([self._vocabulary.weigh(h) for h in counted], len(words.words))

    def _describe(self, name: str) -> Descriptors:
        return self.describer.describe(self.repository.representation(name))

    def search(self, asked: Asked) -> Found:
        """Return the cosine with every image."""
        assert self._vocabulary is not None and self._vectors is not None and asked.representation is not None
        query = self._vocabulary.weigh(self._vocabulary.encode(self.describer.describe(asked.representation)))
        dense = np.zeros(self._vectors.shape[1], np.float32)
        dense[query.words] = query.counts
        return Found(similarities=np.asarray(self._vectors @ dense, np.float64))


def stack_histograms(histograms: Sequence[Histogram], n_words: int) -> csr_array:
    """Return histograms as the rows of a sparse matrix (N, n_words)."""
    starts = np.cumsum([0, *(len(h.words) for h in histograms)])
    words = np.concatenate([h.words for h in histograms])
    counts = np.concatenate([h.counts for h in histograms])
    return csr_array((counts, words, starts), shape=(len(histograms), n_words))


class DiscsMatcher:
    """Our quick look: discs of the query, at each turn, against all discs of every image."""

    def __init__(self, repository: Repository, config: AlignConfig, *, means_tell: bool) -> None:
        self.repository, self.config, self._means_tell = repository, config, means_tell
        self._codes: DiscCodes | None = None
        self._images: list[NDArray[np.int8]] = []

    def prepare(self, progress: Progress = silent) -> None:
        """Learn from all images what is kept of a disc, and encode theirs; two passes, one image at a time."""
        names = self.repository.names
        codes = learn_axes((self._describe(name) for name in names), means_tell=self._means_tell)
        for done, name in enumerate(names):
            self._images.append(codes.encode(self._describe(name)))
            progress(done + 1, len(names), "describing")
        self._codes = codes

    def _describe(self, name: str) -> Float32:
        return describe_discs(self.repository.representation(name))

    def search(self, asked: Asked) -> Found:
        """Return the similarity with every image at the turn where it is greatest."""
        assert self._codes is not None
        turned = turn_discs(_align_query(asked), self._codes, self.config)
        return Found(similarities=np.max([compare_discs(*one, self._images) for one in turned], axis=0).astype(float))


def _align_query(asked: Asked) -> AlignQuery:
    assert asked.representation is not None
    return AlignQuery(
        representation=asked.representation, height_px=asked.image.height_px, width_px=asked.image.width_px,
        image=asked.image,
    )  # fmt: skip


class AlignMatcher:
    """Our alignment with every image, or with the images whose numbers `among` gives."""

    def __init__(self, repository: Repository, config: AlignConfig, look: SecondLook | None = None) -> None:
        self.repository, self.config, self.look = repository, config, look
        self._aligner: Aligner | None = None
        self._candidates: list[Candidate] = []

    def prepare(self, progress: Progress = silent) -> None:
        """Represent every image; their Fourier transforms are made at the first query."""
        names = self.repository.names
        for done, name in enumerate(names):
            self.repository.representation(name)
            image = self.repository.image(name)
            self._candidates.append(Candidate(name=name, height_px=image.height_px, width_px=image.width_px))
            progress(done + 1, len(names), "representing")
        self._aligner = Aligner(self.repository.representation, self.config, self.look)

    def search(self, asked: Asked, among: Sequence[int] | None = None) -> Found:
        """Return the correlation at the best place; minus infinity where the query does not fit."""
        assert self._aligner is not None
        chosen = self._candidates if among is None else [self._candidates[i] for i in among]
        numbers = {c.name: i for i, c in enumerate(self._candidates)}
        similarities = np.full(len(self._candidates), -np.inf)
        places: dict[int, Placement] = {}
        for name, place in self._aligner.align([_align_query(asked)], chosen)[0]:
            similarities[numbers[name]] = place.similarity
            places[numbers[name]] = place
        return Found(similarities=similarities, places=places)


class Shortlist:
    """The best `n` of another matcher, each query asked once: several re-rankings may share it."""

    def __init__(self, base: Matcher) -> None:
        self.base = base
        self._known: dict[str, Found] = {}

    def prepare(self, progress: Progress = silent) -> None:
        """Take in the repository."""
        self.base.prepare(progress)

    def search(self, asked: Asked) -> Found:
        """Answer from memory where the same was asked before."""
        if asked.key in self._known:
            return self._known[asked.key]
        start = time.perf_counter()
        found = self.base.search(asked)
        self._known[asked.key] = replace(found, earlier_s=time.perf_counter() - start)
        return found

    def best(self, asked: Asked, n: int) -> tuple[Found, list[int]]:
        """Return the whole answer, and the numbers of the best `n` images."""
        found = self.search(asked)
        return found, [int(i) for i in np.argsort(-found.similarities, kind="stable")[:n]]


def words_of(matcher: Matcher) -> WordStatistics | None:
    """Return how the words of a plain bag of words are spread over its repository; None of any other matcher."""
    words = matcher.base if isinstance(matcher, Shortlist) else None
    return words.statistics if isinstance(words, WordsMatcher) else None


class PatchesMatcher:
    """The paper's re-ranking of a shortlist."""

    def __init__(
        self, shortlist: Shortlist, n: int, repository: Repository, describer: Describer, config: VocabularyConfig
    ) -> None:
        self.shortlist, self.n, self.repository = shortlist, n, repository
        self.describer, self.config = describer, config

    def prepare(self, progress: Progress = silent) -> None:
        """Do nothing: the shortlist is prepared by its owner."""

    def search(self, asked: Asked) -> Found:
        """Return the shortlist's images by their best patch, above all others in their old order."""
        assert asked.representation is not None
        base, best = self.shortlist.best(asked, self.n)
        names = self.repository.names
        candidates = [(names[i], self.repository.representation(names[i])) for i in best]
        ranking = rerank_patches(
            asked.representation, candidates, self.describer, partial(build_vocabulary, config=self.config)
        )
        lifted = base.similarities.copy()
        numbers = {names[i]: i for i in best}
        for name, similarity in ranking:
            lifted[numbers[name]] = LIFT + similarity
        return Found(similarities=lifted, lift=LIFT, earlier_s=base.earlier_s)


class AlignShortlistMatcher:
    """Our re-ranking of a shortlist."""

    def __init__(self, shortlist: Shortlist, n: int, aligner: AlignMatcher) -> None:
        self.shortlist, self.n, self.aligner = shortlist, n, aligner

    def prepare(self, progress: Progress = silent) -> None:
        """Do nothing: shortlist and aligner are prepared by their owner."""

    def search(self, asked: Asked) -> Found:
        """Return the shortlist's images by alignment, above all others in their old order."""
        base, best = self.shortlist.best(asked, self.n)
        found = self.aligner.search(asked, best)
        lifted = base.similarities.copy()
        fits = np.isfinite(found.similarities)
        lifted[fits] = LIFT + found.similarities[fits]
        return Found(similarities=lifted, places=found.places, lift=LIFT, earlier_s=base.earlier_s)


class BaselineMatcher:
    """A whole method of `baselines`, reading the images, or the representations shown as images."""

    def __init__(self, baseline: Baseline, repository: Repository, *, of_representations: bool) -> None:
        self.baseline, self.repository = baseline, repository
        self.of_representations = of_representations

    def prepare(self, progress: Progress = silent) -> None:
        """Take in the repository; the method has learnt before where it learns."""
        images = _LazyImages(self.repository.names, self._repository_image)
        self.baseline.index(images, modality=self.repository.modality, progress=progress)

    def search(self, asked: Asked) -> Found:
        """Return the method's own similarities."""
        image = asked.image
        if self.of_representations:
            assert asked.representation is not None
            image = picture_representation(asked.representation, image.name)
        found = dict(self.baseline.search(image, modality=asked.modality))
        return Found(similarities=np.array([found[name] for name in self.repository.names], float))

    def _repository_image(self, name: str) -> Image:
        if self.of_representations:
            return picture_representation(self.repository.representation(name), name)
        return self.repository.image(name)


def picture_representation(representation: Representation, name: str) -> Image:
    """Return a representation as an 8-bit image with as many channels, each of its pixels one pixel."""
    return Image(pixels=np.ascontiguousarray(representation.to_codes().transpose(1, 2, 0)), name=name)


class _LazyImages(Sequence[Image]):
    """Images that are read on access."""

    def __init__(self, names: Sequence[str], read: Callable[[str], Image]) -> None:
        self.names, self.read = names, read

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> _LazyImages: ...
    def __getitem__(self, index: int | slice) -> Image | _LazyImages:
        if isinstance(index, slice):
            return _LazyImages(self.names[index], self.read)
        return self.read(self.names[index])
