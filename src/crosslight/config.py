"""Settings: one frozen dataclass per stage, checked when made."""

from __future__ import annotations

from dataclasses import dataclass, field

from crosslight.errors import ConfigError, unknown_name


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The two networks, one per modality, without shared weights.

    `kind` names an entry of ``registry.NETWORKS``. `widths` and `stride` shape "c4unet", a light U-Net of group
    convolutions, which commutes with quarter turns, and "unet", the same of plain ones; the DenseUNet has the paper's
    fixed shape and reads only `n_channels`, `growth` and `dropout`. Several names joined by "+" are an ensemble: each
    network learns for itself, and what all of them put out is brought to `n_channels` after training.

    Once trained, images are shown to the networks ``stride / cell_px`` times as large, so that a cell of their
    representation covers `cell_px` pixels; large images are shown as they are. 0 enlarges nothing.
    """

    kind: str = "c4unet"
    n_channels: int = 8
    widths: tuple[int, ...] = (48, 96, 128, 160, 160)
    stride: int = 4
    cell_px: int = 0
    growth: int = 12
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _require(1 <= self.n_channels <= 64, f"n_channels is {self.n_channels}; use 1 to 64.")
        _require(self.stride in (1, 2, 4), f"stride is {self.stride}; use 1, 2 or 4.")
        _require(
            0 <= self.cell_px <= self.stride, f"cell_px is {self.cell_px}; use 1 to {self.stride}, the stride, or 0."
        )
        _require(len(self.widths) >= 2, f"widths is {self.widths}; give at least two levels.")
        _require(0 <= self.dropout < 1, f"dropout is {self.dropout}; use 0 to below 1.")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the members of an ensemble, or the only one."""
        return tuple(self.kind.split("+"))


CRITICS = ("correlation", "mse", "windows")


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """InfoNCE over all 2N representations of a batch.

    `critic` is "correlation" (zero-mean per channel, unit length, dot product) or "mse" (minus the mean squared
    difference, as in the paper), or "windows": a window of one crop (a share `window` of its side) is looked for at
    every place of all crops of the other kind, as alignment does. `decay_l1` and `decay_l2` weigh the activation decay.
    """

    critic: str = "windows"
    temperature: float = 0.04
    window: float = 0.8
    decorrelation: float = 0.5
    decay_l1: float = 0.0
    decay_l2: float = 0.0

    def __post_init__(self) -> None:
        _require(self.critic in CRITICS, f"critic is {self.critic!r}; use one of {', '.join(CRITICS)}.")
        _require(0 < self.window <= 1, f"window is {self.window}; use a share of the crop's side in (0, 1].")
        _require(self.temperature > 0, f"temperature is {self.temperature}; use a positive number.")


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How training crops are cut and changed. Probabilities are per crop and modality.

    The two crops of a pair are cut up to `shift_cells` representation pixels apart, so that a representation cannot
    depend on where its crop ends. They are turned against each other by any angle, so that it turns with the image; by
    quarters where whole crops are compared ("correlation" and "mse", see `LossConfig`). Both show things up to `zoom`
    times larger or smaller than they are. `brightness`, `contrast`, `gamma` and `channel_gain` (of single channels) are
    half-widths of random changes; `blur_px` is the largest Gaussian sigma.
    """

    crop_px: int = 128
    shift_cells: int = 8
    blur_px: float = 1.0
    blur_probability: float = 0.2
    noise: float = 0.03
    brightness: float = 0.2
    contrast: float = 0.5
    gamma: float = 0.6
    channel_gain: float = 0.2
    zoom: float = 1.25

    def __post_init__(self) -> None:
        _require(self.zoom >= 1, f"zoom is {self.zoom}; use 1 or more.")
        _require(self.crop_px >= 32 and self.crop_px % 32 == 0, f"crop_px is {self.crop_px}; use a multiple of 32.")


OPTIMIZERS = ("muon", "adamw", "sgd")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How the networks are trained.

    `momentum` is that of "sgd". `n_pairs` is the batch; `steps` counts optimiser steps when no time is given. Batch
    norm uses its running statistics after the share `freeze_norm` of a training from random weights, and from the first
    step on where it begins with the shipped ones, which have good statistics: both networks see the same places in a
    batch, and could otherwise tell them by statistics that are not there at inference.

    After every `mine_every` steps windows are looked for that the networks take for another place, and from then on a
    share `hard_share` of each batch are such windows and the places they are taken for.
    """

    name: str = "muon"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    momentum: float = 0.9
    warmup_steps: int = 50
    schedule: str = "cosine"
    gradient_norm: float = 1.0
    n_pairs: int = 24
    hard_share: float = 0.5
    mine_every: int = 100
    steps: int = 500
    freeze_norm: float = 0.3

    def __post_init__(self) -> None:
        _require(self.name in OPTIMIZERS, f"optimizer is {self.name!r}; use one of {', '.join(OPTIMIZERS)}.")
        _require(self.schedule in ("cosine", "constant"), f"schedule is {self.schedule!r}; use cosine or constant.")
        _require(self.n_pairs >= 2, f"n_pairs is {self.n_pairs}; a contrast needs at least 2 pairs a batch.")
        _require(self.steps >= 1, f"steps is {self.steps}; use at least 1.")
        for name in ("learning_rate", "gradient_norm", "weight_decay", "momentum", "warmup_steps"):
            _require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; use 0 or more.")
        _require(0 <= self.hard_share <= 1, f"hard_share is {self.hard_share}; use a share in [0, 1].")
        _require(self.mine_every >= 1, f"mine_every is {self.mine_every}; use at least 1.")
        _require(0 <= self.freeze_norm <= 1, f"freeze_norm is {self.freeze_norm}; use a share in [0, 1].")


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Everything `fit` needs besides the pairs.

    `start` is "shipped" (weights that have seen synthetic changes of modality, see `represent/comir/start.py`) or
    "random". `log_a` and `log_b` are "auto", "on" or "off": log(1 + x) before the network. `cells_px` are the
    `network.cell_px` from which the validation pairs choose where that is not given: the cheapest first, which is also
    taken without them.
    """

    preset: str = "default"
    start: str = "shipped"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    log_a: str = "auto"
    log_b: str = "auto"
    cells_px: tuple[int, ...] = (3, 2)

    def __post_init__(self) -> None:
        _require(self.start in ("shipped", "random"), f"start is {self.start!r}; use 'shipped' or 'random'.")
        for log in (self.log_a, self.log_b):
            _require(log in ("auto", "on", "off"), f"log is {log!r}; use 'auto', 'on' or 'off'.")
        _require(all(n >= 1 for n in self.cells_px), f"cells_px is {self.cells_px}; use numbers from 1, or none.")

    @property
    def cells(self) -> tuple[int, ...]:
        """The sides of cells to choose from, in pixels; 0 for the network's own."""
        given, stride = self.network.cell_px, self.network.stride
        return (given,) if given else tuple(n for n in self.cells_px if n <= stride) or (0,)


@dataclass(frozen=True, kw_only=True)
class DescribeConfig:
    """How descriptors are made. `name` is an entry of ``registry.DESCRIBERS``.

    `step_px` and `sizes_px` are the grid and the block widths of the dense kinds, in image pixels. `weights` is the
    safetensors file of "resnet"; empty means the one that `crosslight fetch` wrote.
    """

    name: str = "surf"
    step_px: int = 8
    sizes_px: tuple[int, ...] = (32, 64, 96, 128)
    weights: str = ""

    def __post_init__(self) -> None:
        _require(self.step_px >= 1, f"step_px is {self.step_px}; use at least 1.")
        _require(len(self.sizes_px) > 0 and min(self.sizes_px) >= 8, f"sizes_px is {self.sizes_px}; use 8 or more.")


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """The bag of words. At most `n_words` words, and at least `descriptors_per_word` descriptors for each.

    Descriptors longer than `n_axes` are first projected onto that many of their main axes. `kmeans` is "full" (all
    descriptors at each of `iterations`) or "mini-batch" (`batch` descriptors at a time, `iterations` times over all):
    about as good in a third of the iterations, for large samples.
    """

    n_words: int = 20_000
    n_axes: int = 64
    strongest: float = 0.8
    descriptors_per_word: int = 40
    max_descriptors: int = 200_000
    iterations: int = 10
    kmeans: str = "full"
    batch: int = 8192
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.kmeans in ("full", "mini-batch"), f"kmeans is {self.kmeans!r}; use 'full' or 'mini-batch'.")
        _require(self.n_words >= 1, f"n_words is {self.n_words}; use at least 1.")
        _require(0 < self.strongest <= 1, f"strongest is {self.strongest}; use a share in (0, 1].")
        for name in ("n_axes", "descriptors_per_word", "max_descriptors", "iterations", "batch"):
            _require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; use at least 1.")


@dataclass(frozen=True, kw_only=True)
class SlideConfig:
    """How large images are indexed. Pixels are those that the network sees, cells those of its representation.

    A representation is computed in windows of `window_cells` with `margin_px` of context on every side, and stored in
    tiles of `tile_cells`. Histograms are counted over squares of `histogram_px`, half of which overlaps with the next;
    their descriptors lie `step_px` apart. `background` is "skip" or "keep": whether glass is left out.
    """

    window_cells: int = 512
    margin_px: int = 256
    tile_cells: int = 256
    histogram_px: int = 1024
    step_px: int = 64
    background: str = "skip"

    def __post_init__(self) -> None:
        _require(self.tile_cells >= 16, f"tile_cells is {self.tile_cells}; use at least 16.")
        _require(
            self.window_cells >= self.tile_cells and self.window_cells % self.tile_cells == 0,
            f"window_cells is {self.window_cells}; use a multiple of tile_cells, {self.tile_cells}.",
        )
        _require(self.margin_px >= 0, f"margin_px is {self.margin_px}; use 0 or more.")
        _require(
            self.histogram_px >= 64 and self.histogram_px % 2 == 0,
            f"histogram_px is {self.histogram_px}; use an even number from 64.",
        )
        _require(self.step_px >= 1, f"step_px is {self.step_px}; use at least 1.")
        _require(self.background in ("skip", "keep"), f"background is {self.background!r}; use 'skip' or 'keep'.")


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """How images become an index; `patches` is the vocabulary that re-ranking by patches makes for each query."""

    describe: DescribeConfig = field(default_factory=DescribeConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    patches: VocabularyConfig = field(default_factory=lambda: VocabularyConfig(n_words=2000, max_descriptors=40_000))
    slides: SlideConfig = field(default_factory=SlideConfig)
    thumbnail_px: int = 256
    batch: int = 16


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """Alignment. Cells are pixels of the representation after pooling.

    The coarse pass pools until the query's short side has about `coarse_cells` cells, the fine pass until it has about
    `fine_cells`; `n_candidates` images go from one to the other. Where `halved`, the pooling is by powers of two alone.

    `scale` is the range of repository pixels per query pixel to look through; with `flip` mirrored places are looked
    for too; `overlap` is the least share of the query that must lie inside the repository image (its centre always
    does).
    """

    rotation_deg: float = 30.0
    scale: tuple[float, float] = (1.0, 1.0)
    flip: bool = False
    overlap: float = 1.0
    coarse_cells: int = 18
    fine_cells: int = 30
    halved: bool = False
    n_candidates: int = 30
    device: str = "cpu"

    def __post_init__(self) -> None:
        _require(0 <= self.rotation_deg <= 180, f"rotation_deg is {self.rotation_deg}; use 0 to 180.")
        low, high = self.scale
        _require(0.1 <= low <= high <= 10, f"scale is {low:g} to {high:g}; use a range within 0.1 to 10.")
        _require(0.25 <= self.overlap <= 1, f"overlap is {self.overlap}; use 0.25 to 1 (1: wholly inside).")
        _require(self.n_candidates >= 1, f"n_candidates is {self.n_candidates}; use at least 1.")


_PAPER_AUGMENT = AugmentConfig(
    shift_cells=0, blur_px=2.0, blur_probability=0.5, noise=0.0, brightness=0.0, contrast=0.0, gamma=0.0,
    channel_gain=0.0, zoom=1.0,
)  # fmt: skip
_PAPER_OPTIMIZER = OptimizerConfig(
    name="sgd", freeze_norm=1.0, learning_rate=1e-2, weight_decay=1e-5, warmup_steps=0, schedule="constant", steps=736,
    hard_share=0.0,
)  # fmt: skip
PRESETS: dict[str, FitConfig] = {
    "default": FitConfig(),
    "best": FitConfig(  # as measured: a long training has time for all that a short one has to be led to
        preset="best",
        loss=LossConfig(temperature=0.07),
        optimizer=OptimizerConfig(learning_rate=1e-3, hard_share=0.0, steps=4000),
    ),
    "paper": FitConfig(
        preset="paper",
        start="random",
        network=NetworkConfig(kind="denseunet", n_channels=1, stride=1, dropout=0.2),
        loss=LossConfig(critic="mse", temperature=0.5, decorrelation=0.0, decay_l1=1e-4, decay_l2=0.1),
        augment=_PAPER_AUGMENT,
        optimizer=_PAPER_OPTIMIZER,
        log_a="off",
        log_b="on",
        cells_px=(),
    ),
}


@dataclass(frozen=True, kw_only=True)
class TranslationConfig:
    """Image-to-image translation in both directions by `method`, "pix2pix" or "cyclegan".

    `width` is that of the generators' first layer, `levels` the depth of pix2pix's U-Net, `n_blocks` the residual
    blocks of CycleGAN's generator. Training takes `epochs` times the number of pairs, in steps of `n_pairs`; the rate
    is constant for the first half and then falls to zero. `l1`, `cycle` and `identity` weigh the losses (`identity`
    relative to `cycle`), `pool` is the number of images in each image pool.
    """

    method: str = "pix2pix"
    preset: str = "pix2pix"
    width: int = 64
    discriminator_width: int = 64
    levels: int = 8
    n_blocks: int = 9
    dropout: float = 0.5
    crop_px: int = 256
    n_pairs: int = 1
    epochs: int = 200
    learning_rate: float = 2e-4
    beta: float = 0.5
    l1: float = 100.0
    cycle: float = 10.0
    identity: float = 0.5
    pool: int = 50
    sample_every: int = 500
    log_a: str = "auto"
    log_b: str = "auto"

    def __post_init__(self) -> None:
        _require(self.method in ("pix2pix", "cyclegan"), f"method is {self.method!r}; use 'pix2pix' or 'cyclegan'.")
        _require(2 <= self.levels <= 10, f"levels is {self.levels}; use 2 to 10.")
        multiple = 2**self.levels if self.method == "pix2pix" else 4
        fits = self.crop_px >= 32 and self.crop_px % multiple == 0
        _require(fits, f"crop_px is {self.crop_px}; use a multiple of {multiple}, at least 32.")
        for name in ("width", "discriminator_width", "n_blocks", "n_pairs", "epochs", "sample_every"):
            _require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}; use at least 1.")
        _require(self.learning_rate >= 0, f"learning_rate is {self.learning_rate}; use 0 or more.")
        for log in (self.log_a, self.log_b):
            _require(log in ("auto", "on", "off"), f"log is {log!r}; use 'auto', 'on' or 'off'.")


TRANSLATION_PRESETS: dict[str, TranslationConfig] = {
    "pix2pix": TranslationConfig(),
    "pix2pix-small": TranslationConfig(
        preset="pix2pix-small", width=16, discriminator_width=16, levels=6, crop_px=128, epochs=20
    ),
    "cyclegan": TranslationConfig(method="cyclegan", preset="cyclegan"),
    "cyclegan-small": TranslationConfig(
        method="cyclegan", preset="cyclegan-small", width=12, discriminator_width=16, n_blocks=4, crop_px=128, epochs=20
    ),
}


_PAPER_WORDS = VocabularyConfig(descriptors_per_word=1, max_descriptors=2_000_000)
INDEX_PRESETS: dict[str, IndexConfig] = {
    "default": IndexConfig(),
    "paper": IndexConfig(vocabulary=_PAPER_WORDS, patches=_PAPER_WORDS),
}


def preset(name: str) -> FitConfig:
    """Return the settings called `name`; raises ConfigError for an unknown one."""
    if name not in PRESETS:
        raise ConfigError(unknown_name("preset", name, {**PRESETS, **TRANSLATION_PRESETS}))
    return PRESETS[name]
