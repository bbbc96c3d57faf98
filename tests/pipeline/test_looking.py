"""Searching looks again at image files that are what was indexed, and says where they are not."""

import shutil
from pathlib import Path

import cv2
import pytest

import crosslight


@pytest.fixture
def own(folders: Path, model_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return an index and the folder of its images, both to be changed."""
    images, out = tmp_path / "A", tmp_path / "index"
    shutil.copytree(folders / "A", images)
    crosslight.Index.build([images], model_folder, modality="A", out=out, device="cpu").close()
    return out, images


def _similarities(index: crosslight.Index, query: Path, **settings: bool) -> tuple[list[float], str]:
    ranking = index.search([query], **settings)[0]  # type: ignore[arg-type]
    assert ranking.hits[0].image == "image9"
    return [hit.similarity for hit in ranking.hits], ranking.note


def test_a_small_query_is_looked_at_again_unless_told_not_to(own: tuple[Path, Path], query_file: Path) -> None:
    with crosslight.Index.open(own[0]) as index:
        looked, note = _similarities(index, query_file)
        plain, _ = _similarities(index, query_file, second_look=False)
        assert looked != plain
        assert looked == _similarities(index, query_file)[0]
    assert "second look" not in note


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_images_that_changed_are_not_looked_at_again(
    change: str, own: tuple[Path, Path], folders: Path, query_file: Path
) -> None:
    out, images = own
    if change == "removed":
        shutil.rmtree(images)
    else:
        for file in images.iterdir():
            cv2.imwrite(str(file), cv2.imread(str(folders / "A" / file.name))[::-1])
    with crosslight.Index.open(out) as index:
        found, note = _similarities(index, query_file)
        assert found == _similarities(index, query_file, second_look=False)[0]
    assert "no second look" in note and "moved or changed" in note
