import pytest

from crosslight.show.words import say_degrees, say_share


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0%"), (1e-6, "<1%"), (0.126, "13%"), (0.9999, ">99%"), (1.0, "100%")]
)
def test_nothing_short_of_certain_is_called_certain(share: float, words: str) -> None:
    assert say_share(share) == words


@pytest.mark.parametrize(("angle", "words"), [(-12.34, "\N{MINUS SIGN}12.3°"), (0.0, "+0.0°"), (180.0, "+180.0°")])
def test_an_angle_has_its_sign(angle: float, words: str) -> None:
    assert say_degrees(angle) == words
