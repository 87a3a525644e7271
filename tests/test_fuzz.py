"""A small batch of the attack of `tests.fuzz`, and the judge watched while it fails."""

import numpy as np
import pytest
from conftest import JIT

from tests import fuzz, judge

COUNT = 150 if JIT else 15

pytestmark = pytest.mark.skipif(
    not judge.HAS_EXTENDED, reason="longdouble is no more than float64 here"
)


@pytest.mark.thorough
def test_no_certificate_of_random_problems_is_false():
    verdicts = fuzz.run(range(COUNT), small=not JIT)
    assert len(verdicts) == COUNT
    failed = [fuzz.describe(verdict) for verdict in verdicts if verdict.failures]
    assert not failed, "\n".join(failed)


@pytest.mark.thorough
def test_the_judge_notices_disturbed_coefficients():
    verdicts = fuzz.run(range(COUNT), spoil=True, small=True)
    spoiled, noticed = (sum(getattr(v, a) for v in verdicts) for a in ("spoiled", "noticed"))
    assert spoiled >= COUNT and noticed >= 0.98 * spoiled


@pytest.mark.parametrize("positive", [False, True])
def test_the_two_bounds_of_the_judge_meet(positive, rng):
    X, y = rng.standard_normal((20, 9)), rng.standard_normal(20)
    data = judge.Data(X, y, rng.random(20), True)
    for l1, l2 in [(0.1, 0.0), (0.05, 0.01), (0.0, 0.3), (0.0, 0.0)]:
        point = data.point(0, l1, l2, positive)
        best = judge.refine(point, np.zeros(9, judge.LD))
        assert abs(best.value - best.lower) <= 1e-16
        assert point.kkt(best.theta) <= 1e-13
        assert point.value(best.theta + 1e-6 * (best.theta + 0.1)) > best.value


def test_a_problem_can_be_replayed(capsys):
    assert fuzz.main(["--only", "3"]) == 0
    assert "1 problems" in capsys.readouterr().out
    a, b = fuzz.draw(3), fuzz.draw(3)
    assert a.options.keys() == b.options.keys() and a.y.tobytes() == b.y.tobytes()
