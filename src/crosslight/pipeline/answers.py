"""IndexAnswers: an opened index that is asked: queries -> rankings, and pictures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosslight.config import AlignConfig
from crosslight.errors import ConfigError, InputError
from crosslight.pipeline import searching
from crosslight.pipeline.build import archive_key
from crosslight.pipeline.images import IndexImages
from crosslight.pipeline.slide_views import show_places
from crosslight.pipeline.unusable import Tell, Unusable
from crosslight.progress import silent
from crosslight.read.image import list_images, read_image
from crosslight.rerank.confidence import Calibration
from crosslight.show.hits import draw_ranking
from crosslight.store.base import Where
from crosslight.types import Image, Modality, Progress, Ranking, Representation

SHOWN_HITS = 5  # in a picture


class IndexAnswers(IndexImages):
    """The images of an index, and what is asked of them."""

    @property
    def other_modality(self) -> Modality:
        """The kind that was not indexed, which queries have unless something else is said."""
        return "A" if self.manifest.modality == "B" else "B"

    def search(
        self,
        queries: Path | str | Image | Sequence[Path | str | Image],
        *,
        modality: Modality | None = None,
        top: int = 15,
        shortlist: int | str = "auto",
        rerank: str = "align",
        rotation: float = 30.0,
        scale: float | str | tuple[float, float] = 1.0,
        flip: bool = False,
        overlap: float = 1.0,
        min_confidence: float | None = None,
        query_mpp: float | None = None,
        where: Where | None = None,
        second_look: bool = True,
        on_unanswered: Tell | None = None,
        progress: Progress = silent,
    ) -> list[Ranking]:
        """Find where queries lie.

        Parameters
        ----------
        queries : Path, Image, or sequence of these
            Image files, folders of them, or images already read. They share all work that can be shared.
        modality : {"A", "B"}, optional
            Kind of the queries; by default the one that was not indexed.
        top : int
            Hits per query.
        shortlist : int, "all" or "auto"
            How many images to align with: the best by a quick look at discs of 96 px (slides, and indexes of earlier
            versions: by histogram), or all; "auto" takes all while that is quick.
        rerank : {"align", "patches", "none"}
            Alignment; the paper's patches; histograms alone.
        rotation : float
            Largest turn to look for, degrees; 180 is any.
        scale : float, tuple or str
            Repository pixels per query pixel to look through: 1.25 is 0.8 to 1.25, (2, 2) exactly 2.
        flip : bool
            Look for mirrored places too.
        overlap : float
            Least share of the query that lies inside the repository image, 0.25 to 1.
        min_confidence : float, optional
            Sets `Ranking.found`: whether the first hit's confidence reaches it.
        query_mpp : float, optional
            The queries' micrometres per pixel, instead of what their files say. Where both are known, a query is
            brought to the pixel size of what it is compared with.
        where : mapping, optional
            Only images whose metadata have these values.
        second_look : bool
            Whether the best places of small queries are cut out of the repository's image files and compared anew;
            where a file is no longer what was indexed, the note says so and there is none.
        on_unanswered : callable, optional
            Called with the file (or name) of each query that cannot be used, and the InputError that says why; the
            others are answered. By default the first such error is raised.

        Returns
        -------
        rankings : list of Ranking
            One per query that was answered, in the order given.
        """
        settings = searching.SearchSettings(
            modality=modality or self.other_modality,
            top=top, shortlist=shortlist, rerank=rerank, min_confidence=min_confidence, where=where,
            second_look=second_look,
            align=AlignConfig(rotation_deg=rotation, scale=searching.read_scale(scale), flip=flip, overlap=overlap,
                              device=str(self.device)),
        )  # fmt: skip
        queries = [queries] if isinstance(queries, Path | str | Image) else queries
        paths = [q for q in queries if not isinstance(q, Image)]
        files = list_images(paths) if paths else []
        if query_mpp is not None and not query_mpp > 0:
            raise ConfigError(f"query_mpp is {query_mpp}; give micrometres per pixel above 0.")
        unanswered = Unusable(on_unanswered)
        asked = [(q, q.name) for q in queries if isinstance(q, Image)]
        for file in files:
            with unanswered.skip(str(file), str(file)):
                asked.append((read_image(file), str(file)))
        if query_mpp is not None:
            asked = [(replace(image, mpp=query_mpp), label) for image, label in asked]
        return searching.search_index(self, asked, settings, unanswered, progress)

    def calibration(self) -> Calibration:
        """Return the model's calibration of confidence, or the standing one."""
        return Calibration(**self.model.calibration)

    def draw(self, rankings: Sequence[Ranking], path: Path) -> list[Path]:
        """Draw one picture per ranking and return the files; several get the query's name.

        A ranking that was read from a file needs its query first: `pipeline.ranking_reader.attach_queries`.
        """
        paths = []
        for ranking in rankings:
            target = path if len(rankings) == 1 else path.with_name(f"{path.stem}-{ranking.query}{path.suffix}")
            query = ranking.query_image
            if query is None:
                raise InputError(
                    f"The ranking of {ranking.query!r} has no query image to draw; attach_queries adds it."
                )
            shown, load, compared = show_places(self, ranking, SHOWN_HITS)
            place = ranking.hits[0].placement if ranking.hits else None
            draw_ranking(
                query, shown, load, target, n_hits=SHOWN_HITS, representations=compared,
                center_xy=None if place is None else place.center_xy,
            )  # fmt: skip
            paths.append(target)
        return paths

    def compare(self, ranking: Ranking) -> tuple[Representation, Representation] | None:
        """Return the representations of a query and of its best hit, where that was aligned with an image."""
        if not ranking.hits or ranking.hits[0].placement is None or ranking.query_image is None:
            return None
        best = self.entry(ranking.hits[0].image)
        if best.kind == "slide":
            return None
        asked = self.model.representer(ranking.modality or self.other_modality).represent(ranking.query_image)
        return asked, self.archive.representation(archive_key(best))
