"""The demonstrations of rows in blocks, small."""

import math

import numpy as np
import pytest
from conftest import needs_jit

from benchmarks import cost_model, outofcore
from benchmarks.versus import blocks


@needs_jit
@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_blocks_beside_memory(form, tmp_path, monkeypatch):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(outofcore, "STEP", 3000)
    path = outofcore.generate(tmp_path, 20_000, 12, form)
    assert outofcore.generate(tmp_path, 20_000, 12, form) == path
    found = outofcore.compare(path)
    assert max(found["coef"], found["errors"], found["alphas"]) < 1e-9 and found["same_alpha"]
    assert outofcore.read(path)["seconds"] > 0.0
    fitted = outofcore.fit(path)
    assert fitted["gap"] <= 1e-4 and fitted["non_zero"] >= 2
    outofcore.drop(path)


# ---------------------------------------------------------------- the race


class Shape:
    shape = (60, 3)


def problem(target=1e-3):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = X @ [1.0, 0.0, -1.0] + 0.1 * rng.standard_normal(60)
    return blocks.Problem(Shape(), None, [(X[:30], y[:30]), (X[30:], y[30:])], 0.0, 0.1, target)


def test_only_answers_at_the_target_count():
    given = problem()
    X, y = (np.concatenate(each) for each in zip(*given.chunks, strict=True))
    best = np.linalg.solve(X.T @ X / 60 + 0.1 * np.eye(3), X.T @ y / 60)
    least, null = given.objective(best), given.objective(np.zeros(3))
    assert given.objective(best + 1e-3) > least

    def runs(_):
        yield "never", lambda: iter([np.zeros(3)])
        yield "nan", lambda: iter([np.full(3, np.nan)])
        yield "late", lambda: iter([np.zeros(3), best])

    seconds, gap, setting = blocks.best(given, runs, least, null, None)
    assert setting == "late" and gap <= 1e-12 and np.isfinite(seconds)
    seconds, gap, setting = blocks.best(given, runs, least, null, "never")
    assert setting == "never" and gap == pytest.approx(1 - least / null) and math.isinf(seconds)


# ---------------------------------------------------------------- the cost model


@pytest.mark.parametrize("n", [10, 100, 1000, 10**5])
@pytest.mark.parametrize("workers", [1, 2, 10, 300])
def test_the_simulation_agrees_with_the_formula(n, workers):
    m = 10**9 // n
    rates = cost_model.DEFAULT
    formula = cost_model.cost(m, n, workers, rates).seconds
    drawn = cost_model.simulate(m, n, workers, rates, spread=0.0)
    assert drawn == pytest.approx(formula, rel=0.35)


def test_the_model_counts_what_it_says():
    rates = cost_model.DEFAULT
    one = cost_model.cost(10**6, 100, 1, rates)
    assert one.route == "moments" and one.bytes_read == 8e8 and one.messages == 0
    assert one.multiplications == pytest.approx(10**6 * 100**2 / 2, rel=1e-3)
    wide = cost_model.cost(10**6, 10**5, 10, rates)
    assert wide.route == "passes" and wide.bytes_read == 8e11 * cost_model.PASSES
    seconds = [cost_model.cost(10**10, 100, w, rates).seconds for w in cost_model.WORKERS]
    assert seconds == sorted(seconds, reverse=True)
    lines = list(cost_model.table(rates))
    assert len(lines) == 2 + len(cost_model.ROWS) * len(cost_model.FEATURES)
    assert len({line.count("|") for line in lines}) == 1


def test_the_model_knows_the_constants_of_the_package():
    from fastreg import statistics
    from fastreg.sources import cluster

    assert cost_model.FAN == cluster._FAN and cost_model.MOST_MOMENTS == statistics.MOST_MEMORY


@needs_jit
@pytest.mark.thorough
@pytest.mark.parametrize("family", ["binomial", "gamma", "tweedie", "negative_binomial"])
def test_a_path_of_a_loss_of_more_data_than_a_fit_holds(tmp_path, monkeypatch, family):
    from benchmarks import outofcore_losses as losses

    monkeypatch.setattr(outofcore, "STEP", 3000)
    path = outofcore.generate(tmp_path, 20_000, 12, "npy")
    found = losses.fit(path, family, 1e-4, 0)
    assert found["reads"] <= 8 and found["gap"] <= 1e-4
    if family == "binomial":
        found = losses.fit(path, family, 1e-4, 5)
        assert found["reads"] <= 11 and found["gap"] <= 1e-4
    found = losses.fit(path, family, 1e-7, 0)
    assert found["reads"] <= 14 and found["gap"] <= 1e-7
    assert losses.compare(path, family) <= 1e-8
