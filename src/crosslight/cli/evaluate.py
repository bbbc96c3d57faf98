"""crosslight evaluate: aligned pairs + methods -> the paper's tables, plots, one page."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from crosslight.cli.console import err, out, progress_bar
from crosslight.cli.options import Device, PairPattern, Seed

if TYPE_CHECKING:
    from crosslight.evaluate.cells import Results
    from crosslight.evaluate.queries import Size


class PartName(StrEnum):
    """Which pairs are asked."""

    test = "test"
    val = "val"


class RepositoryName(StrEnum):
    """What is searched."""

    test = "test"
    all = "all"


class NetworkSize(StrEnum):
    """How large the networks are that are trained here."""

    default = "default"
    paper = "paper"


class SizeName(StrEnum):
    """How much of an image is asked with."""

    both = "both"
    full = "full"
    patch = "patch"


def evaluate(
    a_dir: Annotated[
        Path, typer.Argument(help="Folder of modality A, or the folder of a published benchmark.", metavar="A_DIR")
    ],
    report: Annotated[
        Path,
        typer.Option("--out", help="Folder for the report; with the same one a stopped run goes on.", metavar="FOLDER"),
    ],
    b_dir: Annotated[
        Path | None,
        typer.Argument(help="Folder of modality B; the two images of a pair share their name.", metavar="B_DIR"),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="CSV with columns name,split: trains on train, asks with test.", metavar="FILE"),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            help="Rows or groups of rows, see above, with commas between; may be repeated. Default: paper,ours.",
            metavar="NAME",
        ),
    ] = None,
    pair_pattern: PairPattern = None,
    turned_pattern: Annotated[
        tuple[str, str] | None,
        typer.Option(help="What transformed images to ask with are called, instead of cutting them.", metavar="A B"),
    ] = None,
    labels: Annotated[tuple[str, str], typer.Option(help="What A and B are called in the tables.", metavar="A B")] = (
        "A",
        "B",
    ),
    part: Annotated[
        PartName, typer.Option(help="Which pairs are asked: test, or val to choose settings.", metavar="test|val")
    ] = PartName.test,
    repository: Annotated[
        RepositoryName, typer.Option(help="What is searched: the test images, or all.", metavar="test|all")
    ] = RepositoryName.test,
    size: Annotated[
        SizeName, typer.Option(help="Ask with full images, patches, or both.", metavar="full|patch|both")
    ] = SizeName.both,
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A trained model (comir, pix2pix or cyclegan) to use instead of training one; may be repeated.",
            metavar="FOLDER",
        ),
    ] = None,
    preset: Annotated[
        NetworkSize,
        typer.Option(
            help="Networks trained here: default (small ones) or paper (as published).", metavar="default|paper"
        ),
    ] = NetworkSize.default,
    steps: Annotated[
        int | None, typer.Option(help="Train every network for so many steps.", min=1, metavar="N")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Train every network for so long.", metavar="MINUTES")] = None,
    words: Annotated[int, typer.Option(help="Visual words of a repository.", min=1, metavar="N")] = 20_000,
    patch_words: Annotated[
        int, typer.Option(help="Visual words of each re-ranking by patches.", min=1, metavar="N")
    ] = 2000,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Compare methods on aligned pairs, as the paper does. Writes its tables and plots as one page.

    A row of the tables is REPRESENTATION+MATCHER, perhaps with +RERANK: comir+surf, comir+surf+patches30.

    \b
        What is compared:
        originals       the images as they are, in grey (resnet: in colour)
        comir           what two networks make of both kinds
        pix2pix         one kind drawn like the other, learnt from pairs
        cyclegan        the same, learnt from unpaired images

    \b
        Matchers that count visual words:
        surf            the paper's: upright SURF on a grid
        oriented-surf   the same, each turned by its own direction
        detected-sift   the paper's SIFT, at points that it finds itself
        sift, rootsift  SIFT on a grid; with square roots
        resnet          the last map of ResNet-152 (crosslight fetch)

    \b
        Other matchers:
        align           our alignment with every image
        discs           our quick look: discs of 96 px at every turn
        2dkd            Krawtchouk moments at the middle of the query
        2dkd-places     the same at many places of the query

    \b
        Re-ranking of the best N images of any of these but align:
        patchesN        the paper's: new words for query-sized patches
        alignN          ours: alignment

    \b
        Whole methods, which stand alone:
        tcnet           one network, trained with triplets
        imtdf           moments, texture and ResNet-50 features, selected

    \b
        Groups of rows:
        table1          every representation with the paper's matchers
        table2          comir+surf and its re-rankings by patches
        table3          whole systems against comir+surf+patches30
        paper           these three
        ours            comir+align, comir+discs, comir+discs+align15,
                        comir+surf+align15, comir+surf+align30
        quick           originals+surf, comir+surf, comir+align
        all             everything above but 2dkd-places
    """  # noqa: D301 - the marks are for click, which must see them as one character
    from dataclasses import replace

    from crosslight.config import AlignConfig
    from crosslight.evaluate.compare import evaluate_pairs
    from crosslight.evaluate.protocol import EvaluateConfig
    from crosslight.evaluate.queries import SIZES, QueryConfig

    plain = EvaluateConfig()
    sizes: tuple[Size, ...] = tuple(s for s in SIZES if size.value in (s, SizeName.both.value))
    config = replace(
        plain,
        part=part.value,
        repository=repository.value,
        sizes=sizes,
        queries=QueryConfig(seed=seed),
        words=replace(plain.words, n_words=words, seed=seed),
        patches=replace(plain.patches, n_words=patch_words, seed=seed),
        align=AlignConfig(),
        preset=preset.value,
        steps=steps,
        minutes=minutes,
        device=device,
        seed=seed,
    )
    with progress_bar() as progress:
        results = evaluate_pairs(
            a_dir, b_dir, out=report, split=split, pair_pattern=pair_pattern, turned_pattern=turned_pattern,
            methods=methods or ["paper", "ours"], models=model or [], labels=labels, config=config,
            command=shlex.join(["crosslight", *sys.argv[1:]]), progress=progress,
        )  # fmt: skip
    _print_summary(results, methods or ["paper", "ours"], config.sizes)
    for name, reason in results.reasons.items():
        err.print(f"{name}: {reason}", markup=False)
    out.print(f"Look at {report / 'report.html'}.", markup=False)
    if not results.results:
        raise typer.Exit(2)


def _print_summary(results: Results, methods: list[str], sizes: tuple[Size, ...]) -> None:
    """Print one line per method: transformed queries across modalities."""
    from crosslight.evaluate.methods import parse_methods
    from crosslight.evaluate.metrics import shown_ks
    from crosslight.evaluate.summary import summarise
    from crosslight.evaluate.words import say_seconds

    if not results.results:
        return
    ks = [k for k in shown_ks(min(len(r.images) for r in results.results)) if k <= 10]
    ks = list(dict.fromkeys((ks[0], ks[-1])))
    table = Table(box=None, pad_edge=False)
    table.add_column("across, transformed", no_wrap=True)
    for size in sizes:
        for k in ks:
            table.add_column(f"{size} Acc@{k}", justify="right")
    table.add_column("a query", justify="right")
    for row in summarise(results, parse_methods(methods), sizes, ks):
        figures = [f"{100 * e.share:.1f}" for size in sizes for e in row.shares.get(size, ())]
        table.add_row(row.method, *figures, say_seconds(row.seconds))
    out.print(table)
