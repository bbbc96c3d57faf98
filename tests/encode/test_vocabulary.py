"""Visual words: learning, counting, weighing, and the file they are kept in."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from crosslight.config import VocabularyConfig
from crosslight.encode.vocabulary import FILE_NAME, DescriptorSample, Vocabulary, build_vocabulary
from crosslight.errors import ConfigError, IndexCorruptError, IndexMismatchError, InputError
from crosslight.types import Descriptors, Histogram

CONFIG = VocabularyConfig(descriptors_per_word=10, n_words=30, strongest=1.0)


def from_values(values: np.ndarray) -> Descriptors:
    n = len(values)
    return Descriptors(
        values=values.astype(np.float32),
        xy=np.zeros((n, 2), np.float32),
        size_px=np.ones(n, np.float32),
        strength=values.var(axis=1).astype(np.float32) if n else np.empty(0, np.float32),
    )


def noise(n: int, n_values: int = 16, seed: int = 0) -> Descriptors:
    rows = np.random.default_rng(seed).normal(size=(n, n_values))
    return from_values(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.fixture
def vocabulary() -> Vocabulary:
    images = [noise(200, seed=s) for s in range(5)]
    words = build_vocabulary(images, CONFIG)
    return words.with_idf(words.encode(image) for image in images)


def test_each_word_is_the_mean_of_the_descriptors_nearest_to_it():
    image = noise(600)
    words = build_vocabulary(
        [image], VocabularyConfig(descriptors_per_word=10, n_words=20, strongest=1.0, iterations=100)
    ).words
    nearest = np.linalg.norm(image.values[:, None] - words, axis=2).argmin(axis=1)
    means = np.array([image.values[nearest == k].mean(axis=0) for k in range(20)])
    np.testing.assert_allclose(words, means, atol=1e-5)


@pytest.mark.parametrize(("n_descriptors", "n_words"), [(1, 1), (9, 1), (20, 2), (295, 29), (1000, 30)])
def test_small_sets_get_fewer_words_but_at_least_one(n_descriptors, n_words):
    assert len(build_vocabulary([noise(n_descriptors)], CONFIG).words) == n_words


def test_the_same_images_give_the_same_words_in_any_order():
    images = [noise(100, seed=s) for s in range(6)]
    first = build_vocabulary(images, CONFIG)
    assert build_vocabulary(images, CONFIG).fingerprint == first.fingerprint
    assert build_vocabulary(images[::-1], CONFIG).fingerprint == first.fingerprint
    assert build_vocabulary(images[1:], CONFIG).fingerprint != first.fingerprint


def test_a_sample_gives_the_same_words_as_its_images():
    images = [noise(100, seed=s) for s in range(6)]
    sample = DescriptorSample(CONFIG)
    for image in images:
        sample.add(image)
    assert build_vocabulary(sample, CONFIG).fingerprint == build_vocabulary(images, CONFIG).fingerprint


def test_learning_is_silent_and_tells_its_progress(capfd):
    calls = []
    build_vocabulary([noise(200)], CONFIG, lambda *call: calls.append(call))
    assert calls[-1] == (10, 10, "learning words")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("image", [noise(0), from_values(np.zeros((50, 16)))])
def test_flat_and_tiny_images_teach_no_words(image):
    with pytest.raises(InputError, match="No visual words can be learnt"):
        build_vocabulary([image], CONFIG)


def test_every_descriptor_is_counted_at_its_nearest_word(vocabulary):
    image = noise(300, seed=9)
    distance = np.linalg.norm(image.values[:, None] - vocabulary.words, axis=2)
    expected = np.bincount(distance.argmin(axis=1), minlength=30)
    histogram = vocabulary.encode(image)
    np.testing.assert_array_equal(histogram.words, np.flatnonzero(expected))
    np.testing.assert_array_equal(histogram.counts, expected[expected > 0])
    assert (histogram.words.dtype, histogram.counts.dtype) == (np.int32, np.float32)


def test_long_descriptors_are_compared_along_their_main_axes():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    image = from_values(rng.normal(size=(500, 40)) * np.where(np.arange(40) < 8, 1, 1e-3) @ basis)
    short, whole = (
        build_vocabulary([image], VocabularyConfig(descriptors_per_word=10, n_words=20, strongest=1.0, n_axes=n))
        for n in (8, 40)
    )
    assert short.words.shape == (20, 8)
    np.testing.assert_allclose(short.axes.T @ short.axes, np.eye(8), atol=1e-5)
    np.testing.assert_array_equal(short.encode(image).counts, whole.encode(image).counts)


def test_rows_of_zeros_belong_to_no_word_and_nothing_to_see_gives_an_empty_histogram(vocabulary):
    assert vocabulary.encode(from_values(np.vstack([noise(5).values, np.zeros((7, 16))]))).counts.sum() == 5
    for image in (noise(0), from_values(np.zeros((3, 16)))):
        empty = vocabulary.weigh(vocabulary.encode(image))
        assert (len(empty.words), len(empty.counts)) == (0, 0)


def test_descriptors_of_another_length_are_refused(vocabulary):
    with pytest.raises(InputError, match="have 8 values and the vocabulary 16"):
        vocabulary.encode(noise(5, n_values=8))


def test_rare_words_weigh_more_and_none_weighs_nothing():
    words = build_vocabulary([noise(300)], VocabularyConfig(descriptors_per_word=10, n_words=3, strongest=1.0))
    one, both = (Histogram(words=np.array(w, np.int32), counts=np.ones(len(w), np.float32)) for w in ([0], [0, 1]))
    weighted = words.with_idf([one, both])
    np.testing.assert_allclose(weighted.idf, np.log1p([2 / 3, 2 / 2, 2 / 1]), rtol=1e-6)
    assert weighted.n_documents == 2
    assert (words.with_idf([both]).idf > 0).all()


def test_weighed_histograms_have_unit_length(vocabulary):
    histogram = vocabulary.encode(noise(50, seed=3))
    weighed = vocabulary.weigh(histogram)
    expected = histogram.counts * vocabulary.idf[histogram.words]
    np.testing.assert_allclose(weighed.counts, expected / np.linalg.norm(expected), rtol=1e-6)
    np.testing.assert_array_equal(weighed.words, histogram.words)


def test_weighed_histograms_give_their_counts_back(vocabulary):
    histogram = vocabulary.encode(noise(50, seed=3))
    assert histogram.counts.min() == 1
    again = vocabulary.unweigh(vocabulary.weigh(histogram))
    np.testing.assert_array_equal(again.counts, histogram.counts)
    np.testing.assert_array_equal(again.words, histogram.words)
    nothing = Histogram(words=np.empty(0, np.int32), counts=np.empty(0, np.float32))
    assert len(vocabulary.unweigh(nothing).counts) == 0


def test_a_saved_vocabulary_comes_back_the_same(vocabulary, tmp_path):
    vocabulary.save(tmp_path / "new" / "folder")
    loaded = Vocabulary.load(tmp_path / "new" / "folder")
    assert loaded.fingerprint == vocabulary.fingerprint
    assert (loaded.n_documents, loaded.seed) == (5, 0)
    np.testing.assert_array_equal(loaded.encode(noise(20)).words, vocabulary.encode(noise(20)).words)


def test_weights_are_part_of_the_fingerprint(vocabulary):
    assert vocabulary.with_idf([]).fingerprint != vocabulary.fingerprint


def test_a_write_that_fails_leaves_the_old_vocabulary(vocabulary, tmp_path, monkeypatch):
    vocabulary.save(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            vocabulary.with_idf([]).save(tmp_path)
    assert Vocabulary.load(tmp_path).fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize("damage", ["missing", "empty", "cut short", "one byte changed", "not ours"])
def test_a_damaged_vocabulary_is_refused(vocabulary, tmp_path, damage):
    vocabulary.save(tmp_path)
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut short":
        os.truncate(path, len(content) // 2)
    elif damage == "one byte changed":
        path.write_bytes(content)
    else:
        save_file({"words": np.zeros(3, np.float32)}, path)
    with pytest.raises(IndexCorruptError, match="build the index again"):
        Vocabulary.load(tmp_path)


def test_a_newer_format_is_refused_with_its_number(vocabulary, tmp_path):
    vocabulary.save(tmp_path)
    path = tmp_path / FILE_NAME
    save_file(load_file(path), path, {"crosslight": json.dumps({"format_version": 99})})
    with pytest.raises(IndexMismatchError, match="vocabulary format 99"):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize("name", ["n_axes", "descriptors_per_word", "max_descriptors", "iterations"])
def test_settings_below_one_are_refused(name):
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        VocabularyConfig(**{name: 0})
