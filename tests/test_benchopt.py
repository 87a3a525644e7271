"""Our solvers for benchopt minimise its objectives; where benchopt is installed, it runs them."""

import runpy
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_jit

SOLVERS = Path(__file__).resolve().parent.parent / "benchmarks" / "benchopt" / "solvers"
SQUARES, LOGISTIC = "0.5 * np.sum((y - z) ** 2)", "np.logaddexp(0.0, -y * z).sum()"
L1, L2 = "np.abs(beta).sum()", "0.5 * beta @ beta"
OBJECTIVES = {
    "lasso": (SQUARES, L1),
    "ridge": (SQUARES, L2),
    "logreg_l1": (LOGISTIC, L1),
    "logreg_l2": (LOGISTIC, L2),
}
LMBD = 3.0


def generated():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 12))
    return X, np.where(X[:, 0] + rng.logistic(size=60) > 0.3, 1, -1)


def test_every_solver_has_an_objective():
    assert {file.stem for file in SOLVERS.glob("*.py")} == set(OBJECTIVES)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("problem", sorted(OBJECTIVES))
def test_the_answer_is_where_the_subgradient_holds_zero(problem, intercept, monkeypatch):
    stand_in = types.ModuleType("benchopt")
    stand_in.BaseSolver = object
    monkeypatch.setitem(sys.modules, "benchopt", stand_in)
    solver = runpy.run_path(str(SOLVERS / f"{problem}.py"))["Solver"]()

    X, y = generated()
    solver.set_objective(X=X, y=y, lmbd=LMBD, fit_intercept=intercept)
    solver.warm_up()
    solver.run(1e-12)
    answer = solver.get_result()["beta"]
    assert answer.shape == (12 + intercept,)

    beta, b = answer[:12], answer[12:].sum()
    z = X @ beta + b
    loss, penalty = OBJECTIVES[problem]
    slope = z - y if loss == SQUARES else -y / (1.0 + np.exp(y * z))
    gradient = X.T @ slope
    if penalty == L2:
        np.testing.assert_allclose(gradient, -LMBD * beta, atol=1e-5)
    else:
        kept = beta != 0.0
        assert 0 < kept.sum() < 12
        np.testing.assert_allclose(gradient[kept], -LMBD * np.sign(beta[kept]), atol=1e-5)
        assert np.abs(gradient).max() <= LMBD + 1e-5
    assert not intercept or abs(slope.sum()) < 1e-5


OBJECTIVE = """
import numpy as np
from benchopt import BaseObjective


class Objective(BaseObjective):
    name = "small"
    parameters = {{"fit_intercept": [False, True]}}

    def set_data(self, X, y):
        self.X, self.y = X, y

    def get_objective(self):
        return dict(X=self.X, y=self.y, lmbd={lmbd}, fit_intercept=self.fit_intercept)

    def get_one_result(self):
        return dict(beta=np.zeros(self.X.shape[1] + self.fit_intercept))

    def evaluate_result(self, beta):
        beta, b = (beta[:-1], beta[-1]) if self.fit_intercept else (beta, 0.0)
        y, z = self.y, self.X @ beta + b
        return dict(value={loss} + {lmbd} * {penalty})
"""

DATASET = """
import numpy as np
from benchopt import BaseDataset


class Dataset(BaseDataset):
    name = "generated"

    def get_data(self):
        return dict(X=np.array({X}), y=np.array({y}))
"""


def suite(folder, problem):
    """A suite of benchopt: an objective, a data set and our solver."""
    loss, penalty = OBJECTIVES[problem]
    X, y = generated()
    for part in ("datasets", "solvers"):
        (folder / part).mkdir(parents=True)
    objective = OBJECTIVE.format(loss=loss, penalty=penalty, lmbd=LMBD)
    (folder / "objective.py").write_text(objective)
    data = DATASET.format(X=X.tolist(), y=y.tolist())
    (folder / "datasets" / "generated.py").write_text(data)
    shutil.copy(SOLVERS / f"{problem}.py", folder / "solvers" / "fastreg.py")
    return folder


@needs_jit
@pytest.mark.parametrize("problem", sorted(OBJECTIVES))
@pytest.mark.filterwarnings("default")  # benchopt's own
def test_benchopt_runs_it_below_the_objective_of_zeros(problem, tmp_path):
    benchopt = pytest.importorskip("benchopt")
    table = benchopt.run_benchmark(
        suite(tmp_path / f"benchmark_{problem}", problem),
        max_runs=30,
        timeout=60,
        plot_result=False,
        show_progress=False,
        no_cache=True,
    )
    curves = pd.read_parquet(table).groupby("p_obj_fit_intercept")
    assert len(curves) == 2
    for _, points in curves:
        values = points["objective_value"].to_numpy()
        assert values[-1] == pytest.approx(values.min(), rel=1e-9)
        assert values[-1] < (30.0 if OBJECTIVES[problem][0] == SQUARES else 60.0 * np.log(2.0))
