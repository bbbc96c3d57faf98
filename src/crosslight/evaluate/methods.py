"""The rows that can be compared, and how they are named.

A row is ``representation+matcher`` with an optional ``+rerank``: ``comir+surf``, ``comir+detected-sift``,
``comir+surf+patches30`` (the paper's re-ranking of the best 30), ``comir+surf+align15`` (ours), ``comir+align``
(aligned with every image). A matcher is a describer of the registry, whose descriptors are counted in a bag of words,
or what replaces describing and counting (``originals+2dkd``, our ``comir+discs``). Methods that replace everything
stand alone: ``tcnet``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from crosslight import registry
from crosslight.errors import ConfigError, unknown_name

Rerank = Literal["none", "patches", "align"]
RERANK = re.compile(r"(patches|align)(\d+)")
ALIGN = "align"
DISCS = "discs"
COMMON = {"originals": "identity", "comir": "comir", "pix2pix": "pix2pix", "cyclegan": "cyclegan"}
TRANSLATIONS = ("pix2pix", "cyclegan")  # each makes two spaces, that of A and that of B
MATCHERS = ("2dkd", "2dkd-places")  # baselines that may read a representation instead of the images
WHOLE = ("tcnet", "imtdf")
IN_COLOUR = ("resnet",)  # describers that read the three channels of the originals; others read their grey
DESCRIBERS = ("detected-sift", "surf", "resnet")  # the paper's

TABLE_1 = (
    *(f"{r}+{d}" for d in DESCRIBERS[:2] for r in ("originals", "comir", "cyclegan", "pix2pix")),
    *(f"{r}+{d}" for d in (DESCRIBERS[2], "2dkd") for r in ("originals", "comir")),
)
TABLE_2 = ("comir+surf", "comir+surf+patches15", "comir+surf+patches30")
TABLE_3 = ("comir+surf+patches30", "tcnet", "imtdf")
OTHERS = ("sift", "rootsift", "oriented-surf")
OURS = ("comir+surf+align15", "comir+surf+align30", "comir+discs", "comir+discs+align15", "comir+align")
GROUPS: dict[str, tuple[str, ...]] = {
    "table1": TABLE_1,
    "table2": TABLE_2,
    "table3": TABLE_3,
    "ours": OURS,
    "paper": (*TABLE_1, *TABLE_2, *TABLE_3),
    "all": (*TABLE_1, *(f"{r}+{d}" for d in OTHERS for r in ("originals", "comir")), *TABLE_2, *TABLE_3, *OURS),
    "quick": ("originals+surf", "comir+surf", "comir+align"),
}


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the comparison.

    Attributes
    ----------
    representation : str
        "originals", "comir", "pix2pix", "cyclegan", or "" for a method that replaces everything.
    matcher : str
        A describer's name, "discs", "align", or a method of `MATCHERS` or `WHOLE`.
    rerank : str
        "none", "patches" or "align".
    shortlist : int
        How many of the best images are re-ranked; 0 where there is no re-ranking.
    """

    representation: str
    matcher: str
    rerank: Rerank = "none"
    shortlist: int = 0

    @property
    def name(self) -> str:
        """What the row is called; `parse_method` reads it."""
        parts = [p for p in (self.representation, self.matcher) if p]
        return "+".join(parts + ([f"{self.rerank}{self.shortlist}"] if self.shortlist else []))

    @property
    def base(self) -> Method:
        """The same row without re-ranking."""
        return replace(self, rerank="none", shortlist=0)

    @property
    def is_whole(self) -> bool:
        """Whether it brings its own way from images to a ranking."""
        return self.matcher in WHOLE or self.matcher in MATCHERS

    @property
    def patch_describer(self) -> str:
        """The describer whose words re-rank by patches: its own or, where it counts no words, the paper's."""
        return "surf" if self.is_whole or self.matcher in (ALIGN, DISCS) else self.matcher

    @property
    def reads_colour(self) -> bool:
        """Whether it sees the originals in colour."""
        return self.representation == "originals" and self.matcher in IN_COLOUR

    @property
    def cross_only(self) -> bool:
        """Whether the paper asks it across modalities only (re-ranking and the competing methods)."""
        return self.shortlist > 0 or self.matcher == ALIGN or self.matcher in WHOLE


def parse_methods(texts: Sequence[str]) -> list[Method]:
    """Read names of rows and groups, each text possibly several with commas between; doubles are dropped."""
    names: list[str] = []
    for text in ",".join(texts).split(","):
        if text.strip():
            names += GROUPS.get(text.strip().lower(), (text.strip(),))
    if not names:
        raise ConfigError(f"No method is given; name rows such as comir+surf, or groups: {', '.join(GROUPS)}.")
    return list(dict.fromkeys(parse_method(name) for name in names))


def parse_method(name: str) -> Method:
    """Read the name of one row; raises ConfigError that says which part is not known."""
    parts = [part.strip() for part in name.lower().split("+")]
    if len(parts) == 1:
        if parts[0] not in WHOLE:
            raise ConfigError(_say_unknown(parts[0]))
        return Method(representation="", matcher=parts[0])
    _require(parts[0], COMMON, "representation")
    if parts[1] in WHOLE:
        raise ConfigError(f"{parts[1]} reads the images themselves and stands alone; write {parts[1]}.")
    _require(parts[1], _matchers(), "matcher")
    method = Method(representation=parts[0], matcher=parts[1])
    if len(parts) == 2:
        return method
    match = RERANK.fullmatch(parts[2])
    if len(parts) > 3 or match is None or int(match[2]) == 0 or method.matcher == ALIGN:
        raise ConfigError(_say_unreadable(name, parts, method))
    rerank: Rerank = "patches" if match[1] == "patches" else "align"
    return replace(method, rerank=rerank, shortlist=int(match[2]))


def _matchers() -> tuple[str, ...]:
    return (*registry.names("describer"), *DESCRIBERS, *MATCHERS, DISCS, ALIGN)


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise ConfigError(unknown_name(what, name, dict.fromkeys(known)))


def _say_unknown(name: str) -> str:
    """Return the sentence for a single word that is no row and no group."""
    if name in COMMON:
        return f"{name} is a representation; say how it is searched: {name}+surf, {name}+align."
    if name in _matchers():
        return f"{name} is a matcher; say what it reads: originals+{name}, comir+{name}."
    rows = dict.fromkeys((*GROUPS, *WHOLE, *GROUPS["all"]))
    close = difflib.get_close_matches(name, rows, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"There is no method called {name!r}.{hint} Groups: {', '.join(GROUPS)}; rows such as comir+surf or tcnet are "
        "explained by `crosslight evaluate --help`."
    )


def _say_unreadable(name: str, parts: Sequence[str], method: Method) -> str:
    """Return the sentence for a row whose third part is not understood."""
    if method.matcher == ALIGN:
        return f"The method {name!r} cannot be read: {method.matcher} is not re-ranked; write {method.name}."
    close = difflib.get_close_matches(parts[2], ("patches30", "patches15", "align30", "align15"), n=1)
    hint = f" Did you mean '{method.name}+{close[0]}'?" if close and len(parts) == 3 else ""
    return (
        f"The method {name!r} cannot be read.{hint} Write representation+describer+rerank, with a rerank such as "
        "patches30 or align15, for instance comir+surf+patches30."
    )
