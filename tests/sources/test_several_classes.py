"""The multinomial loss of rows in blocks: that of rows in memory."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

import fastreg
from fastreg.certificate import certify_coupled
from fastreg.design import as_design
from fastreg.sources.row_folds import Folds

pytestmark = needs_jit
ROWS, COLUMNS, CLASSES, SIZE = 3000, 7, 3, 700


def problem(seed=0, classes=CLASSES, spread=2.0):
    """X of columns of all sizes, labels that are whole numbers, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((ROWS, COLUMNS)) + rng.standard_normal(COLUMNS)
    B = rng.standard_normal((COLUMNS, classes)) * (spread / np.sqrt(COLUMNS))
    y = (X @ B + rng.gumbel(size=(ROWS, classes))).argmax(axis=1)
    return X * 10.0 ** rng.uniform(-2, 2, COLUMNS), y * 2.0 + 3.0, rng.integers(0, 3, ROWS) * 1.0


def blocks(X, y, w=None, size=SIZE, **options):
    some = [slice(a, a + size) for a in range(0, len(y), size)]
    parts = [(X[i], y[i]) if w is None else (X[i], y[i], w[i]) for i in some]
    return fastreg.read(parts, **options)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_path_by_reads_is_that_of_memory(ratio, make, intercept):
    X, y, w = problem()
    X = np.where(np.abs(X) < 0.5, 0.0, X) if make is sp.csr_matrix else X
    options = {"family": "multinomial", "l1_ratio": ratio, "fit_intercept": intercept, "tol": 1e-9}
    alphas = {"alphas": 8} if ratio else {"alphas": [1.0, 0.1, 0.01]}
    found = fastreg.path(blocks(make(X), y, w), **alphas, **options)
    own = fastreg.path(X, y, alphas=found.alphas, sample_weight=w, **options)
    assert found.certificate.converged and found.classes.tolist() == [3, 5, 7]
    np.testing.assert_allclose(
        found.certificate.objective, own.certificate.objective, rtol=1e-9, atol=1e-10
    )
    if ratio:
        np.testing.assert_allclose(
            found.alphas[0], fastreg.path(X, y, alphas=8, sample_weight=w, **options).alphas[0]
        )
    # The bound of one read is never below that of rows at hand, but for rounding.
    Y = np.eye(CLASSES)[np.searchsorted(found.classes, y)]
    again = certify_coupled(
        as_design(X), Y, found.coefs, found.intercepts, _asked(own, found.alphas), tol=0.0,
        method="", passes=0,
    )  # fmt: skip
    assert (again.relative_gap <= 1e-9).all()


def _asked(path, alphas):
    objective = path.data.objective
    return objective.__class__(**{**objective.__dict__, "strength": alphas})


@pytest.mark.parametrize("size", [0.0, 1e-6, 1e-3, 0.3])
def test_gaps_of_one_read_are_bounds(size, rng):
    """Points near and far, of all rows and of training sets, before fits of rows at hand."""
    from fastreg.certificate import certify_source_of_loss
    from fastreg.certificate.coupled import null_levels, values
    from fastreg.certificate.smooth_blocks import Claims

    X, y, w = problem()
    X, folds, strengths = X / X.std(axis=0), 3, np.geomspace(0.1, 1e-3, 4)
    labels = np.unique(y)
    Y = np.eye(CLASSES)[np.searchsorted(labels, y)]
    coefs, levels, best, null = [], [], [], []
    for f in range(-1, folds):
        seen = (np.arange(ROWS) % folds != f) if f >= 0 else np.ones(ROWS, bool)
        path = fastreg.path(
            X[seen], y[seen], family="multinomial", l1_ratio=0.5, alphas=strengths,
            sample_weight=w[seen], tol=1e-12,
        )  # fmt: skip
        level = null_levels(Y[seen], w[seen], None, fit_intercept=True)
        lost = w[seen] @ values(np.tile(level, (seen.sum(), 1, 1)), Y[seen])
        coefs.append(path.coefs), levels.append(path.intercepts), null.append((level, lost))
        best.append(path.certificate.objective)
        null[-1] = level, float(lost[0]) / w[seen].sum()
    near = np.concatenate(coefs, axis=2)
    near = near * (1.0 + size * rng.standard_normal(near.shape))
    moved = np.hstack(levels) + size * rng.standard_normal((CLASSES, 1))
    claims = Claims(
        X.mean(axis=0), np.ones(COLUMNS), np.zeros(COLUMNS, bool), np.array([b for b, _ in null])
    )
    found, held = certify_source_of_loss(
        blocks(X, y, w), near, moved, _asked(path, np.tile(strengths, folds + 1)), claims,
        Folds(folds), np.repeat(np.arange(-1, folds), 4), labels, tol=1.0, method="", passes=0,
    )  # fmt: skip
    scale = np.repeat([each for _, each in null], 4)
    above = found.objective - np.concatenate(best)
    assert (above <= found.gap * scale + 1e-12).all() and (above >= -1e-10).all()
    if size == 0.0:
        assert found.relative_gap.max() < 1e-6
    for q in range(4 * folds):
        out = np.arange(ROWS) % folds == q // 4
        z = X[out] @ near[:, :, 4 + q] + moved[:, 4 + q]
        expected = 2.0 * (w[out] @ values(z[:, None], Y[out])[:, 0]) / w[out].sum()
        np.testing.assert_allclose(held[0, q], expected, rtol=1e-9)


def test_blocks_and_dask_give_the_coefficients_of_memory():
    da = pytest.importorskip("dask.array")
    X, y, w = problem()
    X = X / X.std(axis=0)
    given = [da.from_array(each, chunks=(600, *each.shape[1:])) for each in (X, y, w)]
    for ratio in (0.0, 1.0):
        options = {"C": 0.1, "l1_ratio": ratio, "tol": 1e-14}
        own = fastreg.LogisticRegression(**options).fit(X, y, w)
        for rows in (given, [blocks(X, y, w)]):
            model = fastreg.LogisticRegression(**options).fit(*rows)
            np.testing.assert_allclose(model.coef_, own.coef_, rtol=0, atol=1e-10)
            np.testing.assert_allclose(model.intercept_, own.intercept_, rtol=0, atol=1e-10)
            np.testing.assert_array_equal(model.predict(X), own.predict(X))
            assert model.classes_.tolist() == [3, 5, 7] and model.certificate_.converged


def test_cross_validation_by_reads_is_that_of_memory():
    X, y, _ = problem()
    options = {"Cs": [1e-3, 1e-2, 0.1], "l1_ratios": [0.0, 1.0], "tol": 1e-9}
    found = fastreg.LogisticRegressionCV(cv=4, **options).fit(blocks(X, y))
    fold = [(np.flatnonzero(np.arange(ROWS) % 4 != f), np.arange(f, ROWS, 4)) for f in range(4)]
    own = fastreg.LogisticRegressionCV(cv=fold, **options).fit(X, y)
    np.testing.assert_allclose(found.scores_, own.scores_, rtol=1e-6)
    assert found.coefs_paths_.shape == own.coefs_paths_.shape
    assert (found.C_, found.l1_ratio_) == (own.C_, own.l1_ratio_)
    assert found.cv_certificate_.converged
    np.testing.assert_allclose(found.coef_, own.coef_, atol=1e-4 * np.abs(own.coef_).max())


def test_blocks_do_not_change_the_answer():
    X, y, w = problem()
    fits = [
        fastreg.LogisticRegression(C=0.1, tol=1e-12).fit(blocks(X, y, w, size))
        for size in (100, 700, ROWS)
    ]
    for each in fits[1:]:
        np.testing.assert_allclose(each.coef_, fits[0].coef_, rtol=1e-8)


def test_a_class_so_rare_that_the_sample_has_none_of_it():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((20_000, 2))
    y = (X[:, 0] > 0) * 1.0
    y[:3] = 2.0
    model = fastreg.LogisticRegression(C=0.01, tol=1e-8).fit(blocks(X, y, size=5000))
    own = fastreg.LogisticRegression(C=0.01, tol=1e-8).fit(X, y)
    assert model.certificate_.converged and len(model.classes_) == 3
    np.testing.assert_allclose(model.coef_, own.coef_, atol=1e-4)


def test_texts_are_labels(tmp_path):
    import pandas as pd

    X, y, _ = problem()
    frame = pd.DataFrame(X, columns=list("abcdefg")).assign(
        y=np.array([*"qrs"])[(y - 3).astype(int) // 2]
    )
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for memory in (0, 1 << 29):
        source = fastreg.read(tmp_path / "rows.csv", "y", labels=True, memory=memory)
        model = fastreg.LogisticRegression(C=0.1).fit(source)
        assert model.classes_.tolist() == ["q", "r", "s"] and model.coef_.shape == (3, 7)
        assert np.mean(model.predict(frame[[*"abcdefg"]]) == frame["y"]) > 0.5


def test_a_saved_path_comes_back(tmp_path):
    X, y, _ = problem()
    path = fastreg.path(blocks(X, y), family="multinomial", alphas=5)
    fastreg.save_model(path, tmp_path / "path.npz")
    again = fastreg.load_model(tmp_path / "path.npz")
    np.testing.assert_array_equal(again.coefs, path.coefs)
    assert again.classes.tolist() == [3, 5, 7]
    chosen = path.select("cv", cv=4)
    own = fastreg.path(X, y, family="multinomial", alphas=path.alphas)
    fold = [(np.flatnonzero(np.arange(ROWS) % 4 != f), np.arange(f, ROWS, 4)) for f in range(4)]
    np.testing.assert_allclose(chosen.alpha, own.select("cv", cv=fold).alpha)


def test_what_is_wrong_is_said():
    X, y, w = problem()
    fit = fastreg.LogisticRegression().fit
    with pytest.raises(ValueError, match=r"y of .* is 3 and 5: give two classes as 0 and 1"):
        fit(blocks(X[y < 7], y[y < 7]))
    with pytest.raises(ValueError, match="whole numbers for 1000 classes at most"):
        fit(blocks(X, np.arange(ROWS) * 1.0))
    with pytest.raises(ValueError, match="whole numbers for 1000 classes at most"):
        fit(blocks(X, 2.0**53 + np.arange(ROWS) % 6))
    with pytest.raises(ValueError, match="family='binomial' where rows are read in blocks"):
        fastreg.path(blocks(X, (y > 4) * 1.0), family="multinomial")
    with pytest.raises(ValueError, match="7 features and 900 classes, and fits by blocks are for"):
        fit(blocks(X, np.arange(ROWS) % 900 * 1.0))
    own = y.copy()
    own[2] = 9.0
    with pytest.raises(ValueError, match="class 9 has no row outside fold 2"):
        fastreg.LogisticRegressionCV(cv=4).fit(blocks(X, own))
    with pytest.raises(ValueError, match="offset is for two classes"):
        fit(blocks(X, np.c_[y, w]), offset=1)


def test_folds_that_small_sparse_blocks_have_no_row_of():
    X, y, _ = problem()
    X, y = sp.csr_matrix(np.where(X[:60] > 0.0, X[:60], 0.0)), y[:60]
    some = [(X[i : i + 2], y[i : i + 2]) for i in range(0, 60, 2)]
    model = fastreg.LogisticRegressionCV(Cs=[0.1], l1_ratios=[0.0], cv=3).fit(fastreg.read(some))
    own = fastreg.LogisticRegression(C=0.1).fit(X, y)
    np.testing.assert_allclose(model.coef_, own.coef_, atol=1e-3 * np.abs(own.coef_).max())


def test_classes_told_apart_with_certainty_are_warned_of():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((600, 2))
    several = np.argmax(X @ rng.standard_normal((2, 3)), axis=1)
    with pytest.warns(fastreg.ConvergenceWarning, match="rows of class . are told apart"):
        fastreg.LogisticRegression(C=np.inf).fit(blocks(X, several, size=200))
    with pytest.warns(fastreg.ConvergenceWarning, match="the data is separable"):
        fastreg.LogisticRegression(C=np.inf).fit(blocks(X, (X[:, 0] > 0) * 1.0, size=200))
    mixed = (several + (rng.random(600) < 0.2)) % 3
    model = fastreg.LogisticRegression(C=np.inf).fit(blocks(X, mixed, size=200))
    assert model.certificate_.converged


def test_slopes_are_small_beside_the_weakest_penalty():
    """A large column has a weak penalty in units of its own: all of a gap of 0.4 was left."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3)) * [1.0, 1e-3, 1e3]
    z = 0.3 * (X / X.std(axis=0)) @ rng.standard_normal((3, 4))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    model = fastreg.LogisticRegression(C=100.0, l1_ratio=1.0, tol=0.01)
    assert model.fit(blocks(X, y, size=60)).certificate_.converged
