import re

import pytest

from crosslight import registry
from crosslight.cli.evaluate import evaluate
from crosslight.errors import ConfigError
from crosslight.evaluate.methods import (
    ALIGN,
    COMMON,
    DISCS,
    GROUPS,
    MATCHERS,
    WHOLE,
    Method,
    parse_method,
    parse_methods,
)


@pytest.mark.parametrize("name", sorted({n for group in GROUPS.values() for n in group}))
def test_every_row_of_every_group_is_read_and_named_alike(name: str) -> None:
    assert parse_method(name).name == name


def test_groups_and_rows_mix_and_doubles_are_dropped() -> None:
    methods = parse_methods(["table2,comir+surf", "originals+sift"])
    assert [m.name for m in methods] == [
        "comir+surf", "comir+surf+patches15", "comir+surf+patches30", "originals+sift",
    ]  # fmt: skip


def test_capitals_and_spaces_do_not_matter() -> None:
    assert [m.name for m in parse_methods(["Originals + SURF, TABLE2"])] == ["originals+surf", *GROUPS["table2"]]


def test_the_command_explains_every_name() -> None:
    words = set(re.findall(r"[\w-]+", evaluate.__doc__ or ""))
    known = {*COMMON, *registry.names("describer"), *MATCHERS, *WHOLE, *GROUPS, ALIGN, DISCS}
    assert known <= words


def test_parts_of_a_name() -> None:
    method = parse_method("comir+surf+align15")
    assert method == Method(representation="comir", matcher="surf", rerank="align", shortlist=15)
    assert method.base.name == "comir+surf" and method.cross_only and not method.base.cross_only
    assert parse_method("originals+2dkd").is_whole and parse_method("tcnet").is_whole


def test_any_shortlist_is_re_ranked_by_patches_of_words() -> None:
    assert parse_method("comir+sift+patches30").patch_describer == "sift"
    assert parse_method("comir+2dkd+patches30").patch_describer == "surf"
    assert parse_method("comir+discs+patches30").patch_describer == "surf"
    assert parse_method("comir+2dkd+align15").base.name == "comir+2dkd"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("comr+surf", "Did you mean 'comir'"),
        ("comir+surv", "Did you mean 'surf'"),
        ("tcnt", "Did you mean 'tcnet'"),
        ("comir+surf+patch30", "comir+surf+patches30"),
        ("comir+surf+patch30", "Did you mean 'comir+surf+patches30'"),
        ("comir-surf", "Did you mean 'comir+surf'"),
        ("quik", "Did you mean 'quick'"),
        ("surf", "originals+surf"),
        ("comir", "comir+align"),
        ("originals+imtdf", "stands alone"),
        ("comir+surf+patches0", "cannot be read"),
        ("comir+align+patches30", "cannot be read"),
        ("", "No method"),
    ],
)
def test_an_unknown_name_says_what_is_known(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_methods([name])
