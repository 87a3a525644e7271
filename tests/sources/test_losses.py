"""Losses other than squares of rows in blocks: those of rows in memory."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

import fastreg
from fastreg import losses
from fastreg.certificate import certify
from fastreg.design import as_design
from fastreg.grids import Grid
from fastreg.objectives import Objective, family_of
from fastreg.penalties import L1
from fastreg.solvers import solve_source

pytestmark = needs_jit
FOLDS, ROWS = 4, 3000
TWEEDIE, VARIED = losses.Tweedie(1.5), losses.NegativeBinomial(2.0)
FAMILIES = ["binomial", "poisson", "gamma", "squared_hinge", TWEEDIE, VARIED]


def problem(family, n=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((ROWS, n)) * 10.0 ** rng.uniform(-2, 2, n) + rng.standard_normal(n)
    z = ((X - X.mean(axis=0)) / X.std(axis=0)) @ (rng.standard_normal(n) * (rng.random(n) < 0.6))
    if family in ("binomial", "squared_hinge"):
        y = (rng.random(ROWS) < 1.0 / (1.0 + np.exp(-z))) * 1.0
    elif family == "gamma":
        y = np.exp(0.4 * z) * rng.gamma(2.0, 0.5, ROWS)
    else:
        y = rng.poisson(np.exp(0.4 * z)) * 1.0
        y = y * rng.gamma(2.0, 0.5, ROWS) if family == TWEEDIE else y
    return X, y, rng.integers(0, 3, ROWS) * 1.0


def blocks(X, y, w=None, size=700):
    some = [slice(a, a + size) for a in range(0, len(y), size)]
    parts = [(X[i], y[i]) if w is None else (X[i], y[i], w[i]) for i in some]
    return fastreg.read(parts)


def objective(n, family, ratio=1.0, intercept=True):
    penalty = L1(np.full(n, ratio))
    return Objective(
        np.full((1, 1), 1.0 - ratio), penalty, None, intercept, None, family_of(family)
    )


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_path_by_reads_is_that_of_memory(family, ratio, make, intercept):
    X, y, w = problem(family)
    X = np.where(np.abs(X) < 0.5, 0.0, X) if make is sp.csr_matrix else X
    grid = Grid(20, 1e-2, L1(np.full(12, ratio)))
    found = solve_source(
        blocks(make(X), y, w), objective(12, family, ratio, intercept), tol=1e-8, grid=grid
    )
    assert found.certificate.converged and found.certificate.passes <= 25
    own = fastreg.path(
        X, y, family=family, l1_ratio=ratio, alphas=found.strength, sample_weight=w, tol=1e-8,
        fit_intercept=intercept,
    )  # fmt: skip
    np.testing.assert_allclose(
        found.certificate.objective, own.certificate.objective, rtol=1e-7, atol=1e-9
    )
    # The bound of one read is a bound: never below that of rows at hand, but for rounding.
    again = certify(
        as_design(X), y[:, None], found.coef, found.intercept, own.data.objective.__class__(
            **{**own.data.objective.__dict__, "strength": found.strength}
        ), tol=0.0, method="", passes=0,
    )  # fmt: skip
    assert (found.certificate.gap >= again.gap - 1e-13).all()
    np.testing.assert_allclose(found.certificate.objective, again.objective, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_reads_are_few(family):
    X, y, _ = problem(family)
    grid = Grid(100, 1e-3, L1(np.ones(12)))
    for tol, most in ((1e-4, 8), (1e-7, 14)):
        found = solve_source(blocks(X, y), objective(12, family), tol=tol, grid=grid)
        assert found.certificate.converged and found.certificate.passes <= most


def test_the_same_bits_for_any_blocks_of_a_piece_and_any_threads():
    X, y, _ = problem("binomial")
    fits = []
    for threads in (1, 2):
        fastreg.set_num_threads(threads) if hasattr(fastreg, "set_num_threads") else None
        fits.append(fastreg.LogisticRegression(C=0.1).fit(blocks(X, y)).coef_)
    np.testing.assert_array_equal(*fits)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_estimators_read_blocks(ratio):
    X, y, w = problem("binomial")
    X = X / X.std(axis=0)
    options = {"C": 0.05, "l1_ratio": ratio, "tol": 1e-12}
    model = fastreg.LogisticRegression(**options).fit(blocks(X, y, w))
    own = fastreg.LogisticRegression(**options).fit(X, y, w)
    np.testing.assert_allclose(model.coef_, own.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), own.predict_proba(X), atol=1e-5)
    assert model.classes_.tolist() == [0, 1] and model.certificate_.converged
    np.testing.assert_allclose(
        model.decision_function(blocks(X, y)), own.decision_function(X), atol=1e-4
    )


def test_folds_share_the_reads():
    X, y, w = problem("binomial")
    X, fold = X / X.std(axis=0), np.arange(ROWS) % FOLDS
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(FOLDS)]
    options = {"Cs": 6, "tol": 1e-9, "l1_ratios": [0.5, 1.0]}
    model = fastreg.LogisticRegressionCV(cv=FOLDS, **options).fit(blocks(X, y, w))
    own = fastreg.LogisticRegressionCV(cv=splits, **options).fit(X, y, w)
    np.testing.assert_allclose(model.scores_, own.scores_, rtol=1e-4)
    assert model.cv_certificate_.converged and model.cv_certificate_.gap.max() <= 1e-9
    assert model.C_ == own.C_ and model.l1_ratio_ == own.l1_ratio_
    np.testing.assert_allclose(model.coef_, own.coef_, atol=1e-4)
    X, y, w = problem("poisson")
    X = X / X.std(axis=0)
    model = fastreg.PoissonRegressorCV(cv=FOLDS, alphas=8, l1_ratio=1.0, tol=1e-9).fit(
        blocks(X, y, w)
    )
    own = fastreg.PoissonRegressorCV(cv=splits, alphas=8, l1_ratio=1.0, tol=1e-9).fit(X, y, w)
    np.testing.assert_allclose(model.deviance_path_, own.deviance_path_, rtol=1e-4)
    np.testing.assert_allclose(model.alpha_, own.alpha_)


def test_what_is_wrong_has_its_place():
    X, y, _ = problem("binomial")
    spoiled = X.copy()
    spoiled[1500, 3] = np.nan
    with pytest.raises(ValueError, match="NaN: block 2, row 100, column 3"):
        fastreg.LogisticRegression().fit(blocks(spoiled, y))
    with pytest.raises(ValueError, match=r"must be 0 or 1, got 0 to 0.7: .* for proportions set"):
        fastreg.LogisticRegression().fit(blocks(X, np.where(y > 0, 0.7, 0.0)))
    with pytest.raises(ValueError, match="y is 1 everywhere"):
        fastreg.LogisticRegression().fit(blocks(X, np.ones(ROWS)))
    with pytest.raises(ValueError, match="class_weight needs rows in memory"):
        fastreg.LogisticRegression(class_weight="balanced").fit(blocks(X, y))
    wide = fastreg.read([(sp.csr_matrix((5, 5000)), np.arange(5) % 2.0)])
    with pytest.raises(
        ValueError, match="has 5000 features, and fits of Logistic by blocks keep n²"
    ):
        fastreg.LogisticRegression().fit(wide)
    with pytest.raises(ValueError, match="it cannot be fitted to statistics"):
        fastreg.LogisticRegression().fit(fastreg.SufficientStatistics(4))


def test_unpenalised_features_are_where_a_grid_begins():
    X, y, _ = problem("binomial")
    X = X / X.std(axis=0)
    factor = np.ones(12)
    factor[3] = 0.0
    own = fastreg.path(X, y, family="binomial", penalty_factor=factor, alphas=5, tol=1e-9)
    made = objective(12, "binomial")
    made = Objective(made.l2, L1(factor), None, True, None, made.loss)
    found = solve_source(blocks(X, y), made, tol=1e-6, grid=Grid(5, 1e-3, L1(factor)))
    np.testing.assert_allclose(found.strength, own.alphas, rtol=1e-4)


def test_path_takes_a_source():
    X, y, _ = problem("binomial")
    found = fastreg.path(blocks(X, y), family="binomial", alphas=10, tol=1e-6)
    own = fastreg.path(X, y, family="binomial", alphas=10, eps=1e-3, tol=1e-6)
    np.testing.assert_allclose(found.alphas, own.alphas, rtol=1e-9)
    np.testing.assert_allclose(found.predict(X), own.predict(X), atol=0.02)
    fold = np.arange(ROWS) % FOLDS
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(FOLDS)]
    np.testing.assert_allclose(
        found.select("cv", cv=FOLDS).values, own.select("cv", cv=splits).values, rtol=1e-3
    )
    with pytest.raises(ValueError, match="offset must be the number of a target where X is a sou"):
        fastreg.path(blocks(X, y), family="binomial", offset=y)
    with pytest.raises(ValueError, match="offset=1 must be 0 or 1, and y have two columns"):
        fastreg.path(blocks(X, y), family="binomial", offset=1)
    with pytest.raises(ValueError, match="family='gaussian' needs rows in memory"):
        fastreg.path(blocks(X, y))


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_what_held_out_rows_lose_is_looked_at_twice(family):
    """By NumPy, with what rounding may change, beside the fits of rows at hand."""
    from fastreg.certificate import losses
    from fastreg.solvers.source_of_loss import validate

    X, y, w = problem(family)
    made = objective(12, family)
    made = Objective(made.l2, made.penalty, None, True, np.geomspace(0.1, 0.001, 5), made.loss)
    found = validate(blocks(X, y, w), made, 1e-9, 1000, n_folds=FOLDS)
    fold = np.arange(ROWS) % FOLDS
    for f in range(FOLDS):
        out = fold == f
        path = fastreg.path(
            X[~out], y[~out], family=family, alphas=made.strength, sample_weight=w[~out], tol=1e-12
        )
        z = path.predict(X[out])
        each = losses.divergence(made.loss, z, np.zeros(z.shape), y[out, None])
        expected = 2.0 * (w[out] @ each) / w[out].sum()
        np.testing.assert_allclose(found.deviance[:, f], expected, rtol=1e-4)
    assert (found.rounding < 1e-10).all() and (found.gap <= 1e-9).all()


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_gaps_of_training_sets_are_bounds(family, rng):
    """Points near and far, before fits of rows at hand."""
    from fastreg.certificate import certify_source_of_loss, losses
    from fastreg.certificate.intercept import null_model
    from fastreg.certificate.smooth_blocks import Claims
    from fastreg.sources.row_folds import Folds

    X, y, w = problem(family)
    made = objective(12, family, ratio=0.5)
    strengths, fold = np.geomspace(0.1, 1e-3, 6), np.arange(ROWS) % FOLDS
    points, best, null = [], [], []
    for f in range(-1, FOLDS):
        seen = fold != f
        options = {"family": family, "l1_ratio": 0.5, "sample_weight": w[seen], "tol": 1e-12}
        path = fastreg.path(X[seen], y[seen], alphas=strengths, **options)
        points.append((path.coefs, path.intercepts))
        best.append(path.certificate.objective)
        level, z = null_model(made.loss, y[seen, None], w[seen])
        lost = losses.value(made.loss, z, y[seen, None]) - losses.saturated(
            made.loss, y[seen, None]
        )
        null.append((level, float(w[seen] @ lost[:, 0]) / w[seen].sum()))
    coef = np.hstack([a for a, _ in points])
    level = np.concatenate([b for _, b in points])
    fold_of = np.repeat(np.arange(-1, FOLDS), 6)
    every = Objective(made.l2, made.penalty, None, True, np.tile(strengths, FOLDS + 1), made.loss)
    for size in (0.0, 1e-6, 1e-3, 0.3):
        near = coef * (1.0 + size * rng.standard_normal(coef.shape))
        claims = Claims(
            X.mean(axis=0), 1.0 / X.std(axis=0), np.zeros(12, bool),
            np.array([b for b, _ in null]),
        )  # fmt: skip
        found, _ = certify_source_of_loss(
            blocks(X, y, w), near, level + size, every, claims, Folds(FOLDS), fold_of,
            tol=1.0, method="", passes=0,
        )  # fmt: skip
        scale = np.repeat([each for _, each in null], 6)
        above = found.objective - np.concatenate(best)
        assert (above <= found.gap * scale + 1e-12).all()
        assert (above >= -1e-10).all()
        if size == 0.3:
            assert (above > 1e-3 * scale).any()


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_a_training_set_of_one_class_is_refused(family, tmp_path):
    X, _, _ = problem(family)
    y = np.zeros(ROWS)
    y[: ROWS // 2] = 1.0
    np.save(tmp_path / "X.npy", X), np.save(tmp_path / "y.npy", y)
    source = fastreg.read(tmp_path / "X.npy", tmp_path / "y.npy")
    path = fastreg.path(source, family=family, alphas=3)
    with pytest.raises(ValueError, match="y is 0 everywhere outside fold 0 of"):
        path.select("cv", cv=2)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("intercept", [True, False])
def test_offsets_of_blocks_are_those_of_memory(family, intercept, rng):
    X, y, w = problem(family)
    offset = rng.standard_normal(ROWS) + 0.5
    source = blocks(X, np.column_stack([offset, y]), w)
    options = {"family": family, "alphas": 12, "tol": 1e-9, "fit_intercept": intercept}
    found = fastreg.path(source, offset=0, **options)
    assert found.certificate.converged and found.certificate.passes <= 25
    own = fastreg.path(X, y, offset=offset, sample_weight=w, eps=1e-3, **options)
    np.testing.assert_allclose(found.alphas, own.alphas, rtol=1e-5)
    again = fastreg.path(
        X, y, offset=offset, sample_weight=w, **options | {"alphas": found.alphas, "tol": 1e-11}
    )
    np.testing.assert_allclose(found.predict(X), again.predict(X), atol=2e-4)
    np.testing.assert_allclose(found.certificate.null, own.certificate.null, rtol=1e-9)
    fold = np.arange(ROWS) % FOLDS
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(FOLDS)]
    np.testing.assert_allclose(
        found.select("cv", cv=FOLDS).values, again.select("cv", cv=splits).values, rtol=1e-5
    )


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_estimators_take_the_offset_of_a_source(memory, tmp_path, rng):
    """The same answer whether rows are read into memory or not."""
    X, y, _ = problem("poisson")
    offset = rng.standard_normal(ROWS)
    np.save(tmp_path / "X.npy", X), np.save(tmp_path / "y.npy", np.column_stack([y, offset]))
    source = fastreg.read(tmp_path / "X.npy", tmp_path / "y.npy", memory=memory)
    found = fastreg.PoissonRegressor(alpha=0.01, tol=1e-9).fit(source, offset=1)
    own = fastreg.PoissonRegressor(alpha=0.01, tol=1e-9).fit(X, y, offset=offset)
    np.testing.assert_allclose(found.predict(X), own.predict(X), rtol=1e-5)
    tuned = fastreg.PoissonRegressorCV(alphas=5, cv=3).fit(source, offset=1)
    other = fastreg.PoissonRegressorCV(alphas=5, cv=3).fit(X, y, offset=offset)
    np.testing.assert_allclose(tuned.deviance_path_, other.deviance_path_, rtol=1e-3)
    with pytest.raises(ValueError, match="y must have one target"):
        fastreg.PoissonRegressor().fit(fastreg.read(X, np.column_stack([y, y]), memory=0))


def test_labels_of_a_source_are_the_classes(tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y, _ = problem("binomial")
    frame = pandas.DataFrame(X, columns=[f"f{j}" for j in range(12)])
    frame["won"] = np.where(y > 0.0, "yes", "no")
    frame.to_csv(tmp_path / "d.csv", index=False)
    for memory in (0, 1 << 30):
        source = fastreg.read(tmp_path / "d.csv", "won", labels=True, memory=memory)
        model = fastreg.LogisticRegression(C=0.1).fit(source)
        assert model.classes_.tolist() == ["no", "yes"]
        assert set(model.predict(frame[[f"f{j}" for j in range(12)]])) == {"no", "yes"}


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize(("tol", "most"), [(1e-4, 8), (1e-7, 14)])
def test_a_path_of_a_hundred_takes_few_reads(family, tol, most):
    X, y, _ = problem(family)
    found = fastreg.path(blocks(X, y), family=family, alphas=100, tol=tol)
    assert found.certificate.converged and found.certificate.passes <= most


@pytest.mark.parametrize("legacy", [False, True])
def test_a_choice_by_reads_has_the_attributes_of_one_in_memory(legacy, tmp_path):
    X, y, _ = problem("binomial")
    options = {
        "Cs": 4, "cv": 3, "l1_ratios": [0.5, 1.0], "tol": 1e-9, "use_legacy_attributes": legacy,
    }  # fmt: skip
    found = fastreg.LogisticRegressionCV(**options).fit(blocks(X, y))
    fold = np.arange(ROWS) % 3
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    own = fastreg.LogisticRegressionCV(**options | {"cv": splits}).fit(X, y)
    for name in ("coefs_paths_", "scores_", "C_", "coef_"):
        theirs, ours = getattr(own, name), getattr(found, name)
        if isinstance(theirs, dict):
            (theirs,), (ours,) = theirs.values(), ours.values()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    fastreg.save_model(found, tmp_path / "m.json")
    again = fastreg.load_model(tmp_path / "m.json")
    np.testing.assert_array_equal(again.predict(X), found.predict(X))


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("shift", [None, 3.0])
def test_events_that_the_sample_does_not_have(family, shift, rng):
    """Two in a thousand rows, and a sample of 768 with none, or with one."""
    X = rng.standard_normal((20_000, 3))
    y = np.zeros(len(X))
    y[rng.choice(len(X), 40, replace=False)] = 1.0
    offset = None if shift is None else rng.standard_normal(len(X)) + shift
    given = y if offset is None else np.column_stack([y, offset])
    for move in (0, 5000):
        rows = np.roll(np.arange(len(X)), move)
        found = fastreg.path(
            blocks(X[rows], given[rows]), family=family, alphas=10, tol=1e-6,
            offset=None if offset is None else 1,
        )  # fmt: skip
        assert found.certificate.converged and found.certificate.passes <= 30
    own = fastreg.path(X, y, family=family, alphas=found.alphas, offset=offset, tol=1e-10)
    np.testing.assert_allclose(found.certificate.null, own.certificate.null, rtol=1e-8)
    np.testing.assert_allclose(found.coefs, own.coefs, atol=1e-3)


def test_a_choice_by_reads_with_a_feature_that_nothing_holds():
    X, y, _ = problem("poisson")
    factor = np.r_[0.0, np.ones(11)]
    model = fastreg.PoissonRegressorCV(alphas=4, cv=3, penalty_factor=factor, l1_ratio=1.0)
    assert model.fit(blocks(X, y)).cv_certificate_.converged


def test_an_outlier_that_is_held_out_moves_no_training_set(rng):
    """z = 60 there: e⁶⁰ must not be summed and taken away again."""
    X = rng.standard_normal((2000, 4))
    y = rng.poisson(np.exp(0.5 * X[:, 0])) * 1.0
    X[7, 0], y[7] = 120.0, 3.0
    source = blocks(X, y)
    found = fastreg.PoissonRegressorCV(alphas=[0.01], cv=4, tol=1e-8).fit(source)
    fold = np.arange(2000) % 4
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    own = fastreg.PoissonRegressorCV(alphas=[0.01], cv=splits, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(found.deviance_path_, own.deviance_path_, rtol=1e-3)


def test_one_fold_is_none():
    X, y, _ = problem("binomial")
    path = fastreg.path(blocks(X, y), family="binomial", alphas=3)
    for cv in (0, 1):
        with pytest.raises(ValueError, match="cv must be from 2"):
            path.select("cv", cv=cv)


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_an_offset_by_place_or_of_the_source(memory, tmp_path, rng):
    X, y, w = problem("poisson")
    offset = rng.standard_normal(ROWS)
    source = fastreg.read(X, np.column_stack([y, offset]), weights=w, memory=memory)
    own = fastreg.PoissonRegressor(alpha=0.01, tol=1e-9).fit(X, y, w, offset)
    model = fastreg.PoissonRegressor(alpha=0.01, tol=1e-9)
    for fit in (
        lambda: model.fit(source, None, None, 1),
        lambda: model.fit(source.with_offset(1)),
    ):
        np.testing.assert_allclose(fit().predict(X), own.predict(X), rtol=1e-4)
    with pytest.raises(ValueError, match="statistics take no offset"):
        fastreg.SufficientStatistics.collect(source.with_offset(1))
