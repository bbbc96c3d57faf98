"""Pairing two folders: what matches, what is refused, and that only what is asked for is opened."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from crosslight.errors import ConfigError, InputError, UnreadableImageError
from crosslight.read.pairs import PairFolder, find_pairs


def save(path: Path, height: int = 20, width: int = 30, n_channels: int = 1, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((height, width, n_channels), value, np.uint8)
    PillowImage.fromarray(pixels.squeeze()).save(path)


def make_pairs(folder: Path, n_pairs: int = 6) -> tuple[Path, Path]:
    """Pair i holds the value i in A (RGB) and 100 + i in B (grey)."""
    for i in range(n_pairs):
        save(folder / "A" / f"p{i}.png", n_channels=3, value=i)
        save(folder / "B" / f"p{i}.tif", value=100 + i)
    return folder / "A", folder / "B"


def write_split(folder: Path, text: str) -> Path:
    path = folder / "split.csv"
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: PairFolder) -> dict[str, list[str]]:
    return {part: folder.names(part) for part in ("train", "val", "test", "all")}


def test_files_pair_by_stem_whatever_their_format(tmp_path: Path) -> None:
    pairs = find_pairs(*map(str, make_pairs(tmp_path))).part("all")
    assert [p.name for p in pairs] == pairs.names == ["p0", "p1", "p2", "p3", "p4", "p5"]
    assert (pairs[4].a.pixels == 4).all()
    assert pairs[4].a.pixels.shape == (20, 30, 3)
    assert (pairs[4].b.pixels == 104).all()
    assert pairs[4].b.pixels.shape == (20, 30, 1)


def test_without_a_split_every_pair_is_train(tmp_path: Path) -> None:
    folder = find_pairs(*make_pairs(tmp_path, 2))
    assert names(folder) == {"train": ["p0", "p1"], "val": [], "test": [], "all": ["p0", "p1"]}
    assert folder.n_unused == 0
    assert not folder.part("val")


def test_a_split_says_what_each_pair_is_for_and_counts_the_rest(tmp_path: Path) -> None:
    split = write_split(tmp_path, "\ufeffname, split,note\np3,train,\np0, train,x\np1,val,\n\np2,test,\n")
    folder = find_pairs(*make_pairs(tmp_path), split=split)
    assert names(folder)["train"] == ["p0", "p3"]
    assert (names(folder)["val"], names(folder)["test"]) == (["p1"], ["p2"])
    assert len(names(folder)["all"]) == 6
    assert folder.n_unused == 2


def test_test_images_are_never_opened_unless_asked_for(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    for path in (a / "p2.png", b / "p2.tif"):
        path.write_bytes(b"not an image")
    split = write_split(tmp_path, "name,split\np0,train\np1,val\np2,test\n")
    folder = find_pairs(a, b, split=split)
    assert [p.name for p in (*folder.part("train"), *folder.part("val"))] == ["p0", "p1"]
    with pytest.raises(UnreadableImageError):
        folder.part("test")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs the columns name,split; it has: none"),
        ("image,part\np0,train\n", "needs the columns name,split; it has: image, part"),
        ("name,split\np0,training\n", r"Line 2 .* name 'p0' and split 'training'.*train, val, test"),
        ("name,split\np0\n", r"Line 2 .* name 'p0' and split ''"),
        ("name,split\n,train\n", r"Line 2 .* name ''"),
        ("name,split\np0,train\np0,test\n", r"lists 'p0' twice \(again in line 3\)"),
        ("name,split\np0.png,train\np9,val\n", r"2 pairs .* p0\.png, p9\. .*without their ending, such as 'p0'"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    split = write_split(tmp_path, text)
    with pytest.raises(InputError, match=message):
        find_pairs(*make_pairs(tmp_path), split=split)


def test_a_missing_or_binary_split_is_refused(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    with pytest.raises(InputError, match=r"split.*cannot be read"):
        find_pairs(a, b, split=tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(InputError, match="cannot be read"):
        find_pairs(a, b, split=tmp_path / "binary.csv")


def test_images_without_a_partner_are_named_up_to_three(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    for i in range(5):
        save(a / f"extra{i}.png")
    save(b / "lonely.png")
    with pytest.raises(InputError, match="no partner") as caught:
        find_pairs(a, b)
    assert f"5 of {a} (extra0, extra1, extra2, ...) and 1 of {b} (lonely)" in str(caught.value)
    assert "rename or move them away" in str(caught.value)


def test_patterns_pair_files_of_one_folder_and_pass_over_others(tmp_path: Path) -> None:
    for i in ("1", "2_x"):
        save(tmp_path / f"{i}_BF.tif", n_channels=3)
        save(tmp_path / f"{i}_SHG.tif")
    save(tmp_path / "overview.png")
    pairs = find_pairs(tmp_path, tmp_path, pattern=("{id}_BF.tif", "{id}_SHG.tif")).part("all")
    assert pairs.names == ["1", "2_x"]
    assert (pairs[1].a.name, pairs[1].b.name) == ("2_x_BF", "2_x_SHG")


def test_patterns_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    with pytest.raises(ConfigError, match=r"'BF\.tif' needs \{id\} exactly once"):
        find_pairs(a, b, pattern=("BF.tif", "{id}.tif"))
    with pytest.raises(InputError, match=r"fits the name pattern '\{id\}_BF\.tif'; it holds p0\.png, p1\.png"):
        find_pairs(a, b, pattern=("{id}_BF.tif", "{id}.tif"))
    with pytest.raises(InputError, match="is given for both kinds of image"):
        find_pairs(a, a)


def test_folders_that_cannot_be_paired_are_refused(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    with pytest.raises(InputError, match=r"C is not a folder"):
        find_pairs(a, tmp_path / "C")
    (tmp_path / "C").mkdir()
    with pytest.raises(InputError, match=r"C holds no image"):
        find_pairs(tmp_path / "C", b)
    save(a / "p0.jpg")
    with pytest.raises(InputError, match=r"p0\.jpg and .*p0\.png would both be called 'p0'"):
        find_pairs(a, b)


def test_a_pair_of_unequal_size_is_refused_naming_both(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    save(b / "p1.tif", height=20, width=31)
    pairs = find_pairs(a, b).part("train")
    assert pairs[0].name == "p0"
    with pytest.raises(InputError, match=r"p1\.png is 30 x 20 px but .*p1\.tif is 31 x 20 px"):
        pairs[1]


def test_sizes_may_differ_between_pairs(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    save(a / "p1.png", height=40, width=50, n_channels=3)
    save(b / "p1.tif", height=40, width=50)
    assert [p.a.width_px for p in find_pairs(a, b).part("train")[:2]] == [30, 50]


def test_another_number_of_channels_is_refused_across_the_parts(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    pixels = np.full((20, 30, 2), 7, np.uint8) + np.arange(2, dtype=np.uint8)
    tifffile.imwrite(a / "p1.tif", pixels, photometric="minisblack", planarconfig="contig")
    (a / "p1.png").unlink()
    split = write_split(tmp_path, "name,split\np0,train\np1,val\n")
    folder = find_pairs(a, b, split=split)
    assert folder.part("train")[0].a.n_channels == 3
    with pytest.raises(InputError, match=r"p1\.tif has 2 channels but .*p0\.png has 3"):
        folder.part("val")[0]


def test_grey_images_among_colour_ones_become_three_channels_and_grey_ones_in_colour_one(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    save(a / "p1.png", n_channels=1, value=9)
    for file in b.glob("p1.*"):
        file.unlink()
    save(b / "p1.png", n_channels=3, value=8)
    _, pair = find_pairs(a, b).part("train")[:2]
    assert pair.a.pixels.shape == (20, 30, 3) and (pair.a.pixels == 9).all()
    assert pair.b.pixels.shape == (20, 30, 1) and (pair.b.pixels == 8).all()


def test_pairs_index_slice_and_iterate_like_a_list(tmp_path: Path) -> None:
    pairs = find_pairs(*make_pairs(tmp_path)).part("train")
    assert len(pairs) == 6
    assert pairs[-1].name == "p5"
    assert [p.name for p in pairs[1:4]] == ["p1", "p2", "p3"]
    assert next(p.name for p in reversed(pairs)) == "p5"
    with pytest.raises(IndexError):
        pairs[6]


def test_what_was_read_last_stays_in_memory_within_the_limit(tmp_path: Path) -> None:
    a, b = make_pairs(tmp_path)
    pair_bytes = 20 * 30 * (3 + 1)
    pairs = find_pairs(a, b, cache_bytes=2 * pair_bytes).part("train")
    first, second = pairs[0], pairs[1]
    assert pairs[0] is first  # used again, so that the second is now the oldest
    third = pairs[2]
    assert pairs[0] is first
    assert pairs[2] is third
    assert pairs[1] is not second


def test_the_developers_sets_pair_up(shared_data: Path) -> None:
    for name, counts in {"bf-shg": (13, 5, 11), "roadscene": (97, 24, 58), "earth-relief": (50, 7, 23)}.items():
        folder = find_pairs(shared_data / name / "A", shared_data / name / "B", split=shared_data / name / "split.csv")
        assert tuple(len(folder.part(part)) for part in ("train", "val", "test")) == counts
        assert [p.name for p in folder.part("test")[:3]] == folder.names("test")[:3]
