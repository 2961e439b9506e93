"""How many trials fit where."""

import pytest

from cluster.errors import ClusterError
from cluster.resources import Node, checked_resources, slots


def node(cpus: float = 8, gpus: float = 0) -> Node:
    return Node(id="abcdef0123456789", host="a", address="10.0.0.1", cpus=cpus, gpus=gpus)


@pytest.mark.parametrize(
    ("have", "need", "expected"),
    [
        (node(8), {"cpu": 1}, 8),
        (node(8), {"cpu": 3}, 2),  # 8 / 3 = 2.67
        (node(1), {"cpu": 0.1}, 10),  # 1 / 0.1 falls short of 10 in floating point
        (node(0), {"cpu": 1}, 0),
        (node(8, 0), {"cpu": 1, "gpu": 0.25}, 0),
        (node(8, 1), {"cpu": 1, "gpu": 0.25}, 4),
        (node(3, 1), {"cpu": 1, "gpu": 0.25}, 3),  # the CPUs are fewer than the quarters
        (node(8, 2), {"cpu": 1, "gpu": 0.7}, 2),  # one trial a card, not floor(2 / 0.7) = 2.86 -> 2 by luck
        (node(8, 3), {"cpu": 1, "gpu": 0.7}, 3),  # floor(3 / 0.7) would say 4
        (node(8, 4), {"cpu": 1, "gpu": 2}, 2),
        (node(8, 1), {"cpu": 1, "gpu": 2}, 0),
    ],
)
def test_a_node_holds_whole_trials_and_a_fraction_stays_on_one_card(have, need, expected):
    assert slots(have, need) == expected


@pytest.mark.parametrize("amounts", [(0, 0), (-1, 0), (float("nan"), 0), (1, -0.5), (1, 1.5), (1, float("nan"))])
def test_an_amount_that_can_not_be_reserved_is_refused(amounts):
    with pytest.raises(ClusterError, match=r"a trial: .*must be"):
        checked_resources(*amounts)


def test_no_gpu_is_reserved_where_none_is_asked_for():
    assert checked_resources(1, 0) == {"cpu": 1}
    assert checked_resources(2, 0.5) == {"cpu": 2, "gpu": 0.5}


def test_two_ray_nodes_of_one_host_have_labels_of_their_own():
    assert node().label == "a/abcdef01"
