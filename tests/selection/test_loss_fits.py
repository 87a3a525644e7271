"""Cross-validation of losses that are no squares: mean deviance of rows that fits have not seen."""

import dataclasses
import warnings

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit
from sklearn.exceptions import ConvergenceWarning

import fastreg

pytestmark = needs_jit


def problem(seed=0, m=90, n=6):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    y = (rng.random(m) < 1 / (1 + np.exp(-X[:, 0] + 0.5))) * 1.0
    return X, y, rng.uniform(0.5, 2.0, m), rng.standard_normal(m)


def refitted(X, y, w, offset, splits, alphas):
    """(K, F): by fits to the rows of a fold alone, and the formula as it stands."""
    out = []
    for train, test in splits:
        path = fastreg.path(
            X[train], y[train], family="binomial", alphas=alphas, tol=1e-11,
            sample_weight=w[train], offset=offset[train],
        )  # fmt: skip
        z = offset[test, None] + path.predict(X[test])
        lost = np.logaddexp(0.0, z) - y[test, None] * z
        out.append(2.0 * w[test] @ lost / w[test].sum())
    return np.array(out).T


def test_errors_are_mean_deviances_of_refits():
    X, y, w, offset = problem()
    rng = np.random.default_rng(1)
    fold = rng.permutation(len(y)) % 3
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    path = fastreg.path(
        X, y, family="binomial", alphas=6, tol=1e-10, sample_weight=w, offset=offset
    )
    chosen = path.select("cv", cv=splits)
    expected = refitted(X, y, w, offset, splits, path.alphas)
    np.testing.assert_allclose(chosen.values, expected.mean(axis=1), rtol=1e-8)
    assert chosen.index == np.argmin(expected.mean(axis=1))
    assert chosen.certificate.converged and (chosen.certificate.gap <= 1e-10).all()
    assert path.select("1se", cv=splits).alpha >= chosen.alpha


@pytest.mark.parametrize("factor", [None, 0.0])
@pytest.mark.parametrize("storage", [np.asfortranarray, scipy.sparse.csr_matrix])
def test_folds_of_a_wide_ridge_are_those_of_its_columns(storage, factor, monkeypatch):
    """One rotation serves all folds; `seen` has coefficients of X."""
    from fastreg.problems import smooth
    from fastreg.selection import wide_ridges

    X, y, w, offset = problem(3, 40, 90)
    factors = np.ones(90) if factor is None else np.where(np.arange(90) < 2, factor, 2.0)
    own = {"sample_weight": w, "offset": offset, "penalty_factor": factors, "l1_ratio": 0.0}
    alphas = [1.0, 0.1, 0.01]
    path = fastreg.path(storage(X), y, family="binomial", alphas=alphas, tol=1e-10, **own)
    plain = {score: path.select("cv", cv=4, score=score) for score in ("deviance", "auc")}
    monkeypatch.setattr(smooth, "_WHOLE", 0)
    rotated = []
    back = wide_ridges.WideRidge.back
    monkeypatch.setattr(
        wide_ridges.WideRidge, "back", lambda *given: rotated.append(1) or back(*given)
    )
    for score, expected in plain.items():
        found = path.select("cv", cv=4, score=score)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-6)
        assert found.certificate.converged
    assert len(rotated) == 4


def test_a_rotation_that_slips_is_told(monkeypatch):
    from fastreg.problems import smooth
    from fastreg.selection import wide_ridges
    from fastreg.selection.loss_fits import LossFits

    X, y, _, _ = problem(3, 40, 90)
    path = fastreg.path(X, y, family="binomial", alphas=[0.1], l1_ratio=0.0)
    monkeypatch.setattr(smooth, "_WHOLE", 0)
    assert path.select("cv", cv=4).certificate.converged
    verdict, error, fitted = LossFits.verdict, wide_ridges._error, []
    monkeypatch.setattr(wide_ridges, "_error", lambda *given: error(*given) + 1e-3)
    monkeypatch.setattr(
        LossFits, "verdict", lambda self, *given: fitted.append(self.wide) or verdict(self, *given)
    )
    assert path.select("cv", cv=4).certificate.converged
    assert [each is None for each in fitted] == [False, True] * 4  # to X, where that is not enough


def test_the_error_of_a_rotation_is_measured(monkeypatch):
    """That of K and ZZᵀ, by vectors that neither has seen."""
    from fastreg.design import as_design
    from fastreg.losses import Logistic
    from fastreg.objectives import Objective
    from fastreg.penalties import L1
    from fastreg.problems import rotated, smooth
    from fastreg.selection.wide_ridges import WideRidge

    monkeypatch.setattr(smooth, "_WHOLE", 0)
    X, y, _, _ = problem(3, 40, 90)
    X = X * np.geomspace(0.3, 30.0, 90) + 5.0
    objective = Objective(np.full((90, 1), 2.0), L1(0.0), strength=np.ones(1), loss=Logistic())
    found = WideRidge.of(as_design(X), y, objective)
    Z = found.X.matrix
    centred = X - X.mean(axis=0)
    truth = np.linalg.norm(centred @ centred.T / 2.0 - Z @ Z.T, 2)
    assert truth <= found.error <= 1e-12 * np.linalg.norm(Z) ** 2
    monkeypatch.setattr(rotated, "_RANK", 0.2)  # directions that are left out are seen
    rough = WideRidge.of(as_design(X), y, objective)
    Z = rough.X.matrix
    truth = np.linalg.norm(centred @ centred.T / 2.0 - Z @ Z.T, 2)
    assert rough.X.shape[1] < found.X.shape[1] and truth <= rough.error <= 300 * truth


@pytest.mark.parametrize("case", ["constant", "blocks", "column", "weight"])
def test_a_wide_ridge_that_cannot_be_rotated_is_fitted_to_its_rows(case, monkeypatch):
    """A column of 1e8, or a row, leaves nothing of the others in a kernel."""
    from fastreg.selection import wide_ridges

    rng, intercept, w = np.random.default_rng(1), True, None
    X = rng.standard_normal((40, 600))
    y = rng.poisson(np.exp(X[:, :20].sum(axis=1) / 8) + 1.0).astype(float)
    if case == "constant":
        y = np.ones(40)
    elif case == "blocks":
        X, intercept = np.kron(np.eye(40), np.ones((1, 15))) * rng.uniform(1, 2, 600), False
    elif case == "column":
        X[:, -1] *= 1e8
    else:
        X[3], w = 1e8 * X[3], (np.arange(40) != 3) * 1.0
    model = fastreg.PoissonRegressorCV(alphas=[3.0, 30.0, 300.0], cv=3, fit_intercept=intercept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(X, y, w)
        monkeypatch.setattr(wide_ridges.WideRidge, "of", lambda *given: None)
        plain = fastreg.PoissonRegressorCV(
            alphas=[3.0, 30.0, 300.0], cv=3, fit_intercept=intercept
        ).fit(X, y, w)
    met = found.cv_certificate_.met & plain.cv_certificate_.met
    np.testing.assert_allclose(
        found.deviance_path_[met], plain.deviance_path_[met], rtol=2e-4, atol=1e-9
    )
    assert (plain.cv_certificate_.met == found.cv_certificate_.met).all()


def test_a_fold_of_one_class_is_refused():
    X, y, _, _ = problem()
    path = fastreg.path(X, y, family="binomial", alphas=3)
    ones = np.flatnonzero(y == 1.0)
    with pytest.raises(ValueError, match="y is 1 everywhere"):
        path.select("cv", cv=[(ones[2:], ones[:2])])


def test_a_fit_that_misses_its_gap_is_told():
    X, y, _, _ = problem()
    path = fastreg.path(X, y, family="binomial", alphas=3, tol=1e-10)
    hurried = dataclasses.replace(path, data=dataclasses.replace(path.data, max_iter=1))
    with pytest.warns(fastreg.ConvergenceWarning, match="training fits reached"):
        hurried.select("cv", cv=3)


@pytest.mark.parametrize("storage", [np.asarray, scipy.sparse.csr_matrix])
def test_deviances_that_rounding_has_changed_are_told(storage):
    """Of columns at 1e12 predictions keep four digits; at 1e3 all that is asked."""
    X, y, _, _ = problem()
    alphas = [0.1, 0.01]
    near, far = (
        fastreg.path(storage(X + offset), y, family="binomial", alphas=alphas, tol=1e-3)
        for offset in (1e3, 1e12)
    )
    assert near.select("cv", cv=3).certificate.converged
    with pytest.warns(fastreg.ConvergenceWarning, match="errors that choose alpha may be wrong"):
        assert not far.select("cv", cv=3).certificate.converged


def test_folds_of_two_classes_are_those_of_scikit_learn(rng):
    from sklearn.model_selection import StratifiedKFold

    from fastreg.selection.folds import stratified

    for m, share, k in ((50, 0.3, 5), (23, 0.5, 4), (97, 0.1, 3)):
        y = np.sort(rng.random(m) < share)[:: rng.choice([-1, 1])] * 1.0
        y = rng.permutation(y) if m == 97 else y
        own = stratified(k, y)
        theirs = StratifiedKFold(k).split(np.zeros((m, 1)), y)
        for (train, test), (other, held) in zip(own, theirs, strict=True):
            np.testing.assert_array_equal(train, other)
            np.testing.assert_array_equal(test, held)


def test_a_number_of_folds_of_two_classes_is_stratified():
    X, y, _, _ = problem()
    order = np.argsort(y, kind="stable")
    path = fastreg.path(X[order], y[order], family="binomial", alphas=3)
    assert path.select("cv", cv=3).certificate.converged
    with pytest.raises(ValueError, match="cv must be from 2 to 3, the rows of the smaller class"):
        fastreg.path(X[:20], np.arange(20) < 3, family="binomial", alphas=3).select("cv", cv=5)


@pytest.mark.parametrize("gamma", [0.0, 0.4])
@pytest.mark.parametrize("score", ["deviance", "auc"])
def test_relaxed_folds_are_relaxed_refits(gamma, score):
    X, y, w, offset = problem(m=160)
    fold = np.arange(len(y)) % 3
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    path = fastreg.path(
        X, y, family="binomial", alphas=6, eps=0.1, sample_weight=w, offset=offset, tol=1e-10
    ).relax(gamma)
    chosen = path.select("cv", cv=splits, score=score)
    expected = []
    for train, test in splits:
        own = fastreg.path(
            X[train], y[train], family="binomial", alphas=path.alphas, tol=1e-11,
            sample_weight=w[train], offset=offset[train],
        ).relax(gamma)  # fmt: skip
        z = offset[test, None] + own.predict(X[test])
        if score == "auc":
            from sklearn.metrics import roc_auc_score

            expected.append(
                [1.0 - roc_auc_score(y[test], each, sample_weight=w[test]) for each in z.T]
            )
        else:
            lost = np.logaddexp(0.0, z) - y[test, None] * z
            expected.append(2.0 * w[test] @ lost / w[test].sum())
    np.testing.assert_allclose(chosen.values, np.mean(expected, axis=0), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_as_exact_as_rounding_allows_is_certain(family, ratio):
    """tol=0: every deviance has a bound, as squared errors have."""
    X, y, w, offset = problem()
    path = fastreg.path(
        X, y, family=family, alphas=5, l1_ratio=ratio, tol=0.0, sample_weight=w, offset=offset
    )
    found = path.select("cv", cv=3).certificate
    assert found.converged and found.bound.max() < 1e-7
    assert "certain to" in str(found)


def test_a_fit_that_is_stopped_says_by_how_much_its_error_may_be_wrong():
    X, y, _, _ = problem()
    common = {"family": "binomial", "alphas": [0.1, 0.01]}
    exact = fastreg.path(X, y, tol=0.0, **common).select("cv", cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.path(X, y, tol=1e-12, max_iter=2, **common)
        found = path.select("cv", cv=3)
    assert not found.certificate.converged
    bound, off = found.certificate.bound.mean(axis=1), np.abs(found.values / exact.values - 1.0)
    assert (np.isfinite(found.certificate.bound) | found.certificate.met).all()
    missed = ~found.certificate.met.any(axis=1)
    assert missed.any() and (off <= 1.01 * bound)[missed].all() and off.max() > 0.0


def test_a_loss_that_says_nothing_of_its_third_derivative_has_no_bound(monkeypatch):
    from fastreg.certificate import held_out_losses
    from fastreg.losses import Traits

    X, y, _, _ = problem()
    path = fastreg.path(X, y, family="binomial", alphas=[0.1], tol=0.0)
    monkeypatch.setattr(held_out_losses, "traits", lambda loss: Traits(affine=True))
    with pytest.warns(ConvergenceWarning, match="by an unknown amount"):
        path.select("cv", cv=3)
