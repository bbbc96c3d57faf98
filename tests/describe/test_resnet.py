"""ResNet features: both layouts of weights, what is pooled, and clear words without weights."""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file

from crosslight.config import DescribeConfig
from crosslight.describe import weights as weights_module
from crosslight.describe.residual import load_network, to_torchvision_names
from crosslight.describe.resnet import ResNet
from crosslight.describe.weights import WeightsFile, checksum, fetch_weights, find_weights
from crosslight.errors import ConfigError, ModelError
from crosslight.types import Representation


def noise(n_channels: int, height: int, width: int) -> Representation:
    codes = np.random.default_rng(1).integers(0, 256, (n_channels, height, width), dtype=np.uint8)
    return Representation.from_codes(codes, 1)


def to_transformers_names(name: str) -> str:
    """The other layout, written the other way round."""
    if name.startswith("fc."):
        return name.replace("fc", "classifier.1")
    kinds = {"conv": "convolution", "bn": "normalization"}
    if match := re.fullmatch(r"(conv|bn)1\.(\w+)", name):
        return f"resnet.embedder.embedder.{kinds[match[1]]}.{match[2]}"
    match = re.fullmatch(r"layer(\d)\.(\d+)\.(?:(conv|bn)(\d)|downsample\.(\d))\.(\w+)", name)
    assert match is not None
    head = f"resnet.encoder.stages.{int(match[1]) - 1}.layers.{match[2]}"
    if match[5] is not None:
        return f"{head}.shortcut.{'convolution' if match[5] == '0' else 'normalization'}.{match[6]}"
    return f"{head}.layer.{int(match[4]) - 1}.{kinds[match[3]]}.{match[6]}"


def test_both_layouts_hold_the_same_network(tiny_resnet: Path, tmp_path: Path):
    ours = load_file(tiny_resnet)
    theirs = {to_transformers_names(k): v for k, v in ours.items()}
    assert len(theirs) == len(ours)
    save_file(theirs, tmp_path / "theirs.safetensors")
    renamed = to_torchvision_names(theirs)
    assert set(renamed) == {k for k in ours if not k.startswith("fc.")}
    x = torch.rand(1, 3, 70, 90)
    with torch.inference_mode():
        assert torch.equal(load_network(tiny_resnet)(x), load_network(tmp_path / "theirs.safetensors")(x))


def test_the_network_equals_its_layers_written_out(tiny_resnet: Path):
    w, x = load_file(tiny_resnet), torch.rand(1, 3, 65, 97)

    def layer(x, conv, norm, stride=1, padding=0):
        x = functional.conv2d(x, w[f"{conv}.weight"], None, stride, padding)
        stats = [w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *stats)

    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    y = (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    y = functional.max_pool2d(layer(y, "conv1", "bn1", 2, 3).relu(), 3, 2, 1)
    for stage in range(1, 5):
        head, stride = f"layer{stage}.0", 1 if stage == 1 else 2
        z = layer(y, f"{head}.conv1", f"{head}.bn1").relu()
        z = layer(z, f"{head}.conv2", f"{head}.bn2", stride, 1).relu()
        z = layer(z, f"{head}.conv3", f"{head}.bn3")
        y = (z + layer(y, f"{head}.downsample.0", f"{head}.downsample.1", stride)).relu()
    with torch.inference_mode():
        torch.testing.assert_close(load_network(tiny_resnet)(x), y)


def test_every_channel_of_the_last_map_is_one_descriptor_of_64_values(tiny_resnet: Path):
    found = ResNet(DescribeConfig(weights=str(tiny_resnet))).describe(noise(3, 80, 256))
    assert found.values.shape == (32, 64)
    assert np.unique(found.xy, axis=0).tolist() == [[127.5, 39.5]]
    assert set(found.size_px.tolist()) == {256.0}


def test_grey_is_copied_into_three_channels_and_other_counts_follow_each_other(tiny_resnet: Path):
    describer = ResNet(DescribeConfig(weights=str(tiny_resnet)))
    grey = noise(1, 64, 64)
    copied = Representation(values=np.repeat(grey.values, 3, axis=0), stride=1)
    np.testing.assert_allclose(describer.describe(grey).values, describer.describe(copied).values, atol=1e-6)
    assert describer.describe(noise(2, 64, 64)).values.shape == (32, 128)


def test_without_weights_the_message_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="crosslight fetch resnet152"):
        ResNet(DescribeConfig())
    with pytest.raises(ModelError, match="do not exist"):
        ResNet(DescribeConfig(weights=str(tmp_path / "no.safetensors")))
    with pytest.raises(ConfigError, match="Did you mean 'resnet152'"):
        find_weights("resnet151")


def test_files_that_are_no_network_are_refused(tmp_path: Path):
    (tmp_path / "a.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_network(tmp_path / "a.safetensors")
    save_file({"conv1.weight": torch.zeros(4, 3, 7, 7)}, tmp_path / "b.safetensors")
    with pytest.raises(ModelError, match="does not hold a ResNet"):
        load_network(tmp_path / "b.safetensors")


def test_fetching_downloads_once_and_the_describer_then_finds_it(
    tiny_resnet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("pooch")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tiny_resnet.parent))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{tiny_resnet.name}"
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path))
    monkeypatch.setitem(weights_module.KNOWN, "resnet152", WeightsFile(url=url, megabytes=1))
    path = fetch_weights("resnet152")
    server.shutdown()
    server.server_close()
    assert path == fetch_weights("resnet152") == find_weights("resnet152")
    assert len(ResNet(DescribeConfig()).describe(noise(1, 40, 40))) == 32
    monkeypatch.setitem(weights_module.KNOWN, "resnet50", WeightsFile(url=url, megabytes=1))
    with pytest.raises(ModelError, match="crosslight fetch resnet50 --from FILE"):
        fetch_weights("resnet50")


def test_a_file_of_ones_own_is_taken_without_a_network(
    tiny_resnet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path / "cache"))
    path = fetch_weights("resnet152", tiny_resnet)
    assert path == find_weights("resnet152") and checksum(path) == checksum(tiny_resnet)
    assert len(ResNet(DescribeConfig()).describe(noise(3, 40, 40))) == 32
    for content in (b"<html>sign in first</html>", b""):
        (tmp_path / "page").write_bytes(content)
        with pytest.raises(ModelError, match="not a safetensors file"):
            fetch_weights("resnet152", tmp_path / "page")
    with pytest.raises(ModelError, match="does not exist: give a safetensors file"):
        fetch_weights("resnet152", tmp_path / "none")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [path.name] and checksum(path) == checksum(tiny_resnet)


def test_a_page_sent_in_place_of_weights_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pooch")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "page").write_text("<html>sign in first</html>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/page"
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(weights_module.KNOWN, "resnet152", WeightsFile(url=url, megabytes=1))
    with pytest.raises(ModelError, match="is not the weights of resnet152"):
        fetch_weights("resnet152")
    server.shutdown()
    server.server_close()
    assert list((tmp_path / "cache").iterdir()) == []
