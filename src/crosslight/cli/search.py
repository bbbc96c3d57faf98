"""crosslight search: queries of the other modality -> ranked places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from crosslight.cli.console import err, out, progress_bar
from crosslight.cli.options import Device, IndexFolder, ModalityName, RerankName, StoreAddress
from crosslight.cli.unusable import sum_up_unanswered, tell_unusable
from crosslight.errors import ConfigError
from crosslight.pipeline.metadata import parse_pairs
from crosslight.pipeline.ranking import ranking_records, write_ranking_csv
from crosslight.show.formats import check_picture
from crosslight.show.words import say_share
from crosslight.types import Hit, Ranking

if TYPE_CHECKING:
    from crosslight import Index


def search(
    index: IndexFolder,
    queries: Annotated[list[Path], typer.Argument(help="Query images, or folders of them.", metavar="QUERIES")],
    modality: Annotated[
        ModalityName | None,
        typer.Option(help="Which kind the queries are; default: the one that was not indexed.", metavar="A|B"),
    ] = None,
    top: Annotated[int, typer.Option(help="Hits to return per query.", min=1, metavar="N")] = 15,
    shortlist: Annotated[
        str,
        typer.Option(
            help="How many images to align with: a number (the best by a quick look), all, or auto (all while that is "
            "quick).",
            metavar="N|all|auto",
        ),
    ] = "auto",
    rerank: Annotated[
        RerankName,
        typer.Option(
            help="What orders the shortlist: align (finds the place), patches (the paper's re-ranking) or none (its "
            "histograms).",
            metavar="align|patches|none",
        ),
    ] = RerankName.align,
    rotation: Annotated[
        float, typer.Option(help="Largest turn to look for, to either side; 180 is any.", metavar="DEGREES")
    ] = 30.0,
    scale: Annotated[
        str,
        typer.Option(
            help="Scales to look through: 1.25 (up to so much larger or smaller), or a range, 0.8-1.25.",
            metavar="SCALES",
        ),
    ] = "1",
    flip: Annotated[bool, typer.Option("--flip", help="Look for mirrored places too.")] = False,
    overlap: Annotated[
        float,
        typer.Option(
            help="Least share of the query that lies inside the image, 0.25 to 1; below 1 it may stick out.",
            metavar="SHARE",
        ),
    ] = 1.0,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            help="Say that a query is probably not there if its best hit has less confidence, 0 to 1.", metavar="SHARE"
        ),
    ] = None,
    query_mpp: Annotated[
        float | None,
        typer.Option(help="Micrometres per pixel of the queries, instead of what their files say.", metavar="NUMBER"),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Only images whose metadata say so; may be repeated, then all must hold.", metavar="KEY=VALUE"
        ),
    ] = None,
    second_look: Annotated[
        bool,
        typer.Option(
            "--second-look/--no-second-look",
            help="Compare small queries anew with the best places, cut out of the image files.",
        ),
    ] = True,
    store: StoreAddress = None,
    model: Annotated[
        Path | None, typer.Option(help="Refuse to search unless the index was made by this model.", metavar="FOLDER")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the ranking as CSV.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per hit instead of tables.")] = False,
    show: Annotated[
        Path | None,
        typer.Option(
            help="Write a picture of query, hits and overlay: .png, .jpg or .webp; several queries add their names.",
            metavar="FILE",
        ),
    ] = None,
    geojson: Annotated[
        Path | None,
        typer.Option(
            help="Write the windows for QuPath: a .geojson file, or a folder with one per image.", metavar="PATH"
        ),
    ] = None,
    imagej: Annotated[
        Path | None,
        typer.Option(
            help="Write the windows for ImageJ: a .zip or .roi file, or a folder with one per image.", metavar="PATH"
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Find where query images of the other modality lie."""
    import crosslight

    check_places(rerank, geojson=geojson, imagej=imagej)
    if show is not None:
        check_picture(show)
    for file in (csv, show):
        make_room(file)
    with (
        tell_unusable(lambda queries: sum_up_unanswered(queries, len(rankings))) as on_unanswered,
        crosslight.Index.open(index, store=store, model=model, device=device) as opened,
    ):
        with progress_bar() as progress:
            rankings = opened.search(
                queries, modality=modality.value if modality else None, top=top, shortlist=parse_shortlist(shortlist),
                rerank=rerank.value, rotation=rotation, scale=scale, flip=flip, overlap=overlap,
                min_confidence=min_confidence, query_mpp=query_mpp, where=parse_pairs(where or [], "--where"),
                second_look=second_look,
                on_unanswered=on_unanswered, progress=progress,
            )  # fmt: skip
        for ranking in rankings:
            print_records(ranking) if as_json else print_ranking(ranking)
        if rankings:
            write_files(opened, rankings, csv=csv, geojson=geojson, imagej=imagej, show=show)


def write_files(
    index: Index, rankings: Sequence[Ranking], *, csv: Path | None, geojson: Path | None, imagej: Path | None,
    show: Path | None,
) -> None:  # fmt: skip
    """Write what was asked for, and say where."""
    written: dict[str, Sequence[Path]] = {}
    if csv is not None:
        write_ranking_csv(csv, rankings)
        written["ranking"] = [csv]
    written.update(write_windows(rankings, geojson=geojson, imagej=imagej))
    if show is not None:
        written["picture"] = index.draw(rankings, show)
    for what, files in written.items():
        err.print(f"{what}: {', '.join(map(str, files[:3]))}{' ...' if len(files) > 3 else ''}", markup=False)


def make_room(file: Path | None) -> None:
    """Make the folder of a file that is to be written; raises ConfigError where a folder has its name."""
    if file is None:
        return
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; give the name of a file in it, such as {file / 'answer'}{file.suffix}.")
    file.parent.mkdir(parents=True, exist_ok=True)


def check_places(rerank: RerankName, **files: Path | None) -> None:
    """Raise ConfigError if windows are to be written and hits will have none."""
    for name, file in files.items():
        if file is not None and rerank != RerankName.align:
            raise ConfigError(f"--{name} writes windows and --rerank {rerank.value} finds none; use --rerank align.")


def write_windows(
    rankings: Sequence[Ranking], *, geojson: Path | None, imagej: Path | None
) -> dict[str, Sequence[Path]]:
    """Write the windows for other viewers and return the files by what they are."""
    written: dict[str, Sequence[Path]] = {}
    if geojson is not None:
        from crosslight.show.geojson import write_geojson

        written["GeoJSON"] = write_geojson(geojson, rankings)
    if imagej is not None:
        from crosslight.show.imagej import write_imagej

        written["ImageJ"] = write_imagej(imagej, rankings)
    return written


def parse_shortlist(text: str) -> int | str:
    """Read a number, "all" or "auto"; raises ConfigError for anything else."""
    if text in ("all", "auto"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ConfigError(f"--shortlist is {text!r}; give a number above 0, all, or auto.")


def print_records(ranking: Ranking) -> None:
    """Print one JSON object per hit."""
    for record in ranking_records(ranking):
        out.print(json.dumps(record), markup=False)


def print_ranking(ranking: Ranking) -> None:
    """Print one query's hits as a table for people."""
    out.print(f"\n{ranking.query}: {ranking.note}", markup=False)
    if ranking.found is False:
        best = f"; the best guess is at {say_share(ranking.hits[0].confidence)}" if ranking.hits else ""
        out.print(f"{ranking.query} is probably not in this repository{best}", markup=False)
    places = [hit.placement for hit in ranking.hits if hit.placement is not None]
    scaled = any(place.scale != 1 for place in places)
    columns = ["rank", "image", "similarity"]
    if places:  # else there is no place, and the confidence is not calibrated
        columns += ["confidence", "centre x, y", "angle", *(["scale"] if scaled else [])]
    if any(place.flipped for place in places):
        columns.append("mirrored")
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column == "image" else "right", no_wrap=True)
    for hit in ranking.hits:
        table.add_row(*(_cells(hit)[column] for column in columns))
    out.print(table)


def _cells(hit: Hit) -> dict[str, str]:
    """Return what the table says of a hit, by column."""
    place = hit.placement
    cells = {
        "rank": str(hit.rank), "image": hit.image, "similarity": f"{hit.similarity:.3f}",
        "confidence": say_share(hit.confidence), "centre x, y": "", "angle": "", "scale": "", "mirrored": "",
    }  # fmt: skip
    if place is not None:
        cells["centre x, y"] = f"{place.center_xy[0]:.1f}, {place.center_xy[1]:.1f}"
        cells["angle"] = f"{place.angle_deg:+.1f}"
        cells["scale"] = f"{place.scale:.3f}"
        cells["mirrored"] = "yes" if place.flipped else ""
    return cells
