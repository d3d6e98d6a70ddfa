import numpy as np

from quantize.compare.changes import MAX_EXAMPLES, changed_predictions

CUT = 0.5


def test_changes_come_surest_first_with_their_leads() -> None:
    wanted = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
    found = np.array([[0.3, 0.4, 0.3], [0.2, 0.8, 0.0], [0.1, 0.2, 0.7]])

    changes = changed_predictions(wanted, found, CUT, ("a", "b", "c"))

    assert changes.count == 2
    assert [(one.sample, one.first, one.second) for one in changes.examples] == [
        (1, "a", "b"),
        (0, "a", "b"),
    ]
    np.testing.assert_allclose(changes.examples[0].first_margin, 0.8)
    np.testing.assert_allclose(changes.examples[1].second_margin, 0.1)


def test_a_lone_score_leads_by_its_distance_from_the_cut() -> None:
    changes = changed_predictions(np.array([[0.75]]), np.array([[0.25]]), CUT, ())

    assert changes.examples[0].first == "1"
    assert changes.examples[0].second == "0"
    assert changes.examples[0].first_margin == 0.25


def test_all_are_counted_but_not_all_listed() -> None:
    wanted = np.tile([1.0, 0.0], (MAX_EXAMPLES + 5, 1))

    changes = changed_predictions(wanted, wanted[:, ::-1], CUT, ())

    assert changes.count == MAX_EXAMPLES + 5
    assert len(changes.examples) == MAX_EXAMPLES
