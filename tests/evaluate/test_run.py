"""The comparison itself, on ten small pairs whose modalities are inverses of each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from crosslight import registry
from crosslight.baselines.base import rank_names
from crosslight.config import VocabularyConfig
from crosslight.describe.resnet import ResNet
from crosslight.describe.surf import Surf
from crosslight.describe.weights import fetch_weights
from crosslight.errors import ConfigError
from crosslight.evaluate import cells, spaces
from crosslight.evaluate.cells import Results
from crosslight.evaluate.folds import Fold, find_folds
from crosslight.evaluate.methods import parse_methods
from crosslight.evaluate.metrics import success_share
from crosslight.evaluate.protocol import EvaluateConfig, list_cells
from crosslight.evaluate.run import run_comparison
from crosslight.evaluate.spaces import Source
from crosslight.types import Representation

WORDS = VocabularyConfig(n_words=300, descriptors_per_word=1, max_descriptors=8000, iterations=3)
CONFIG = EvaluateConfig(
    repository="all", sizes=("full",), words=WORDS, patches=replace(WORDS, n_words=100), device="cpu"
)


@pytest.fixture
def fold(folders: Path) -> Fold:
    return find_folds(folders / "A", folders / "B", split=folders / "split.csv")[0]


def run(fold: Fold, out: Path, *methods: str, config: EvaluateConfig = CONFIG, **options: Any) -> Results:
    return run_comparison([fold], parse_methods(methods), config, out, **options)


def test_surf_and_sift_find_untransformed_images_within_their_modality(fold: Fold, tmp_path: Path) -> None:
    results = run(fold, tmp_path, "originals+surf", "originals+sift")
    for method in ("originals+surf", "originals+sift"):
        for modality in ("A", "B"):
            (cell,) = results.find(method=method, repository=modality, modality=modality, transformed=False)
            assert cell.ranks == [1, 1] and cell.queries == ["image8", "image9"] and len(cell.images) == 10


def test_alignment_of_a_trained_representation_finds_the_other_modality(
    fold: Fold, model_folder: Path, tmp_path: Path
) -> None:
    results = run(fold, tmp_path, "comir+align", "comir+surf+align3", "comir+surf+patches3", models=[model_folder])
    aligned = results.find(method="comir+align")
    assert {c.cell.repository for c in aligned} == {"A", "B"} and all(c.cell.is_cross for c in aligned)
    assert np.mean([success_share(c.ranks, 1) for c in aligned]) == 1.0
    (still,) = (c for c in aligned if c.cell.repository == "A" and not c.cell.kind.transformed)
    x, y, angle = still.places[0][0]
    assert abs(x - 99.5) < 6 and abs(y - 99.5) < 6 and abs(angle) < 4
    for cell in results.results:
        assert cell.seconds > 0 and cell.prepare_s > 0 and cell.peak_bytes > 10**7
        assert 0 <= cell.grown_bytes <= cell.peak_bytes
        assert all(-1.01 < s < 1.01 for row in cell.similarities for s in row if s is not None)


def test_discs_find_images_of_either_modality_and_are_re_ranked(fold: Fold, model_folder: Path, tmp_path: Path) -> None:
    rows = ("comir+discs", "comir+discs+align3", "comir+discs+patches3", "comir+2dkd+align10", "originals+discs")
    results = run(fold, tmp_path, *rows, models=[model_folder])
    within = [c for c in results.find(method="originals+discs", transformed=False) if not c.cell.is_cross]
    assert len(within) == 2 and all(c.ranks == [1, 1] for c in within)
    across = [c for c in results.find(method="comir+discs") if c.cell.is_cross]
    assert len(across) == 4 and np.mean([success_share(c.ranks, 3) for c in across]) == 1.0
    again = results.find(method="comir+discs+align3")
    assert len(again) == 4 and np.mean([success_share(c.ranks, 1) for c in again]) == 1.0
    assert all(c.places is not None for c in again)
    shortlists = {(c.cell.repository, c.cell.kind): c for c in across}
    for cell in results.find(method="comir+discs+patches3"):
        before = shortlists[cell.cell.repository, cell.cell.kind]
        assert [set(hits[:3]) for hits in cell.top] == [set(hits[:3]) for hits in before.top]
    every = results.find(method="comir+2dkd+align10")
    assert len(every) == 4 and np.mean([success_share(c.ranks, 1) for c in every]) == 1.0


def test_resnet_from_a_local_file_sees_the_originals_in_colour_and_surf_their_grey(
    fold: Fold, tiny_resnet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path / "cache"))
    fetch_weights("resnet152", tiny_resnet)
    seen: dict[str, set[int]] = {"ResNet": set(), "Surf": set()}
    for kind in (ResNet, Surf):

        def spy(
            self: Any, representation: Representation, plain: Any = kind.describe, name: str = kind.__name__
        ) -> Any:
            seen[name].add(len(representation.values))
            return plain(self, representation)

        monkeypatch.setattr(kind, "describe", spy)
    results = run(fold, tmp_path, "originals+resnet", "originals+surf")
    assert seen == {"ResNet": {3}, "Surf": {1}} and results.reasons == {}
    for modality in ("A", "B"):
        (cell,) = results.find(method="originals+resnet", repository=modality, modality=modality, transformed=False)
        assert cell.ranks == [1, 1]


def test_words_of_each_repository_are_counted(fold: Fold, tmp_path: Path) -> None:
    for _ in range(2):  # computed, and from disk
        results = run(fold, tmp_path, "originals+surf", "originals+2dkd")
        for cell in results.find(method="originals+surf"):
            assert cell.words is not None and cell.words.n_words == 300 and cell.words.n_images == 10
            assert 0 < cell.words.words_per_image <= 300 <= cell.words.descriptors_per_image
        assert all(cell.words is None for cell in results.find(method="originals+2dkd"))


def test_reranking_changes_the_shortlist_only(fold: Fold, model_folder: Path, tmp_path: Path) -> None:
    run(fold, tmp_path, "comir+surf", "comir+surf+align3", models=[model_folder])
    results = run(fold, tmp_path, "comir+surf", "comir+surf+align3", models=[model_folder])
    for after in results.find(method="comir+surf+align3"):
        before = next(c for c in results.find(method="comir+surf") if replace(c.cell, method="") == replace(
            after.cell, method=""
        ))  # fmt: skip
        for old, new in zip(before.top, after.top, strict=True):
            assert set(old[:3]) == set(new[:3])
            assert old[3:] == new[3:]


def test_a_second_run_takes_finished_cells_from_disk(
    fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(fold, tmp_path, "originals+surf")
    (tmp_path / "cells").joinpath(next((tmp_path / "cells").iterdir()).name).unlink()  # as if killed before the last
    steps: list[float] = []
    second = run(fold, tmp_path, "originals+surf", progress=lambda done, total, label: steps.append(total))
    assert [c.ranks for c in second.results] == [c.ranks for c in first.results]
    assert steps[-1] == 2  # the two queries of one cell
    monkeypatch.setattr(registry, "load", lambda *_: pytest.fail("something was computed"))
    third = run(fold, tmp_path, "originals+surf")
    assert third == second


def test_other_settings_do_not_take_old_cells(fold: Fold, tmp_path: Path) -> None:
    few = replace(CONFIG, words=replace(WORDS, n_words=20))
    run(fold, tmp_path, "originals+surf")
    n_before = len(list((tmp_path / "cells").iterdir()))
    run(fold, tmp_path, "originals+surf", config=few)
    assert len(list((tmp_path / "cells").iterdir())) == 2 * n_before


def test_other_source_does_not_take_old_cells_nor_old_networks(
    fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fold, tmp_path, "originals+surf")
    n_before, source = len(list((tmp_path / "cells").iterdir())), Source("comir", fold, CONFIG, tmp_path)
    monkeypatch.setattr(cells, "digest_computing", lambda: "another version of the algorithm")
    monkeypatch.setattr(spaces, "digest_training", lambda: "another version of the training")
    run(fold, tmp_path, "originals+surf")
    assert len(list((tmp_path / "cells").iterdir())) == 2 * n_before
    assert Source("comir", fold, CONFIG, tmp_path).folder != source.folder
    steps: list[float] = []
    run(fold, tmp_path, "originals+surf", progress=lambda done, total, label: steps.append(total))
    assert steps == []  # unchanged since: all taken from disk


def test_a_method_that_cannot_run_leaves_a_reason_and_the_others_alone(fold: Fold, tmp_path: Path) -> None:
    untrained = replace(fold, parts={**fold.parts, "train": []})
    results = run(untrained, tmp_path, "comir+surf", "originals+surf")
    assert results.find(method="comir+surf") == [] and len(results.find(method="originals+surf")) == 8
    assert "no pair to train on" in results.reasons["comir+surf"]


FIT_S = 0.5


@dataclass(frozen=True)
class BrightnessConfig:
    steps: int = 3
    weights: str = ""


class Brightness:
    """A whole method that compares mean values; it learns which modality it will be asked with."""

    learns = True
    presets: ClassVar[dict[str, Any]] = {"default": BrightnessConfig()}

    def __init__(self, config: object = None, *, seed: int = 0, device: str = "cpu") -> None:
        self.asked: str | None = None

    def fit(self, pairs: Sequence[Any], *, query: str, checkpoint: Path, progress: Any = None) -> None:
        assert len(pairs) == 6 and not checkpoint.exists()
        checkpoint.mkdir(parents=True)  # which another direction must not take for its own
        time.sleep(FIT_S)
        self.asked = query

    def index(self, images: Sequence[Any], *, modality: str, progress: Any = None) -> None:
        assert modality != self.asked
        self.means = {image.name: image.pixels.mean() for image in images}

    def search(self, query: Any, *, modality: str) -> list[tuple[str, float]]:
        assert modality == self.asked
        return rank_names(list(self.means), -np.abs(np.array(list(self.means.values())) - query.pixels.mean()))


def test_a_whole_method_is_trained_for_each_direction_and_asked_across_only(
    fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.BASELINES, "tcnet", f"{__name__}:Brightness")
    monkeypatch.setattr(registry, "import_module", lambda name: __import__("sys").modules[name])
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(Brightness=Brightness))
    results = run(fold, tmp_path, "tcnet")
    assert results.reasons == {}
    assert len(results.results) == 4 and all(c.cell.is_cross for c in results.results)
    assert all(c.prepare_s < FIT_S for c in results.results)  # training is no part of it


def test_every_image_of_the_split_is_asked_once_in_both_directions(fold: Fold) -> None:
    config = replace(CONFIG, sizes=("full", "patch"))
    cells = list(list_cells(parse_methods(["originals+surf"])[0], fold, config))
    assert len(cells) == len(set(cells)) == 16
    translated = list(list_cells(parse_methods(["pix2pix+surf"])[0], fold, config))
    assert len(translated) == 32 and {c.space for c in translated} == {"A", "B"}


def test_a_translation_is_searched_in_both_of_its_spaces(fold: Fold, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=2, words=replace(WORDS, n_words=50))
    results = run(fold, tmp_path, "pix2pix+surf", config=config)
    assert results.reasons == {} and len(results.results) == 16
    for space in ("A", "B"):
        # real images of the space's own modality are shown as they are
        (own,) = results.find(space=space, repository=space, modality=space, transformed=False)
        assert own.ranks == [1, 1]
    models = [p for p in (tmp_path / "models").iterdir() if p.name.startswith("pix2pix-")]
    assert len(models) == 1 and {"pix2pix-A.jpg", "pix2pix-B.jpg"} <= {
        p.name for p in (tmp_path / "pictures").iterdir()
    }
    again = run(fold, tmp_path / "other", "pix2pix+surf", config=config, models=models)
    assert [r.ranks for r in again.results] == [r.ranks for r in results.results]


def test_two_models_of_one_kind_are_refused(fold: Fold, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both comir models"):
        run(fold, tmp_path, "comir+align", models=[model_folder, model_folder])


def test_folds_ask_the_transformed_images_that_came_with_them(tmp_path: Path) -> None:
    # The "transformed" image of each pair is the image of the next, so that asking it must find the next first.
    for number in (1, 2):
        for side in "AB":
            folder = tmp_path / "set" / f"fold{number}" / side / "test"
            folder.mkdir(parents=True)
            tones = [np.random.default_rng([number, i]).integers(0, 256, (16, 16), dtype=np.uint8) for i in range(4)]
            shown = [cv2.resize(t if side == "A" else 255 - t, (96, 96), interpolation=cv2.INTER_CUBIC) for t in tones]
            for i in range(4):
                cv2.imwrite(str(folder / f"f{number}p{i}_R.png"), shown[i])
                cv2.imwrite(str(folder / f"f{number}p{i}_T.png"), shown[(i + 1) % 4])
    folds = find_folds(tmp_path / "set")
    config = replace(CONFIG, repository="test", words=replace(WORDS, n_words=60))
    results = run_comparison(folds, parse_methods(["originals+surf"]), config, tmp_path / "out")
    assert {r.cell.fold for r in results.results} == {"fold1", "fold2"}
    for result in results.find(repository="A", modality="A"):
        hits = [row[0] for row in result.top]
        assert hits == ([1, 2, 3, 0] if result.cell.kind.transformed else [0, 1, 2, 3])
        assert len(result.images) == 4 and result.images[0].endswith("p0")
