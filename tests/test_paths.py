"""`fastreg.path`: every point certified, whatever the shape, storage, penalty and order."""

import pickle
import warnings

import numpy as np
import pytest
from conftest import JIT, STORAGES, matrix, needs_jit
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.linear_model import enet_path as sklearn_enet_path

import fastreg
from fastreg._jit import set_num_threads
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.solvers import solve, working_set


def regression(m=60, n=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + 0.5 * rng.standard_normal((m, 1))
    y = X[:, :5] @ np.array([3.0, -2.0, 1.0, 1.0, -0.5]) + rng.standard_normal(m)
    return X, y


def relative_gap(X, y, coef, alpha, intercept=True):
    """Of a lasso, from the best multiple of its residual; shares nothing with the package."""
    if intercept:
        X, y = X - X.mean(axis=0), y - y.mean()
    m, r = len(y), y - X @ coef
    scale = min(1.0, alpha * m / max(np.abs(X.T @ r).max(), 1e-300))
    primal = r @ r / (2 * m) + alpha * np.abs(coef).sum()
    return (primal - scale * (r @ y) / m + scale**2 * (r @ r) / (2 * m)) / (y @ y / (2 * m))


def shapes():
    return [(60, 150), (40, 700), (300, 30), (90, 90)] if JIT else [(20, 30)]


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
def test_every_point_of_a_path_reaches_its_gap(shape, tol):
    X, y = regression(*shape)
    found = fastreg.path(X, y, alphas=30, tol=tol)
    assert np.all(np.diff(found.alphas) < 0) and found.gaps.max() <= tol
    for k, alpha in enumerate(found.alphas):
        assert relative_gap(X, y, found.coefs[:, k], alpha) <= 1.01 * tol + 1e-14
    assert not found.coefs[:, 0].any() and found.coefs[:, 1].any()


def test_a_path_equals_its_points_fitted_alone(store):
    X, y = store(regression(50, 40)[0]), regression(50, 40)[1]
    found = fastreg.path(X, y, l1_ratio=0.7, alphas=6, tol=1e-12)
    for k, alpha in enumerate(found.alphas):
        model = fastreg.ElasticNet(alpha=alpha, l1_ratio=0.7, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(found.coefs[:, k], model.coef_, atol=2e-6)
        np.testing.assert_allclose(found.intercepts[k], model.intercept_, atol=2e-6)


def test_enet_path_agrees_with_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    y = y - y.mean()
    ours = fastreg.enet_path(X, y, l1_ratio=0.8, tol=1e-12, n_alphas=20)
    theirs = sklearn_enet_path(X, y, l1_ratio=0.8, tol=1e-12, alphas=ours[0], max_iter=100_000)
    np.testing.assert_allclose(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-4 * np.abs(theirs[1]).max())
    largest = np.abs(X.T @ y).max() / len(y) / 0.8
    np.testing.assert_allclose(ours[0], np.geomspace(largest, 1e-3 * largest, 20))
    np.testing.assert_allclose(fastreg.enet_path(X, y, l1_ratio=0.8, alphas=20)[0], ours[0])


def test_lasso_path_returns_what_scikit_learn_does():
    X, y = regression(30, 12)
    alphas, coefs, gaps = fastreg.lasso_path(X, y, n_alphas=7)
    assert alphas.shape == (7,) and coefs.shape == (12, 7) and gaps.shape == (7,)
    assert len(fastreg.lasso_path(X, y, n_alphas=7, return_n_iter=True)) == 4
    with pytest.raises(TypeError, match="whatever"):
        fastreg.lasso_path(X, y, whatever=1)


def test_paths_are_static_methods_as_in_scikit_learn():
    X, y = regression(30, 12)
    for model, own in (
        (fastreg.Lasso, fastreg.lasso_path),
        (fastreg.LassoCV, fastreg.lasso_path),
        (fastreg.ElasticNet, fastreg.enet_path),
        (fastreg.ElasticNetCV, fastreg.enet_path),
    ):
        assert model.path is own and model().path is own
    ours, theirs = fastreg.Lasso.path(X, y, n_alphas=7), fastreg.lasso_path(X, y, n_alphas=7)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_unpenalised_features_are_in_the_model_at_every_point():
    X, y = regression(80, 200)
    factor = np.ones(200)
    factor[[3, 150]] = 0.0
    found = fastreg.path(X, y, penalty_factor=factor, alphas=12, tol=1e-9)
    assert found.coefs[[3, 150]].all()
    assert np.count_nonzero(found.coefs[:, 0]) == 2, "the largest alpha holds all the others"
    least = np.linalg.lstsq(np.column_stack([X[:, [3, 150]], np.ones(80)]), y, rcond=None)[0]
    np.testing.assert_allclose(found.coefs[[3, 150], 0], least[:2], atol=1e-6)


def test_penalty_factors_are_a_change_of_units():
    X, y = regression(50, 70)
    factor = np.random.default_rng(1).uniform(0.2, 5.0, 70)
    scaled = fastreg.path(X / factor, y, alphas=8, tol=1e-12)
    found = fastreg.path(X, y, penalty_factor=factor, alphas=scaled.alphas, tol=1e-12)
    np.testing.assert_allclose(found.coefs * factor[:, None], scaled.coefs, atol=1e-5)


def test_a_positive_path_is_not_negative():
    found = fastreg.path(*regression(60, 150), positive=True, alphas=15, tol=1e-8)
    assert found.coefs.min() == 0.0 and found.gaps.max() <= 1e-8


def test_integer_weights_equal_repeated_rows():
    X, y = regression(40, 60)
    w = np.random.default_rng(2).integers(0, 4, 40)
    weighted = fastreg.path(X, y, sample_weight=w, alphas=8, tol=1e-12)
    repeated = fastreg.path(
        np.repeat(X, w, axis=0), np.repeat(y, w), alphas=weighted.alphas, tol=1e-12
    )
    np.testing.assert_allclose(weighted.coefs, repeated.coefs, atol=1e-5)


@pytest.mark.parametrize("l1_ratio", [0.0, 1e-4])
def test_a_ridge_path_has_strengths_too(l1_ratio):
    X, y = regression(50, 20)
    found = fastreg.path(X, y, l1_ratio=l1_ratio, alphas=5, tol=1e-9)
    assert np.isfinite(found.alphas).all() and found.gaps.max() <= 1e-9
    shrunk = np.abs(found.coefs).sum(axis=0)
    assert np.all(np.diff(shrunk) > 0)


def test_strengths_in_any_order_come_back_descending():
    X, y = regression(40, 60)
    found = fastreg.path(X, y, alphas=[0.01, 1.0, 0.1])
    np.testing.assert_array_equal(found.alphas, [1.0, 0.1, 0.01])


@pytest.mark.parametrize("n", [20, 700 if JIT else 20])
def test_a_path_may_end_without_a_penalty(n):
    X, y = regression(1000, n) if n > 20 else regression(60, n)
    found = fastreg.path(X, y, alphas=[0.5, 0.01, 0.0], tol=1e-8)
    least = np.linalg.lstsq(np.column_stack([X, np.ones(len(y))]), y, rcond=None)[0]
    np.testing.assert_allclose(found.coefs[:, -1], least[:-1], atol=1e-6)
    assert found.certificate.converged


def test_a_path_predicts_at_every_point():
    X, y = regression(40, 60)
    found = fastreg.path(X, y, alphas=5)
    np.testing.assert_allclose(found.predict(X), X @ found.coefs + found.intercepts, atol=1e-10)
    with pytest.raises(ValueError, match="got 59"):
        found.predict(X[:, :59])


@pytest.mark.parametrize("y", [np.ones(30), np.zeros(30)])
def test_a_constant_target_has_a_path_of_zeros(y):
    found = fastreg.path(regression(30, 10)[0], y, alphas=4)
    assert not found.coefs.any() and not found.gaps.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphas": 0}, "alphas"),
        ({"alphas": [-1.0]}, "alphas"),
        ({"alphas": [np.nan]}, "alphas"),
        ({"alphas": "many"}, "alphas"),
        ({"alphas": [1.0], "eps": 0.1}, "eps"),
        ({"eps": 2.0}, "eps"),
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"tol": -1.0}, "tol"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
        ({"max_iter": 0}, "max_iter"),
        ({"penalty_factor": [1.0]}, "penalty_factor"),
        ({"penalty_factor": -np.ones(20)}, "penalty_factor"),
        ({"solver": "magic"}, "solver"),
        ({"callback": 3}, "callback"),
    ],
)
def test_a_wrong_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        fastreg.path(*regression(30, 20), **options)


def test_a_missed_gap_is_told_with_how_far_off_it_is():
    X, y = regression(60, 150)
    with pytest.warns(
        fastreg.ConvergenceWarning, match=r"relative gap of 1.00e-10.*max_iter, now 1"
    ):
        fastreg.path(X, y, alphas=5, eps=1e-3, tol=1e-10, max_iter=1)


def test_a_path_tells_how_far_it_is(capsys):
    told = []
    fastreg.path(*regression(60, 700 if JIT else 40), alphas=20, callback=lambda *a: told.append(a))
    assert told == sorted(told) and told[-1] == (20, 20) and len(told) > 2
    assert capsys.readouterr().err == ""
    fastreg.path(*regression(30, 10), alphas=20, verbose=True)
    assert capsys.readouterr().err.endswith("] 100 % 20/20\n")


def test_X_and_y_are_not_changed():
    X, y = regression(40, 60)
    before = X.copy(), y.copy()
    fastreg.path(X, y, alphas=4)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


@needs_jit
@pytest.mark.parametrize("shape", [(60, 9000), (400, 900)])
def test_a_path_has_the_same_bits_for_any_number_of_threads(shape):
    X, y = regression(*shape)
    found = set()
    for threads in (1, 2, 5):
        set_num_threads(threads)
        result = fastreg.path(X, y, alphas=10)
        found.add(result.coefs.tobytes() + result.gaps.tobytes())
    set_num_threads(None)
    assert len(found) == 1


@needs_jit
def test_a_wrong_gram_matrix_is_found_out(monkeypatch):
    """The check on probation: an error of 1e-6 in one product must not certify itself."""
    X, y = regression(300, 30)
    original = working_set.WorkingSet.extend

    def spoiled(self, new):
        original(self, new)
        self._gram[2, 3] *= 1 + 1e-6
        self._gram[3, 2] *= 1 + 1e-6

    honest = fastreg.path(X, y, alphas=20, tol=1e-12)
    monkeypatch.setattr(working_set.WorkingSet, "extend", spoiled)
    found = fastreg.path(X, y, alphas=20, tol=1e-12)
    assert found.gaps.max() <= 1e-12, "solved again, against X"
    assert found.certificate.passes > honest.certificate.passes


@needs_jit
def test_a_whole_gram_matrix_spares_reads_of_X():
    X, y = as_design(regression(2000, 50)[0]), regression(2000, 50)[1]
    strengths = np.geomspace(1.0, 1e-3, 40)
    objective = Objective(np.zeros((1, 1)), L1(1.0), strength=strengths)
    assert solve(X, y[:, None], objective, tol=1e-6).certificate.passes <= 6


@settings(max_examples=60 if JIT else 5, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    l1_ratio=st.sampled_from([0.05, 0.5, 1.0]),
    intercept=st.booleans(),
    positive=st.booleans(),
    weighted=st.booleans(),
    storage=st.sampled_from(["C", "F", "csr", "csc", "float32"]),
)
def test_paths_of_degenerate_matrices_reach_their_gap(
    seed, l1_ratio, intercept, positive, weighted, storage
):
    """`matrix` has constant, zero and duplicated columns."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(2, 30), rng.integers(1, 40)
    X, y = STORAGES[storage](matrix(m, n, seed)), rng.standard_normal(m)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fastreg.path(
            X,
            y,
            l1_ratio=l1_ratio,
            alphas=9,
            tol=1e-8,
            fit_intercept=intercept,
            positive=positive,
            sample_weight=rng.random(m) + 0.1 if weighted else None,
        )
    assert found.gaps.max() <= 1e-8


@pytest.mark.parametrize("storage", ["C", "F", "csr"])
@pytest.mark.parametrize("shape", [(60, 20), (30, 50)])
def test_bounds_hold_and_agree_with_another_solver(storage, shape):
    """Without L1: bounded least squares, by scipy; each bound is met exactly where it binds."""
    from scipy.optimize import lsq_linear

    X, y = regression(*shape)
    low, high = -0.05 * np.ones(shape[1]), np.where(np.arange(shape[1]) % 3, 0.1, np.inf)
    low[4], high[5] = 0.0, 0.0
    l2 = 0.01
    found = fastreg.path(
        STORAGES[storage](X), y, l1_ratio=0.0, alphas=[l2], bounds=(low, high), tol=1e-13,
        fit_intercept=False,
    )  # fmt: skip
    w = found.coefs[:, 0]
    ridge = np.vstack([X, np.sqrt(l2 * shape[0]) * np.eye(shape[1])])
    wider = np.where(low == high, 1e-9, 0.0)  # scipy wants low < high
    target = np.append(y, np.zeros(shape[1]))
    best = lsq_linear(ridge, target, (low - wider, high + wider), tol=1e-14, method="bvls")
    np.testing.assert_allclose(w, best.x, atol=1e-7)
    assert np.all(low <= w) and np.all(w <= high)
    assert np.any(w == low) and np.any(w == high)


def test_bounds_of_zero_and_infinity_are_signs_and_nothing():
    X, y = regression(50, 80)
    options = {"alphas": 12, "tol": 1e-12}
    positive = fastreg.path(X, y, positive=True, **options)
    bounded = fastreg.path(X, y, bounds=(0.0, np.inf), **options)
    np.testing.assert_array_equal(bounded.coefs, positive.coefs)
    plain = fastreg.path(X, y, **options)
    free = fastreg.path(X, y, bounds=(-np.inf, np.inf), **options)
    np.testing.assert_allclose(free.coefs, plain.coefs, atol=1e-9)
    negative = fastreg.path(-X, y, bounds=(-np.inf, 0.0), **options)
    np.testing.assert_allclose(negative.coefs, -positive.coefs, atol=1e-9)


def test_a_bounded_path_is_certified_in_any_unit():
    X, y = regression(40, 60)
    found = fastreg.path(X, y, bounds=(-0.1, 0.2), alphas=15, tol=1e-12)
    assert found.gaps.max() <= 1e-12
    assert found.coefs.min() == -0.1 and found.coefs.max() == 0.2
    large = fastreg.path(X * 1e-150, y * 1e30, bounds=(-1e179, 2e179), alphas=15, tol=1e-12)
    np.testing.assert_allclose(large.coefs, found.coefs * 1e180, rtol=1e-6, atol=1e-9 * 1e180)
    assert large.gaps.max() <= 1e-12


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (0.5, r"bounds must be \(low, high\), numbers or arrays of 6"),
        ((0.1, 1.0), "bounds must satisfy low ≤ 0 ≤ high"),
        ((np.nan, 1.0), "bounds must satisfy low ≤ 0 ≤ high"),
        ((np.zeros(5), 1.0), "arrays of 6 each"),
    ],
)
def test_bounds_are_checked(bounds, message, rng):
    with pytest.raises(ValueError, match=message):
        fastreg.path(matrix(), rng.standard_normal(37), bounds=bounds)


def test_bounds_and_positive_exclude_one_another(rng):
    with pytest.raises(ValueError, match="bounds exclude each other"):
        fastreg.path(matrix(), rng.standard_normal(37), bounds=(0, 1), positive=True)


# ---------------------------------------------------------------- paths as objects


@pytest.mark.parametrize("store", ["C", "F", "float32", "csr", "csc"])
def test_a_path_and_what_it_gives_pickle(store):
    X, y = regression(60, 6)
    path = fastreg.path(STORAGES[store](X), y, alphas=5, sample_weight=np.arange(60) % 3 + 1.0)
    chosen = path.select("cv")
    for each in (path, path.relax(0.5)):
        again = pickle.loads(pickle.dumps(each))
        assert type(again) is type(each) and repr(again) == repr(each)
        for name in ("alphas", "coefs", "intercepts", "gaps", "dof", "rss"):
            np.testing.assert_array_equal(getattr(again, name), getattr(each, name))
        for criterion in ("bic", "1se"):
            assert again.select(criterion).alpha == each.select(criterion).alpha
        np.testing.assert_array_equal(again.predict(X), each.predict(X))
    same = pickle.loads(pickle.dumps(chosen))
    assert same.index == chosen.index
    np.testing.assert_array_equal(same.values, chosen.values)


def same_after_pickling(path, X):
    """The path that comes back, whose attributes and answers are those of `path`."""
    again = pickle.loads(pickle.dumps(path))
    assert type(again) is type(path) and repr(again) == repr(path)
    assert repr(again.table()) == repr(path.table())
    for name in ("alphas", "coefs", "intercepts", "gaps", "deviance", "feature_names"):
        np.testing.assert_array_equal(getattr(again, name), getattr(path, name))
    np.testing.assert_array_equal(again.predict(X), path.predict(X))
    np.testing.assert_array_equal(again.coef(0.02, exact=True), path.coef(0.02, exact=True))
    return again


def test_a_path_of_statistics_pickles():
    X, y = regression(80, 5)
    path = fastreg.SufficientStatistics(5).update(X, y).path(alphas=4)
    again = same_after_pickling(path, X)
    assert again.select("bic").alpha == path.select("bic").alpha


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_path_pickles_after_it_was_used(family):
    """Everything that it remembers goes along, or comes back the same."""
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    frame, y = frame / frame.std(), {"gaussian": y, "poisson": y // 100}.get(family, y > 150)
    path = fastreg.path(frame, y * 1.0, family=family, alphas=6, standardize=True, l1_ratio=0.9)
    chosen, before = path.select("1se"), path.select("bic")
    again = same_after_pickling(path, frame)
    assert again.feature_names == list(frame.columns)
    assert again.select("1se").alpha == chosen.alpha and again.select("bic").alpha == before.alpha
    relaxed = same_after_pickling(path.relax(0.5), frame)
    assert relaxed.gamma == 0.5
    same = pickle.loads(pickle.dumps(chosen))
    assert repr(same) == repr(chosen) and repr(same.certificate) == repr(chosen.certificate)


@needs_jit
@pytest.mark.parametrize("kind", ["file", "arrays"])
def test_a_path_of_a_source_pickles(kind, tmp_path):
    X, y = regression(300, 6)
    y = (y > 0.0) * 1.0
    given = (X, y)
    if kind == "file":
        file = tmp_path / "rows.csv"
        head = ",".join([f"c{j}" for j in range(6)] + ["y"])
        np.savetxt(file, np.column_stack([X, y]), delimiter=",", header=head, comments="")
        given = (str(file), "y")
    path = fastreg.path(fastreg.read(*given), family="binomial", alphas=4)
    again = same_after_pickling(path, X)
    assert again.select("cv").alpha == path.select("cv").alpha


def test_a_path_refuses_other_names_and_another_order():
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    path = fastreg.path(frame, y, alphas=4)
    expected = path.predict(frame)
    np.testing.assert_array_equal(path.predict(frame.to_numpy()), expected)
    np.testing.assert_array_equal(path.relax().predict(frame).shape, expected.shape)
    for wrong in (frame[frame.columns[::-1]], frame.rename(columns={"age": "years"})):
        for each in (path, path.relax()):
            with pytest.raises(ValueError, match=r"features of X are .* those of the fit were"):
                each.predict(wrong)
    unnamed = fastreg.path(frame.to_numpy(), y, alphas=4)
    np.testing.assert_allclose(unnamed.predict(frame), expected)
    stats = fastreg.SufficientStatistics.collect(fastreg.read(frame.assign(y=y), "y")).path(
        alphas=4
    )
    with pytest.raises(ValueError, match="put the columns in their order"):
        stats.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("store", ["C", "F", "csr", "csc"])
def test_a_path_refuses_to_predict_what_is_not_finite(store, bad):
    X, y = regression(40, 6)
    path = fastreg.path(X, y, alphas=[1e6])  # all coefficients zero
    X[3, 4] = bad
    with pytest.raises(ValueError, match="row 3, column 4"):
        path.predict(STORAGES[store](X))


def test_select_takes_a_splitter():
    from sklearn.model_selection import KFold, ShuffleSplit

    X, y = regression(60, 8)
    path = fastreg.path(X, y, alphas=10)
    by_number, by_splitter = path.select("cv", cv=5), path.select("cv", cv=KFold(5))
    np.testing.assert_array_equal(by_number.values, by_splitter.values)
    assert path.relax().select("1se", cv=ShuffleSplit(4, random_state=0)).criterion == "1se"
    for wrong in ("five", 2.5, None):
        with pytest.raises(ValueError, match="cv must be a number of folds, splits or a splitter"):
            path.select("cv", cv=wrong)


def test_a_path_is_shown_in_a_few_lines():
    X, y = regression(60, 8)
    path = fastreg.path(X, y, alphas=[1.0, 0.25])
    title, points, features, explained, gap = repr(path).splitlines()
    assert title == "Path: gaussian, l1_ratio=1"
    assert points.split(maxsplit=1) == ["points", "2, alpha 1 to 0.25"]
    counts = np.count_nonzero(path.coefs, axis=0)
    assert features.split(maxsplit=1) == ["features", f"8, non-zero {counts[0]} to {counts[1]}"]
    assert f"{path.explained[1]:.1%} of the null deviance" in explained
    assert gap.endswith("(asked 1e-04, reached)") and f"{path.gaps.max():.1e}" in gap
    assert repr(path.relax(0.5)).startswith("Relaxed: gaussian, l1_ratio=1, gamma=0.5\n")
    odds = fastreg.path(X, y > 0.0, family="binomial", alphas=[0.1])
    assert "binomial" in repr(odds) and "1, alpha 0.1\n" in repr(odds)
    assert len(repr(path.select())) < 120
    flat = fastreg.path(X, np.ones(60), alphas=[1.0])
    assert "explained  – of the null deviance" in repr(flat)


def test_a_path_that_is_not_certain_says_so():
    X, y = regression(60, 150)
    with pytest.warns(fastreg.ConvergenceWarning):
        path = fastreg.path(X, y, alphas=5, eps=1e-3, tol=1e-10, max_iter=1)
    assert "asked 1e-10, NOT reached" in repr(path)
    assert "NOT reached" in path._repr_html_() and "NOT reached" in path.certificate._repr_html_()


# ---------------------------------------------------------------- tables, and between points


def test_a_table_has_a_line_a_point(rng):
    pytest.importorskip("pandas")
    X = rng.standard_normal((60, 5))
    found = fastreg.path(X, X[:, 0] + rng.standard_normal(60), alphas=7)
    table = found.table()
    lines = repr(table).splitlines()
    assert len(lines) == 8 and lines[0].split() == ["alpha", "non-zero", "explained", "gap"]
    assert len({len(line) for line in lines}) == 1
    frame = table.to_frame()
    np.testing.assert_array_equal(frame["alpha"], found.alphas)
    np.testing.assert_array_equal(frame["non_zero"], np.count_nonzero(found.coefs, axis=0))
    assert table._repr_html_().count("<tr") == 8


def test_a_long_table_shows_its_ends(rng):
    X = rng.standard_normal((60, 5))
    found = fastreg.path(X, X[:, 0] + rng.standard_normal(60), alphas=100)
    lines = repr(found.table()).splitlines()
    assert len(lines) == 26 and lines[13].split() == ["…"] * 5
    assert [line.split()[0] for line in (lines[1], lines[12], lines[14], lines[25])] == [
        "0", "11", "88", "99",
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1
    assert len(found.table().to_frame()) == 100 and found.table()._repr_html_().count("<tr") == 26
    assert len(repr(fastreg.path(X, X[:, 0], alphas=30).table()).splitlines()) == 31


def test_coefficients_between_points_are_interpolated(rng):
    X = rng.standard_normal((60, 5))
    found = fastreg.path(X, X[:, 0] + rng.standard_normal(60), alphas=7)
    np.testing.assert_allclose(found.coef(found.alphas), found.coefs, rtol=1e-12)
    np.testing.assert_array_equal(found.coef(found.alphas[2]), found.coefs[:, 2])
    middle = 0.3 * found.alphas[3] + 0.7 * found.alphas[4]
    expected = 0.3 * found.coefs[:, 3] + 0.7 * found.coefs[:, 4]
    np.testing.assert_allclose(found.coef(middle), expected, rtol=1e-12)
    whole = found.predict(X)
    np.testing.assert_allclose(
        found.predict(X, alpha=middle), 0.3 * whole[:, 3] + 0.7 * whole[:, 4], rtol=1e-10
    )
    np.testing.assert_allclose(found.predict(X, alpha=found.alphas[1:3]), whole[:, 1:3], rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1e9, [0.1, np.nan], np.ones((2, 2))])
def test_strengths_beyond_the_ends_of_a_path_are_refused(alpha, rng):
    X = rng.standard_normal((60, 5))
    found = fastreg.path(X, X[:, 0], alphas=[1.0, 0.1])
    with pytest.raises(ValueError, match=r"alpha must be between 0\.1 and 1"):
        found.coef(alpha)
    with pytest.raises(ValueError, match="alpha must be between"):
        found.predict(X, alpha=alpha)
