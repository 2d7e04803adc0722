"""Which points of a sweep are measured, and what several seeds make of a row."""

import pytest

from keras_sphere.evaluation.results import Evaluation, Row, row_of_seeds
from keras_sphere.evaluation.sweeping import sweep

pytestmark = pytest.mark.any_backend

STEPS = [1, 2, 4, 6, 8]


def measured(distances, stop_when_worse, steps=STEPS):
    """The points that a sweep measures, and what it leaves out.

    Args:
        distances: Dict of guidance -> list of distances by step.
        stop_when_worse: Integer or `None`.
        steps: List of integers.
    """
    seen = []

    def measure(options):
        scale, count = options["guidance_scale"], options["steps"]
        seen.append((scale, count))
        value = distances[scale][steps.index(count)]
        worse = Row("generated, refiner", {}, {"frechet": value + 1.0})
        return [worse, Row("generated", {}, {"frechet": value})]

    guidances = [{"guidance_scale": g, "guidance_degrees": None} for g in distances]
    return seen, sweep(guidances, steps, measure, stop_when_worse)


def test_all_is_measured_unless_asked():
    falling_and_rising = {1.0: [5.0, 6.0, 7.0, 8.0, 9.0]}
    seen, left_out = measured(falling_and_rising, None)
    assert [count for _, count in seen] == STEPS
    assert left_out == []


@pytest.mark.parametrize(
    ("most", "last"), [(1, 2), (2, 8), (3, 8)], ids=["one", "two", "three"]
)
def test_so_many_in_a_row(most, last):
    """A better value between two worse ones begins the count anew."""
    seen, left_out = measured({1.4: [5.0, 6.0, 4.0, 4.0, 4.0]}, most)
    assert seen[-1] == (1.4, last)
    if most == 1:
        assert left_out == [
            "steps 4, 6, 8 at guidance 1.4, since values before were no better"
        ]
    else:
        assert left_out == []


def test_equal_is_no_better():
    seen, _ = measured({1.0: [3.0, 3.0, 1.0, 1.0, 1.0]}, 1)
    assert seen[-1] == (1.0, 2)


def test_guidances_end_likewise():
    """Each has steps of its own; only their best values are compared."""
    distances = {1.0: [5.0, 4.0], 1.5: [9.0, 4.5], 2.0: [3.0, 3.0], 3.0: [1.0, 1.0]}
    seen, left_out = measured(distances, 1, steps=[1, 2])
    assert seen == [(1.0, 1), (1.0, 2), (1.5, 1), (1.5, 2)]
    assert left_out == ["guidance 2, 3, since values before were no better"]
    seen, left_out = measured(distances, 2, steps=[1, 2])
    assert len(seen) == 8
    assert left_out == []


def test_what_is_no_number_is_no_better():
    nan = float("nan")
    seen, _ = measured({1.0: [nan, nan, 3.0, 4.0, 5.0]}, 2)
    assert seen[-1] == (1.0, 2)


def row(seed, **values):
    return Row("generated", {"seed": seed, "count": 8, "steps": 4}, values)


def test_mean_and_deviation():
    """1, 2 and 6: mean 3, and the root of (4 + 1 + 9) / 2."""
    rows = [row(4, frechet=1.0, recall=0.5), row(5, frechet=2.0), row(6, frechet=6.0)]
    joined = row_of_seeds(rows)
    assert joined.values == {"frechet": 3.0}  # what all of them have
    assert joined.spread["frechet"] == pytest.approx(7.0**0.5)
    assert [values["frechet"] for values in joined.each] == [1.0, 2.0, 6.0]
    assert joined.settings == {**rows[0].settings, "seeds": [4, 5, 6]}
    assert row_of_seeds(rows[:1]) is rows[0]


def test_a_table_of_seeds(tmp_path):
    settings = {"network": "patches", "rounding": "down", "metrics": ["frechet"]}
    settings["reference"] = {"set": "images", "count": 8}
    settings["not_measured"] = ["steps 6, since values before were no better"]
    rows = row_of_seeds([row(0, frechet=1.0), row(1, frechet=2.0)]), row(0, frechet=4.0)
    result = Evaluation(rows, settings)
    text = str(result)
    for words in (
        "1.50 ± 0.71",
        "Seed: 0, 1.",
        "mean ± standard deviation",
        "Not measured: steps 6",
    ):
        assert words in text
    assert "4.00 ±" not in text
    result.save(tmp_path)
    assert Evaluation.load(tmp_path) == result
    old = result.to_dict()
    for entry in old["rows"]:
        del entry["spread"], entry["each"]  # as earlier versions wrote it
    assert Evaluation.from_dict(old).rows[0].values == {"frechet": 1.5}
