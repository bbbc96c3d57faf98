"""What the REST API takes and gives; the words are those of the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from crosslight.types import Modality
from crosslight.web.jobs import JobKind, JobState

Name = Annotated[str, Field(min_length=1, max_length=200)]
Rerank = Literal["align", "patches", "none"]


class Schema(BaseModel):
    """Base of all: unknown fields are refused, NaN and infinity too."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Problem(Schema):
    """An error as problem details (RFC 9457)."""

    type: str = Field(description="A name of the kind of error, such as urn:crosslight:InputError.")
    title: str
    status: int
    detail: str = Field(description="What was wrong and what to do next.")


class Health(Schema):
    """Whether the service can answer."""

    status: Literal["ok"] = "ok"
    images: int
    unfinished_jobs: int


class Version(Schema):
    """What runs here."""

    crosslight: str
    api: int = 1


class IndexInfo(Schema):
    """What the index holds; the names are those of `crosslight info`."""

    name: str
    images: int
    modality: Modality
    query_modality: Modality = Field(description="The kind that queries have unless they say otherwise.")
    model: str
    preset: str
    words: int
    stride: int
    bytes: int = Field(description="What the index takes on disk.")
    uploaded_bytes: int = Field(description="How much of that are images uploaded here.")
    metadata: dict[str, list[str]] = Field(description="Columns and some of their values, for filtering.")
    limits: dict[str, int]


class PlacementBody(Schema):
    """Where a query lies: full-resolution pixels of the repository image, degrees counter-clockwise."""

    cx: float = Field(ge=-1e7, le=1e7)
    cy: float = Field(ge=-1e7, le=1e7)
    angle_deg: float = Field(ge=-360, le=360)
    scale: float = Field(default=1.0, gt=0, le=100)


class Verdict(StrEnum):
    """What a person says of a hit."""

    accepted = "accepted"
    rejected = "rejected"


class HitBody(Schema):
    """One hit. `cx` to `flipped` and the corners are null when the ranking was not aligned."""

    rank: int
    image: str
    similarity: float
    confidence: float
    cx: float | None
    cy: float | None
    angle_deg: float | None
    scale: float | None
    flipped: bool | None = Field(description="Whether the query lies there mirrored.")
    corners_xy: list[tuple[float, float]] | None = Field(
        description="The query's top-left, top-right, bottom-right and bottom-left pixel in the repository image."
    )
    width_px: int = Field(description="Of the repository image.")
    height_px: int
    verdict: Verdict | None = None


class Answer(StrEnum):
    """How sure the best hit is: 90 % or more, half or more, or less."""

    found = "found"
    perhaps = "perhaps"
    unlikely = "unlikely"


class RankingBody(Schema):
    """All hits of a query, best first."""

    note: str
    answer: Answer
    aligned: bool
    hits: list[HitBody]


class SearchSettingsBody(Schema):
    """What was asked, in the words of `crosslight search`."""

    modality: Modality
    top: int
    shortlist: str
    rerank: Rerank
    rotation: float
    scale: str
    flip: bool
    overlap: float
    query_mpp: float | None
    where: dict[str, str]


class QueryBody(Schema):
    """The query image."""

    name: str
    width_px: int
    height_px: int
    mpp: float | None


class Progress(Schema):
    """How far a job is."""

    done: float
    total: float
    label: str


class SkippedFile(Schema):
    """An upload that could not be used."""

    name: str
    reason: str


class Job(Schema):
    """A search or a change of the repository."""

    id: str
    kind: JobKind
    label: str
    state: JobState
    position: int = Field(description="How many jobs go before it.")
    progress: Progress
    message: str = Field(description="What was done, in words.")
    created: float = Field(description="Seconds since 1970.")
    finished: float | None
    own: bool = Field(description="Whether the visitor who asks started it.")
    problem: Problem | None = None
    skipped: list[SkippedFile] = Field(default=[], description="Uploads that cannot be used; the others are added.")


class Search(Job):
    """A search with its ranking once it is done."""

    query: QueryBody
    settings: SearchSettingsBody
    ranking: RankingBody | None = None


class JobList(Schema):
    """Jobs, the newest first."""

    jobs: list[Job]


class ImageBody(Schema):
    """What the index knows of one image."""

    name: str
    width_px: int
    height_px: int
    mpp: float | None
    metadata: dict[str, str | float | int | bool]
    kind: Literal["image", "slide"] = Field(description="A slide is a large image, searched window by window.")
    uploaded: bool = Field(description="Whether it was uploaded here.")


class ImageList(Schema):
    """Some images, sorted by name."""

    total: int = Field(description="How many match.")
    images: list[ImageBody]


class TileInfo(Schema):
    """A deep zoom pyramid: level 0 is the smallest, the last has full resolution."""

    name: str
    width_px: int
    height_px: int
    tile_px: int
    max_level: int


class Box(Schema):
    """A rectangle in pixels, (0, 0) being the outer corner of the first pixel."""

    x: float
    y: float
    width: float
    height: float


class RepresentationInfo(Schema):
    """What the pictures of two representations cover: of the query, and of the repository image."""

    query: Box
    image: Box


class MatchRequest(Schema):
    """A verdict on a hit, with the place as nudged by hand."""

    verdict: Verdict
    placement: PlacementBody | None = Field(default=None, description="Where it really lies; else where it was found.")


class Match(Schema):
    """A verdict that was given."""

    search: str
    query: str
    rank: int
    image: str
    similarity: float
    confidence: float
    cx: float
    cy: float
    angle_deg: float
    scale: float
    flipped: bool
    width_px: int = Field(description="Of the query.")
    height_px: int
    verdict: Verdict
    nudged: bool
    time: float


class MatchList(Schema):
    """All verdicts, the newest first."""

    matches: list[Match]


class ModelInfo(Schema):
    """The model that the index was made by."""

    fingerprint: str
    method: str
    preset: str
    mpp: float | None
    network: dict[str, Any]
    modalities: dict[str, dict[str, Any]]
    training: dict[str, Any]
    calibration: dict[str, float]
    has_preview: bool
    curve: dict[str, list[float]] = Field(description="Columns of training.csv, thinned out for plotting.")
    reliability: dict[str, list[float]] = Field(
        description="Columns of calibration.csv: mean confidence of validation queries, the share of them that were "
        "answered right, its standard error, how many they are. Empty where there were too few to measure it."
    )
