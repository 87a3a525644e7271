"""The worked example of CONTRIBUTING.md runs, and its solution is right."""

from pathlib import Path

import numpy as np
import pytest
from conftest import needs_jit

from tests.docs.pages import code

ROOT = Path(__file__).resolve().parent.parent


@needs_jit
@pytest.mark.thorough
def test_the_penalty_of_the_worked_example_is_solved_and_certified():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = {"__name__": "example"}
    for block in code(text, "python"):
        exec(block, names)
    solution, X, y = names["solution"], names["X"], names["y"][:, 0]

    def objective(coef):
        r = y - y.mean() - (X - X.mean(axis=0)) @ coef
        return r @ r / 120 + 0.05 * coef @ coef + 0.05 * np.maximum(coef, 0).sum()

    best = objective(solution.coef[:, 0])
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(50):
            assert objective(solution.coef[:, 0] + size * rng.standard_normal(5)) >= best
    assert solution.certificate.objective[0] == pytest.approx(best, rel=1e-12)
    _check_the_loss(names)


def _check_the_loss(names):
    """With the penalty: nothing beside the answer is less by more than its gap."""
    robust, X, y = names["robust"], names["X"], names["y"][:, 0]

    def objective(coef, b):
        loss = np.log(np.cosh(X @ coef + b - y)).mean()
        return loss + 0.05 * coef @ coef + 0.05 * np.maximum(coef, 0).sum()

    coef, b = robust.coef[:, 0], robust.intercept[0]
    best, gap = objective(coef, b), robust.certificate.gap[0]
    assert robust.certificate.objective[0] == pytest.approx(best, rel=1e-12)
    rng = np.random.default_rng(2)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(50):
            other = objective(
                coef + size * rng.standard_normal(5), b + size * rng.standard_normal()
            )
            assert other >= best - gap
