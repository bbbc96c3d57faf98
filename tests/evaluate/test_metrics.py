import itertools
import math

import numpy as np
import pytest

from crosslight.evaluate.metrics import (
    chance_share,
    estimate_success,
    order_hits,
    rank_truth,
    shown_ks,
    success_share,
    wilson_interval,
)


def slow_rank(similarities, truth):
    """Count, one by one, who stands before the truth."""
    better = 0
    for number, similarity in enumerate(similarities):
        if number != truth and similarity >= similarities[truth]:
            better += 1
    return better + 1


def test_rank_agrees_with_counting_one_by_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        similarities = rng.integers(0, 5, 12).astype(float)
        truth = int(rng.integers(12))
        assert rank_truth(similarities, truth) == slow_rank(similarities, truth)


def test_order_puts_the_truth_at_its_rank_even_among_equals() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        similarities = rng.integers(0, 4, 9).astype(float)
        truth = int(rng.integers(9))
        order = list(order_hits(similarities, truth))
        assert order.index(truth) + 1 == rank_truth(similarities, truth)
        assert sorted(order) == list(range(9))
        assert all(similarities[a] >= similarities[b] for a, b in itertools.pairwise(order))


def test_success_agrees_with_the_papers_equation() -> None:
    ranks = [1, 3, 11, math.inf, 10]
    for k in (1, 5, 10, 15):
        indicator = [1 if rank <= k else 0 for rank in ranks]
        assert success_share(ranks, k) == sum(indicator) / len(indicator)


def test_similarities_that_say_nothing_give_the_last_rank() -> None:
    assert rank_truth(np.zeros(7), 3) == 7


def test_random_orders_reach_the_chance_share() -> None:
    rng = np.random.default_rng(2)
    ranks = [rank_truth(rng.random(20), 4) for _ in range(4000)]
    for k in (1, 5, 10):
        assert abs(success_share(ranks, k) - chance_share(k, 20)) < 0.03
    assert chance_share(30, 11) == 1.0


def test_wilson_interval_solves_its_equation() -> None:
    # both ends p are where |share - p| is 1.96 standard deviations of p
    for good, n in ((3, 11), (50, 134), (133, 134)):
        for end in wilson_interval(good / n, n):
            assert abs(good / n - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / n), rel=1e-5)


def test_wilson_interval_stays_open_where_all_or_none_are_right() -> None:
    low, high = wilson_interval(1.0, 11)
    assert high == 1.0 and 0.7 < low < 0.8
    assert wilson_interval(0.0, 11) == (0.0, pytest.approx(1 - low))
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


def test_mean_over_groups_does_not_weigh_them_by_size() -> None:
    estimate = estimate_success([[1, 1, 1, 1], [2, 2], []], k=1)
    assert estimate.share == 0.5 and estimate.n == 6
    assert estimate.low <= 0.5 <= estimate.high


def test_one_group_has_wilsons_interval() -> None:
    estimate = estimate_success([[1, 4, 9, 40]], k=10)
    assert (estimate.share, estimate.low, estimate.high) == (0.75, *wilson_interval(0.75, 4))


def test_both_directions_of_a_pair_are_one_piece_of_evidence() -> None:
    both = estimate_success([[1, 2, 1, 1], [1, 2, 1, 1]], k=1, n_independent=4)
    one = estimate_success([[1, 2, 1, 1]], k=1)
    assert (both.low, both.high) == (one.low, one.high) and both.n == 8


def test_a_k_that_any_order_reaches_is_not_shown() -> None:
    assert shown_ks(134) == [1, 5, 10, 15, 30]
    assert shown_ks(30) == [1, 5, 10, 15] and shown_ks(11) == [1, 5, 10] and shown_ks(1) == [1]
