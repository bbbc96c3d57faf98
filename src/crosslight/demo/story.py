"""The page of the demonstration: what was asked, what was found, and how to do the same with other images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosslight.demo.earth import PX_PER_DEGREE, say_lon_lat, to_lon_lat
from crosslight.demo.world import Answer
from crosslight.geometry import wrap_angle
from crosslight.read.image import read_image
from crosslight.show.page import Picture, Section, Table, write_page
from crosslight.show.words import say_share

COLUMNS = ("patch", "truth", "found at", "place off", "angle off", "similarity", "confidence", "")
NUMERIC = frozenset({"place off", "angle off", "similarity", "confidence"})
COMMANDS = """\
crosslight fit A B --out MODEL
crosslight index A --model MODEL --modality A --out INDEX
crosslight search INDEX QUERY.png --show picture.png"""
CREDITS = (
    "True colour: Blue Marble: Next Generation, R. Stöckli, NASA Earth Observatory (NASA GSFC). Relief: ETOPO1, "
    "Amante, C. and Eakins, B. W., NOAA Technical Memorandum NESDIS NGDC-24 (2009)."
)


def answer_row(answer: Answer) -> tuple[str, ...]:
    """Return one answer as the cells of a table with `COLUMNS`."""
    name, truth = answer.patch.image.name, say_lon_lat(*answer.patch.lon_lat)
    if answer.hit is None or answer.hit.placement is None or answer.center_xy is None:
        return (name, truth, "", "", "", "", "", "not found")
    turn = abs(wrap_angle(answer.hit.placement.angle_deg - answer.patch.placement.angle_deg))
    return (
        name,
        truth,
        say_lon_lat(*to_lon_lat(*answer.center_xy)),
        f"{answer.error_px / PX_PER_DEGREE:.2f}°",
        f"{turn:.1f}°",
        f"{answer.hit.similarity:.3f}",
        say_share(answer.hit.confidence),
        "right" if answer.right else "wrong",
    )


def write_story(
    path: Path, answers: Sequence[Answer], *, world: Path, closer: Path, preview: Path, seconds: dict[str, float]
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The HTML file.
    answers : sequence of Answer
        What the table shows.
    world, closer, preview : Path
        Pictures to show; one that is not there is left out.
    seconds : dict
        How long "train", "index" and "search" took.
    """
    n_right = sum(answer.right for answer in answers)
    asked = [
        "Two images of the Earth show the same places in different ways: one in true colour, one as a grey relief of "
        "land and sea floor. Two small networks learnt, from aligned pairs of the rest of the world, to bring both "
        "into one common representation.",
        "Then patches of relief between 30 and 110 degrees east, which neither network had seen, were cut out and "
        "turned by any angle. Each was searched for in the whole true-colour Earth. All of them hold a piece of coast: "
        "what lies wholly inland is not found after so short a training.",
    ]
    rows = [answer_row(answer) for answer in answers]
    sections = [
        Section(heading="The question and the answers", paragraphs=asked, pictures=_load(world, WORLD_WORDS, True)),
        Section(heading="Every answer beside the truth", table=Table(columns=COLUMNS, rows=rows, numeric=NUMERIC)),
        Section(
            heading="One answer, looked at closely",
            paragraphs=["Where the window is right, lines run on from square to square of the checkerboard."],
            pictures=_load(closer, "A query, the place where it was found, a checkerboard of both and a blend.", True),
        ),
        Section(
            heading="What the networks learnt",
            paragraphs=["The two pictures on the right of each row are made from the two on the left, one from each."],
            pictures=_load(preview, "Pairs of images and their representations.", True),
        ),
        Section(heading="The same with your images", paragraphs=[_say_seconds(seconds)], commands=COMMANDS),
        Section(heading="Images", paragraphs=[CREDITS]),
    ]
    lead = f"{n_right} of {len(answers)} grey relief patches were found in the true-colour image of the whole Earth."
    write_page(path, "Where on Earth is this?", sections, lead=lead)


WORLD_WORDS = "A map of the world with the patches around it, each joined by a line with the place where it was found."


def _load(path: Path, alt: str, photograph: bool) -> list[Picture]:
    return [Picture(rgb=read_image(path).pixels, alt=alt, photograph=photograph)] if path.exists() else []


def _say_seconds(seconds: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    return f"This took: {parts}. Pairs share their file name in two folders, A and B; any two kinds of image will do."
