import pytest

from crosslight.evaluate.competitors import configure_baseline
from crosslight.evaluate.protocol import EvaluateConfig


def test_steps_are_for_methods_that_train_by_steps() -> None:
    config = EvaluateConfig(steps=7)
    assert configure_baseline("tcnet", config)[0].steps == 7
    assert configure_baseline("2dkd", config) == configure_baseline("2dkd", EvaluateConfig())


@pytest.mark.parametrize(("name", "weights"), [("imtdf", "resnet50"), ("tcnet", "densenet169")])
def test_missing_weights_are_done_without_and_said(
    name: str, weights: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path))
    settings, note = configure_baseline(name, EvaluateConfig(preset="paper"))
    assert settings.weights == "" and f"crosslight fetch {weights}" in note.replace("`", "")
    (tmp_path / f"{weights}.safetensors").write_bytes(b"")
    assert configure_baseline(name, EvaluateConfig(preset="paper")) == (
        configure_baseline(name, EvaluateConfig(preset="paper"))[0],
        "",
    )
    assert configure_baseline(name, EvaluateConfig(preset="paper"))[0].weights == "fetched"
