"""Inputs that break other libraries: the right answer here, or an error that says why."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError

from fastreg import ElasticNet, Lasso, Ridge

ESTIMATORS = [Ridge, Lasso, ElasticNet]
every = pytest.mark.parametrize("cls", ESTIMATORS)


def data(m=37, n=6):
    return matrix(m, n), np.random.default_rng(7).standard_normal(m)


# ---------------------------------------------------------------- shapes


@every
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 5), (5, 1), (2, 9)])
def test_the_smallest_shapes_fit(cls, m, n):
    X, y = data(m, n)
    model = cls(alpha=0.1).fit(X, y)
    assert model.certificate_.converged and np.isfinite(model.predict(X)).all()


@every
def test_refit_with_fewer_columns(cls):
    X, y = data()
    model = cls(alpha=0.1).fit(X, y)
    assert model.fit(X[:, :2], y).coef_.shape == (2,)


@every
@pytest.mark.parametrize("y", [np.ones(36), np.ones((1, 37)), np.ones((37, 2, 2)), None])
def test_a_target_of_another_length_is_refused(cls, y):
    with pytest.raises(ValueError, match="y"):
        cls().fit(data()[0], y)


# ---------------------------------------------------------------- types and layouts


@every
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.int32, np.uint8, bool, ">f8"])
def test_other_types_give_the_answer_of_float64(cls, dtype):
    X, y = data()
    X = np.abs(np.round(X)).astype(dtype)
    model, expected = cls(alpha=0.1).fit(X, y), cls(alpha=0.1).fit(X.astype(float), y)
    np.testing.assert_array_equal(model.coef_, expected.coef_)


@every
def test_broadcast_rows_and_columns(cls):
    X, y = data()
    for B in (np.broadcast_to(X[:, :1], (37, 4)), np.broadcast_to(X[0], (37, 6))):
        model = cls(alpha=0.1, tol=1e-10).fit(B, y)
        expected = cls(alpha=0.1, tol=1e-10).fit(B.copy(), y)
        np.testing.assert_allclose(model.predict(B), expected.predict(B), atol=1e-8)
        assert model.certificate_.converged


@every
def test_the_callers_arrays_are_never_changed(cls):
    for make in (np.array, np.asfortranarray, sp.csr_matrix, sp.csc_matrix, sp.coo_matrix):
        X, y = data()
        X, w = make(X), np.linspace(0, 1, 37)
        kept = X.copy(), y.copy(), w.copy()
        model = cls(alpha=0.1).fit(X, y, sample_weight=w)
        model.predict(X)
        dense = [each.toarray() if sp.issparse(each) else each for each in (X, kept[0])]
        np.testing.assert_array_equal(*dense)
        np.testing.assert_array_equal(y, kept[1])
        np.testing.assert_array_equal(w, kept[2])
        assert y.flags.writeable and w.flags.writeable
        assert (X.data if sp.issparse(X) else X).flags.writeable


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("x_scale", [1e-200, 1e-30, 1.0, 1e30, 1e200])
@pytest.mark.parametrize("y_scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_lasso_in_extreme_units(x_scale, y_scale, make):
    X, y = data()
    if not 1e-290 < x_scale * y_scale < 1e290 or not 1e-290 < y_scale / x_scale < 1e290:
        pytest.skip("alpha or the coefficients themselves are no float64")
    expected = Lasso(alpha=0.1, tol=1e-10).fit(make(X), y)
    model = Lasso(alpha=0.1 * x_scale * y_scale, tol=1e-10).fit(make(X * x_scale), y * y_scale)
    np.testing.assert_allclose(model.coef_ / y_scale * x_scale, expected.coef_, atol=1e-7)
    np.testing.assert_allclose(model.intercept_ / y_scale, expected.intercept_, atol=1e-7)
    assert model.certificate_.converged
    assert np.isfinite(model.predict(make(X * x_scale))).all()


@pytest.mark.parametrize("x_scale", [1e-200, 1e-100, 1e-30, 1e30, 1e100, 1e200])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("shape", [(37, 6), (5, 9)])
def test_ridge_in_extreme_units(x_scale, make, shape):
    """alpha = 1 drowns X·1e-200 and is nothing beside X·1e200: both limits are known."""
    X, y = data(*shape)
    model = Ridge(alpha=1.0).fit(make(X * x_scale), y)
    if x_scale < 1:
        expected = (X - X.mean(axis=0)).T @ (y - y.mean()) * x_scale
        np.testing.assert_allclose(model.coef_, expected, rtol=1e-9, atol=1e-12 * x_scale)
    else:
        fitted = Ridge(alpha=0.0).fit(X, y).predict(X)
        np.testing.assert_allclose(model.predict(make(X * x_scale)), fitted, atol=1e-7)
    assert model.certificate_.converged


@every
def test_columns_that_span_24_orders_of_magnitude(cls):
    """With next to no penalty: the fit of least squares, whatever the units."""
    X, y = data(60, 6)
    units = np.array([1e-12, 1e-6, 1.0, 1.0, 1e6, 1e12])
    model = cls(alpha=1e-40, tol=1e-8).fit(X * units, y)
    expected = cls(alpha=0.0, tol=1e-8).fit(X, y).predict(X)
    np.testing.assert_allclose(model.predict(X * units), expected, atol=1e-6)
    assert model.certificate_.converged


@every
def test_float32_with_an_offset_of_1e6(cls):
    A = np.random.default_rng(3).integers(-16, 16, (200, 4)) / 4.0
    y = A @ [1.0, -2.0, 0.0, 0.5] + np.random.default_rng(4).standard_normal(200)
    far = cls(alpha=0.01, tol=1e-10).fit((A + 1e6).astype(np.float32), y)
    exact = cls(alpha=0.01, tol=1e-10).fit((A + 1e6).astype(np.float32).astype(float) - 1e6, y)
    np.testing.assert_allclose(far.coef_, exact.coef_, atol=1e-8)


@every
def test_float32_times_1e30(cls):
    X, y = data()
    model = cls(alpha=0.1, tol=1e-8).fit((X * 1e30).astype(np.float32), y)
    assert model.certificate_.converged and np.isfinite(model.coef_).all()
    assert np.isfinite(model.predict((X * 1e30).astype(np.float32))).all()


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_nan_and_infinity_are_refused_everywhere(cls, bad, make):
    X, y = data()
    model = cls(alpha=0.1).fit(make(X), y)
    B, v, w = X.copy(), y.copy(), np.ones(37)
    B[4, 1] = v[2] = w[3] = bad
    with pytest.raises(ValueError, match=r"Input X contains .* row 4, column 1"):
        cls().fit(make(B), y)
    with pytest.raises(ValueError, match=r"Input X contains .* row 4, column 1"):
        model.predict(make(B))
    with pytest.raises(ValueError, match="Input y contains"):
        cls().fit(make(X), v)
    with pytest.raises(ValueError, match="Input sample_weight contains"):
        cls().fit(make(X), y, sample_weight=w)


@every
@pytest.mark.parametrize("level", [0.0, 0.1, 1e8, -1e200, 1e-200])
def test_a_constant_target(cls, level):
    X, _ = data()
    model = cls(alpha=0.1).fit(X, np.full(37, level))
    np.testing.assert_array_equal(model.coef_, 0.0)
    np.testing.assert_allclose(model.intercept_, level, rtol=1e-15)
    assert model.certificate_.converged and model.dual_gap_ == 0.0


@every
def test_near_duplicate_columns(cls):
    X, y = data()
    X = np.c_[X, X[:, :2] * (1 + 1e-15), X[:, 0] + 1e-12 * y]
    model = cls(alpha=0.1, tol=1e-8).fit(X, y)
    assert model.certificate_.converged and np.abs(model.coef_).max() < 1e3


# ---------------------------------------------------------------- parameters


@every
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("alpha", [-1.0, np.nan, np.inf, "1"]),
        ("tol", [-1e-3, np.nan, np.inf, "1e-4"]),
        ("max_iter", [0, -1, 2.5]),
        ("fit_intercept", ["yes"]),
    ],
)
def test_a_bad_parameter_is_refused_at_fit_not_before(cls, name, values):
    for value in values:
        model = cls(**{name: value})
        with pytest.raises(ValueError, match=f"The '{name}' parameter of {cls.__name__} must be"):
            model.fit(*data())


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, "half"])
def test_l1_ratio_stays_within_its_ends(value):
    with pytest.raises(InvalidParameterError, match="The 'l1_ratio' parameter of ElasticNet"):
        ElasticNet(l1_ratio=value).fit(*data())


@pytest.mark.parametrize("alpha", [[-1.0, 1.0], [np.nan, 1.0], [[1.0, 1.0]]])
def test_every_alpha_of_ridge_is_checked(alpha):
    X, y = data()
    with pytest.raises(ValueError, match="alpha"):
        Ridge(alpha=alpha).fit(X, np.c_[y, y])


@pytest.mark.parametrize("cls", [Lasso, ElasticNet, Ridge])
@pytest.mark.parametrize("positive", [False, True])
def test_no_penalty_at_all_is_least_squares(cls, positive):
    from scipy.optimize import nnls

    X, y = data()
    model = cls(alpha=0.0, positive=positive, fit_intercept=False, tol=1e-12).fit(X, y)
    if positive:
        np.testing.assert_allclose(model.coef_, nnls(X, y)[0], atol=1e-8)
    else:
        np.testing.assert_allclose(
            X @ model.coef_, X @ np.linalg.lstsq(X, y, rcond=None)[0], atol=1e-8
        )
    assert model.certificate_.converged


# ---------------------------------------------------------------- weights


@every
def test_zero_weights_equal_deletion(cls):
    X, y = data()
    w = np.r_[np.zeros(10), np.ones(27)]
    X[0] = 1e16  # far away, but of weight zero
    kept = cls(alpha=0.1, tol=1e-10).fit(X, y, sample_weight=w)
    gone = cls(alpha=0.1, tol=1e-10).fit(X[10:], y[10:])
    np.testing.assert_allclose(kept.coef_, gone.coef_, atol=1e-8)


@every
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_a_row_of_weight_zero_may_hold_anything_finite(cls, make):
    X, y = data()
    w = np.r_[0.0, np.ones(36)]
    X[0] = 1e200
    kept = cls(alpha=0.1, tol=1e-10).fit(make(X), y, sample_weight=w)
    gone = cls(alpha=0.1, tol=1e-10).fit(make(X[1:]), y[1:])
    np.testing.assert_allclose(kept.coef_, gone.coef_, atol=1e-8)
    assert kept.certificate_.converged


@every
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_one_bad_weight_is_refused(cls, weight):
    w = np.ones(37)
    w[5] = weight
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(*data(), sample_weight=w)


@every
@pytest.mark.parametrize("w", [np.zeros(37), -np.ones(37), np.ones(36)])
def test_bad_weights_are_refused(cls, w):
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(*data(), sample_weight=w)


# ---------------------------------------------------------------- sparse structures


@every
@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix])
def test_a_hostile_index_is_refused_before_any_kernel_sees_it(cls, make):
    X, y = data()
    good = make(X)
    model = cls(alpha=0.1).fit(good, y)
    for value in (10**6, -1):
        bad = make(X)
        bad.indices = bad.indices.copy()
        bad.indices[7] = value
        with pytest.raises(ValueError, match="an index is negative or too large"):
            cls().fit(bad, y)
        with pytest.raises(ValueError, match="an index is negative or too large"):
            model.predict(bad)


def test_a_hostile_file_is_refused(tmp_path):
    X = sp.csr_matrix(matrix())
    parts = {"data": X.data, "indices": X.indices + 50, "indptr": X.indptr}
    np.savez(tmp_path / "x.npz", format="csr", shape=X.shape, **parts)
    loaded = None
    try:
        loaded = sp.load_npz(tmp_path / "x.npz")
    except ValueError:
        pytest.skip("scipy refuses it already")
    with pytest.raises(ValueError, match="not a sound csr matrix"):
        Ridge().fit(loaded, data()[1])


# ---------------------------------------------------------------- what attacks have found


@pytest.mark.parametrize("solver", ["auto", "svd", "sparse_cg"])
@pytest.mark.parametrize("level", [1e-5, 0.1, 3.3, 1e16])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("alpha", [0.0, 1e-303, 1e-12, 1.0])
def test_a_constant_column_has_no_coefficient(solver, level, make, alpha):
    X, y = data()
    X = np.c_[X, np.full(37, level)]
    model = Ridge(alpha, solver=solver).fit(make(X), y)
    assert model.coef_[6] == 0.0 and model.certificate_.converged
    expected = Ridge(alpha).fit(X[:, :6], y)
    np.testing.assert_allclose(model.predict(make(X)), expected.predict(X[:, :6]), atol=1e-2)


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
def test_a_single_constant_sparse_column(make):
    _, y = data()
    for level in (0.1, 3.3, 1001.0):
        for alpha in (0.0, 1e-30, 1e-12):
            model = Ridge(alpha).fit(make(np.full((37, 1), level)), y)
            assert model.coef_[0] == 0.0 and model.certificate_.converged


@every
@pytest.mark.parametrize("positive", [False, True])
def test_an_alpha_beyond_all_measure_gives_zero(cls, positive):
    X, y = data()
    for alpha, w in [(1e300, None), (1e10, np.full(37, 1e-300))]:
        model = cls(alpha, positive=positive).fit(X, y, sample_weight=w)
        assert np.abs(model.coef_).max() < 1e-280 and model.certificate_.converged


def test_coefficients_beyond_float64_are_refused():
    X, y = data()
    with pytest.raises(ValueError, match="too large for float64"):
        Lasso(alpha=1e-60).fit(X * 1e-200, y * 1e150)
    for bad_X, bad_y in [(X * 1e307, y), (X, y * 1e307), (X * 1e-310, y)]:
        with pytest.raises(ValueError, match="at the end of the range of float64"):
            Ridge(alpha=0.0).fit(bad_X, bad_y)


def test_an_intercept_that_cannot_be_rounded_well_enough_is_told():
    """y = 1e15 + noise: half an ulp of the intercept is a percent of the objective."""
    X, y = data()
    with pytest.warns(ConvergenceWarning, match="rounding stopped it"):
        model = Ridge(alpha=1.0).fit(X, 1e15 + y)
    r = ((1e15 + y) - model.intercept_) - X @ model.coef_
    exact = r @ r / 74 + model.coef_ @ model.coef_ / 74
    np.testing.assert_allclose(model.certificate_.objective[0], exact, rtol=1e-3)


def test_warm_start_drops_the_coefficient_of_a_column_that_became_constant():
    X, y = data()
    model = Lasso(alpha=0.01, warm_start=True).fit(X, y)
    assert model.coef_[1] != 0.0
    X[:, 1] = 2.0
    model.fit(X, y)
    assert model.coef_[1] == 0.0 and model.certificate_.converged


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (([[{}, 1.0], [2.0, 3.0]], [1.0, 2.0]), TypeError),
        (([[10**400, 1.0], [2.0, 3.0]], [1.0, 2.0]), ValueError),
        (([[0.0, 1.0], [2.0, 3.0]], [1.0, {}]), TypeError),
        (([[0.0, 1.0], [2.0, 3.0]], sp.csr_array([[1.0, 2.0]])), ValueError),
    ],
)
def test_odd_objects_are_named(arguments, kind):
    with pytest.raises(kind, match=r"^[Xy] (holds|is)"):
        Ridge().fit(*arguments)


@pytest.mark.parametrize("alpha", [["a"], [1, [2]], 10**400, [[1.0]]])
def test_odd_alphas_are_named(alpha):
    with pytest.raises(ValueError, match="'alpha' parameter of Ridge"):
        Ridge(alpha).fit(*data())
