"""Every benchmark case, once: the data, the call, and the same result in plain NumPy.

Three readers take the cases from here: `tests/test_benchmark_cases.py` (both agree),
`test_cases.py` (pytest-benchmark, side by side) and `asv_cases.py` (asv, over commits).

The reference is what one would write in NumPy for speed: products by a BLAS that uses all
threads, sparse ones by scipy, in the precision of X. It is leaner than `fastreg.reference`,
which states the same formulas for reading and takes up to 15 times as long.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse

import fastreg
from benchmarks import case_classes, case_families
from benchmarks.case_families import BINOMIAL, MORE, POISSON, Family
from fastreg import kernels, reference
from fastreg.design import as_design
from fastreg.kernels.active_set import Quadratic
from fastreg.losses import Squared
from fastreg.network.layers import Layout, initial
from fastreg.network.training import Problem, Trainer
from fastreg.penalties import L1

Array = np.ndarray
FOLDS = 5
ALPHAS = np.geomspace(1e4, 1e-1, 20)  # beside the sum of squares
SIZES = ("quick", "full")
SIDES = ("fastreg", "reference")

LAM = 0.1
ETA = 0.01  # below 2/L at every size
STEPS = 100  # of gradient descent
STRENGTHS = (0.1, 0.03, 0.01)  # of L1
CS, RIDGES = (0.01, 0.1, 1.0), (1.0, 0.1, 0.01)  # of cross-validation
BETWEEN = 0.05  # a strength between those of a path
SIDES_AT_ONCE = 8  # right-hand sides of a gradient, the lanes of a register
SWEEPS = 10  # of θ after one copy of it, so that the copy hardly counts
MOST = 1000  # steps of the active set, more than it takes
BATCH = 32  # rows a step of Adam
STORED = 20  # entries a row of a sparse matrix
LASSO_ALPHA, LASSO_TOL = 0.05, 1e-10  # the latter on a Gram matrix as well


@dataclass(frozen=True)
class Case:
    """One thing to time.

    Attributes
    ----------
    name : unique
    sizes : the arguments of `make`, for each of SIZES
    make : builds the data, memoised
    fastreg, reference : data → array, number, or a tuple of these; data is left as it was
    tolerance : largest `difference` of the two
    """

    name: str
    sizes: dict[str, tuple[Any, ...]]
    make: Callable[..., Any]
    fastreg: Callable[[Any], Any]
    reference: Callable[[Any], Any]
    tolerance: float = 1e-10

    def data(self, size: str) -> Any:
        """The data of a size; the same object for the same size, as long as it is kept."""
        return self.make(*self.sizes[size])


def difference(result: Any, expected: Any) -> float:
    """Largest │result − expected│ over the largest │expected│, of the worst part."""
    if not isinstance(expected, tuple):
        result, expected = (result,), (expected,)
    errors = []
    for a, b in zip(result, expected, strict=True):
        if np.shape(a) != np.shape(b):
            return np.inf
        errors.append(np.max(np.abs(np.subtract(a, b))) / np.max(np.abs(b)))
    return float(np.max(errors))


def version(reader: str) -> str:
    """A digest of the cases and of the file `reader`: a changed case has no old results."""
    digest = hashlib.sha256()
    for path in (__file__, case_classes.__file__, case_families.__file__, reader):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


# ---------------------------------------------------------------- data
# The last data set of each kind is kept, for the neighbours of a case: up to 800 MB each.


class Regression(NamedTuple):
    """X (m, n), y (m,) = Xθ* + noise, and a θ (n,) somewhere else."""

    X: Any
    y: Array
    theta: Array


@functools.lru_cache(maxsize=1)
def regression(m: int, n: int, kind: str = "C", dtype: Any = "float64") -> Regression:
    """Columns of unit spread about means in [−1, 1]; every fifth θ*_j is not zero."""
    rng = np.random.default_rng(0)
    if kind in ("CSR", "CSC"):
        X = _sparse(rng, m, n).asformat(kind.lower())
    else:
        shape = (m, n) if kind == "C" else (n, m)
        X = rng.standard_normal(shape, dtype=dtype)
        X = X if kind == "C" else X.T
        X += rng.uniform(-1.0, 1.0, n).astype(dtype)
    truth = np.zeros(n)
    truth[::5] = rng.uniform(0.5, 1.5, len(truth[::5]))
    y = X @ truth.astype(dtype) + 0.5 * rng.standard_normal(m)
    return Regression(X, y.astype(np.float64), rng.standard_normal(n))


def _sparse(rng: np.random.Generator, m: int, n: int) -> Any:
    count = min(STORED, n)
    indices = rng.integers(n, size=m * count)
    indptr = np.arange(0, m * count + 1, count)
    X = scipy.sparse.csr_array((rng.standard_normal(m * count), indices, indptr), shape=(m, n))
    X.sum_duplicates()
    return X


class Weighted(NamedTuple):
    """X (m, n), weights (m,) and the weighted means (n,) of the columns."""

    X: Array
    weights: Array
    means: Array


@functools.lru_cache(maxsize=1)
def weighted(m: int, n: int) -> Weighted:
    X = regression(m, n).X
    weights = np.random.default_rng(1).uniform(0.5, 1.5, m)
    return Weighted(X, weights, weights @ X / weights.sum())


class Sweep(NamedTuple):
    """θ (n,) and a data gradient (n,)."""

    theta: Array
    gradient: Array


@functools.lru_cache(maxsize=1)
def sweep(n: int) -> Sweep:
    rng = np.random.default_rng(0)
    return Sweep(rng.standard_normal(n), rng.standard_normal(n))


class Gram(NamedTuple):
    """½bᵀGb − cᵀb with G (n, w), zeros in its columns from n on, w a multiple of 8, c (n,);
    and the strength of an L1 term."""

    gram: Array
    linear: Array
    l1: float


@functools.lru_cache(maxsize=1)
def gram_form(m: int, n: int) -> Gram:
    X, y, _ = regression(m, n)
    gram = np.zeros((n, -(-n // 8) * 8))
    gram[:, :n] = X.T @ X / m
    return Gram(gram, X.T @ y / m, 0.3)


class Fitted(NamedTuple):
    """X (m, n) and a model to predict with."""

    X: Array
    model: Any


@functools.lru_cache(maxsize=1)
def fitted(m: int, n: int) -> Fitted:
    X, y, _ = regression(m, n)
    return Fitted(X, fastreg.Ridge(alpha=1.0).fit(X[: 4 * n], y[: 4 * n]))


def predict_row(data: Fitted) -> Array:
    return data.model.predict(data.X[:1])


def plain_predict_row(data: Fitted) -> Array:
    return data.X[:1] @ data.model.coef_ + data.model.intercept_


# ---------------------------------------------------------------- gradient and objective


def gradient(data: Regression) -> Array:
    return fastreg.gradient(data.X, data.y, data.theta, LAM)


def plain_gradient(data: Regression) -> Array:
    """Two products. float32 stays float32: a mixed product would copy X."""
    X, y, theta = data.X, data.y.astype(data.X.dtype), data.theta.astype(data.X.dtype)
    return (X.T @ (X @ theta - y) + LAM * theta) / len(y)


def objective(data: Regression) -> float:
    return fastreg.objective(data.X, data.y, data.theta, LAM)


def plain_objective(data: Regression) -> float:
    residual = data.X @ data.theta - data.y
    return (residual @ residual + LAM * data.theta @ data.theta) / (2 * len(data.y))


# ---------------------------------------------------------------- update and descent


def update(data: Sweep) -> Array:
    theta = data.theta.copy()
    for _ in range(SWEEPS):
        kernels.update(theta, data.gradient, ETA, LAM, L1(0.0))
    return theta


def plain_update(data: Sweep) -> Array:
    """As the kernel does, measures θ and the gradient on the way; nothing is allocated."""
    theta, g = data.theta.copy(), np.empty(len(data.theta))
    for _ in range(SWEEPS):
        np.multiply(theta, LAM, out=g)
        g += data.gradient
        _ = theta @ theta, g @ g
        g *= ETA
        theta -= g
    return theta


def descent_steps(data: Regression) -> tuple[Array, Array]:
    m, n = data.X.shape
    theta, history = np.zeros(n), np.empty((STEPS, 2))
    kernels.descent_steps(
        as_design(data.X).storage,
        data.y,
        theta,
        np.zeros(1),
        eta=ETA,
        loss=Squared(),
        l2=LAM / m,
        penalty=L1(0.0),
        fit_intercept=False,
        history=history,
        first=0,
        last=STEPS,
        scratch=np.empty(n),
    )
    return theta, history[:, 0]


def descend(data: Regression) -> tuple[Array, Array]:
    run = fastreg.descend(data.X, data.y, lam=LAM, eta=ETA, n_iter=STEPS)
    return run.theta, run.objectives[:-1]


def plain_descent(data: Regression) -> tuple[Array, Array]:
    X, y = data.X, data.y
    m, n = X.shape
    theta, objectives = np.zeros(n), np.empty(STEPS)
    for k in range(STEPS):
        residual = X @ theta - y
        objectives[k] = (residual @ residual + LAM * theta @ theta) / (2 * m)
        theta -= ETA * (X.T @ residual + LAM * theta) / m
    return theta, objectives


# ---------------------------------------------------------------- Gram matrix and coordinates


def gram(data: Weighted) -> Array:
    columns = np.arange(data.X.shape[1])
    storage = as_design(data.X).storage
    return kernels.cross_gram(storage, columns, columns, shift=data.means, weights=data.weights)


def plain_gram(data: Weighted) -> Array:
    """All columns as a slice, which NumPy does not copy."""
    storage, every = as_design(data.X).storage, slice(None)
    return reference.cross_gram(storage, every, every, shift=data.means, weights=data.weights)


def active_set(data: Gram) -> Array:
    n, width = data.gram.shape
    coef, slope, l2 = np.zeros(n), np.zeros(width), np.zeros(width)
    slope[:n], l2[:n] = -data.linear, LAM
    slack, factor = LASSO_TOL * float(np.abs(data.linear).max()), kernels.factor(n, n)
    form = Quadratic(data.gram, slope, coef, l2)
    kernels.minimise(form, L1(data.l1), factor, slack, MOST)
    return coef


def plain_coordinate_descent(data: Gram) -> Array:
    n = len(data.linear)
    return descended(data.gram[:, :n], data.linear, LAM, data.l1)


def descended(gram: Array, linear: Array, l2: float, l1: float) -> Array:
    """Coordinate descent from zero, until an epoch hardly moves."""
    coef, before, slope = np.zeros(len(linear)), np.full(len(linear), np.inf), -linear
    while np.max(np.abs(coef - before)) > LASSO_TOL * np.max(np.abs(coef)):
        before = coef.copy()
        plain_epoch(gram, slope, coef, l2, l1)
    return coef


def plain_epoch(gram: Array, slope: Array, coef: Array, l2: float, l1: float) -> None:
    """Every coordinate to its minimum in turn; `slope`, of the smooth part, follows."""
    for j in range(len(coef)):
        curvature = gram[j, j] + l2
        z = curvature * coef[j] - slope[j]
        new = np.sign(z) * max(abs(z) - l1, 0.0) / curvature
        change = new - coef[j]
        if change != 0.0:
            coef[j] = new
            slope += change * gram[j]
            slope[j] += change * l2


# ---------------------------------------------------------------- estimators


def ridge(data: Regression) -> tuple[Array, float]:
    model = fastreg.Ridge(alpha=LAM).fit(data.X, data.y)
    return model.coef_, model.intercept_


def plain_ridge(data: Regression) -> tuple[Array, Any]:
    """The normal equations of the centred data."""
    Z, t, means, mean = centred(data)
    coef = np.linalg.solve(Z.T @ Z + LAM * np.eye(len(means)), Z.T @ t)
    return coef, mean - means @ coef


def plain_wide_ridge(data: Regression) -> tuple[Array, Any]:
    """The kernel form, of m unknowns."""
    Z, t, means, mean = centred(data)
    coef = Z.T @ np.linalg.solve(Z @ Z.T + LAM * np.eye(len(t)), t)
    return coef, mean - means @ coef


def lasso(data: Regression) -> tuple[Array, float]:
    model = fastreg.Lasso(alpha=LASSO_ALPHA, tol=LASSO_TOL).fit(data.X, data.y)
    return model.coef_, model.intercept_


def plain_lasso(data: Regression) -> tuple[Array, Any]:
    """Coordinate descent on the Gram matrix, until an epoch hardly moves."""
    Z, t, means, mean = centred(data)
    m = len(t)
    coef = descended(Z.T @ Z / m, Z.T @ t / m, 0.0, LASSO_ALPHA)
    return coef, mean - means @ coef


def leave_one_out(data: Regression) -> float:
    return fastreg.RidgeCV(ALPHAS).fit(data.X, data.y).best_score_


def plain_leave_one_out(data: Regression) -> float:
    """From the singular vectors of the centred data."""
    Z, t, _, _ = centred(data)
    U, sigma, _ = np.linalg.svd(Z, full_matrices=False)
    share = sigma[:, None] ** 2 / (sigma[:, None] ** 2 + ALPHAS)
    errors = t[:, None] - U @ ((U.T @ t)[:, None] * share)
    errors /= 1.0 - 1.0 / len(t) - (U * U) @ share
    return -float((errors**2).mean(axis=0).min())


def folds_of_ridges(data: Regression) -> float:
    """With a bound on every error."""
    return fastreg.RidgeCV(ALPHAS, cv=FOLDS, scoring="neg_mean_squared_error").fit(
        data.X, data.y
    ).best_score_  # fmt: skip


def plain_folds_of_ridges(data: Regression) -> float:
    """The normal equations of every training set, a copy, of neighbouring rows."""
    errors = np.zeros((len(ALPHAS), FOLDS))
    for f, test in enumerate(np.array_split(np.arange(len(data.y)), FOLDS)):
        keep = np.ones(len(data.y), bool)
        keep[test] = False
        Z, t, means, mean = centred(data._replace(X=data.X[keep], y=data.y[keep]))
        gram, right = Z.T @ Z, Z.T @ t
        for k, alpha in enumerate(ALPHAS):
            coef = np.linalg.solve(gram + alpha * np.eye(len(gram)), right)
            residual = data.y[test] - mean - (data.X[test] - means) @ coef
            errors[k, f] = (residual**2).mean()
    return -float(errors.mean(axis=1).min())


def cross_validation(data: Regression) -> Array:
    """Errors of ridges, (K, FOLDS)."""
    stats = fastreg.SufficientStatistics(data.X.shape[1], n_folds=FOLDS)
    stats.update(data.X, data.y, fold=np.arange(len(data.y)) % FOLDS)
    return stats.cross_validate(l1_ratio=0.0, alphas=ALPHAS / len(data.y)).mse


def plain_cross_validation(data: Regression) -> Array:
    """The normal equations of every training set, a copy."""
    m, n = data.X.shape
    out = np.empty((len(ALPHAS), FOLDS))
    for f in range(FOLDS):
        test = np.arange(m) % FOLDS == f
        Z, t, means, mean = centred(data._replace(X=data.X[~test], y=data.y[~test]))
        gram, right = Z.T @ Z, Z.T @ t
        for k, alpha in enumerate(ALPHAS):
            coef = np.linalg.solve(gram + alpha * len(t) / m * np.eye(n), right)
            residual = data.y[test] - mean - (data.X[test] - means) @ coef
            out[k, f] = (residual**2).mean()
    return out


def centred(data: Regression) -> tuple[Array, Array, Array, float]:
    """X and y less their means, and the means."""
    means, mean = data.X.mean(axis=0), data.y.mean()
    return data.X - means, data.y - mean, means, mean


def predict(data: Fitted) -> Array:
    return data.model.predict(data.X)


def plain_predict(data: Fitted) -> Array:
    return data.X @ data.model.coef_ + data.model.intercept_


# ---------------------------------------------------------------- classes, counts and amounts


class Observed(NamedTuple):
    """X (m, n), y (m,), classes 0 and 1, counts or amounts, θ (n, k) and the family of y."""

    X: Array
    y: Array
    thetas: Array
    family: Family


@functools.lru_cache(maxsize=1)
def classes(m: int, n: int, storage: str = "C") -> Observed:
    """Whether the y of `regression` is above its mean."""
    data = regression(m, n, storage)
    return Observed(data.X, (data.y > data.y.mean()) * 1.0, _thetas(data), BINOMIAL)


@functools.lru_cache(maxsize=1)
def counts(m: int, n: int) -> Observed:
    """Whole numbers about the exponential of the y of `regression`, of mean 1.5 or so."""
    data = regression(m, n)
    return Observed(data.X, np.round(_means(data)), _thetas(data), POISSON)


@functools.lru_cache(maxsize=1)
def drawn(name: str, m: int, n: int) -> Observed:
    """Draws of a family of MORE, about the exponential of the y of `regression`."""
    data, rng = regression(m, n), np.random.default_rng(1)
    mean = _means(data)
    if name == "gamma":
        y = rng.gamma(4.0, mean / 4.0)
    elif name == "inverse_gaussian":
        y = rng.wald(mean, 4.0)
    elif name == "negative_binomial":
        y = rng.poisson(mean * rng.gamma(2.0, 0.5, m)).astype(float)
    else:  # a Poisson number of exponential amounts: the power is 1.5
        number = rng.poisson(2.0 * np.sqrt(mean))
        y = np.where(number > 0, rng.gamma(np.maximum(number, 1), 0.5 * np.sqrt(mean)), 0.0)
    return Observed(data.X, y, _thetas(data), MORE[name])


def _means(data: Regression) -> Array:
    return 1.5 * np.exp(0.5 * (data.y - data.y.mean()) / data.y.std())


def _thetas(data: Regression) -> Array:
    """Short enough that no mean overflows."""
    length = np.linspace(0.1, 1.0, SIDES_AT_ONCE) / np.linalg.norm(data.theta)
    return np.ascontiguousarray(data.theta[:, None] * length)


def gradients(data: Observed) -> tuple[Array, Array]:
    """Of eight θ, in one fused pass."""
    m, out = len(data.y), np.empty(data.thetas.shape)
    storage = as_design(data.X).storage
    values, _ = kernels.gradient(
        storage, data.y, data.thetas, loss=data.family.loss, scale=1.0 / m, l2=LAM / m, out=out
    )
    return values, out


def plain_gradients(data: Observed) -> tuple[Array, Array]:
    """Two products for all of them."""
    X, y, m = data.X, data.y[:, None], len(data.y)
    Z = X @ data.thetas
    slopes, _ = data.family.slopes(Z, y)
    values = data.family.value(Z, y).sum(axis=0) + 0.5 * LAM * (data.thetas**2).sum(axis=0)
    return values / m, (X.T @ slopes + LAM * data.thetas) / m


def path_of_a_family(data: Observed) -> Array:
    """Lassos at three strengths."""
    family = data.family.loss
    return fastreg.path(data.X, data.y, family=family, alphas=STRENGTHS, tol=1e-10).coefs


def plain_path_of_a_family(data: Observed) -> Array:
    return np.column_stack([theta for theta, _ in newton_path(data, STRENGTHS, 1.0)])


def fit_of_a_family(data: Observed) -> tuple[Array, Array]:
    """One lasso, by the estimator."""
    alpha, family = STRENGTHS[-1], data.family
    odds = family is BINOMIAL
    strength = {"C": 1.0 / (alpha * len(data.y))} if odds else {"alpha": alpha}
    make = getattr(fastreg, family.estimator)
    model = make(**strength, l1_ratio=1.0, tol=1e-10, **family.given)
    model.fit(data.X, data.y)
    return np.ravel(model.coef_), np.ravel(model.intercept_)


def plain_fit_of_a_family(data: Observed) -> tuple[Array, Array]:
    ((theta, b),) = newton_path(data, STRENGTHS[-1:], 1.0)
    return theta, np.array([b])


def folds_of_a_family(data: Observed) -> Array:
    """Mean losses above the least there are, of ridges, (K, FOLDS)."""
    splits = list(_splits(len(data.y)))
    if data.family is BINOMIAL:
        model = fastreg.LogisticRegressionCV(Cs=CS, cv=splits, tol=1e-10)
        return -model.fit(data.X, data.y).scores_[:, 0].T
    make = getattr(fastreg, f"{data.family.estimator}CV")
    model = make(alphas=RIDGES, cv=splits, tol=1e-10, **data.family.given)
    return 0.5 * model.fit(data.X, data.y).deviance_path_


def plain_folds_of_a_family(data: Observed) -> Array:
    """Newton's method on every training set, a copy."""
    out = np.empty((len(RIDGES), FOLDS))
    for f, (train, test) in enumerate(_splits(len(data.y))):
        own = data._replace(X=data.X[train], y=data.y[train])
        odds = data.family is BINOMIAL
        ridges = [1.0 / (C * len(train)) for C in CS] if odds else RIDGES
        for k, (theta, b) in enumerate(newton_path(own, ridges, 0.0)):
            y, z = data.y[test], data.X[test] @ theta + b
            out[k, f] = (data.family.value(z, y) - data.family.least(y)).mean()
    return out


def search_of_a_family(data: Observed) -> float:
    """The least held-out deviance of ridges, by its gradient."""
    odds = data.family is BINOMIAL
    kind = fastreg.AdaptiveLogisticRegression if odds else fastreg.AdaptivePoissonRegressor
    return kind(cv=list(_splits(len(data.y)))).fit(data.X, data.y).error_


def plain_search_of_a_family(data: Observed) -> float:
    """By values alone: Brent's method on Newton fits to copies."""

    def deviance(log_alpha: float) -> float:
        out = []
        for train, test in _splits(len(data.y)):
            own = data._replace(X=data.X[train], y=data.y[train])
            ((theta, b),) = newton_path(own, [float(np.exp(log_alpha))], 0.0)
            y, z = data.y[test], data.X[test] @ theta + b
            out.append(2.0 * (data.family.value(z, y) - data.family.least(y)).mean())
        return float(np.mean(out))

    found = scipy.optimize.minimize_scalar(
        deviance, bounds=(np.log(1e-5), np.log(10.0)), method="bounded", options={"xatol": 1e-4}
    )
    return float(found.fun)


def _splits(m: int) -> Iterator[tuple[Array, Array]]:
    """(training rows, test rows), every FOLDS-th row in one test set."""
    rows = np.arange(m)
    for f in range(FOLDS):
        yield np.flatnonzero(rows % FOLDS != f), np.flatnonzero(rows % FOLDS == f)


def newton_path(data: Observed, alphas: Sequence[float], ratio: float) -> list[tuple[Array, float]]:
    """(θ, b) at each strength, from one to the next: Newton steps, each of least squares on the
    weighted Gram matrix, by coordinate descent with an L1 term."""
    X, y, family = data.X, data.y, data.family
    theta, b, out = np.zeros(X.shape[1]), family.start(y.mean()), []
    for alpha in alphas:
        for _ in range(family.steps):
            z = X @ theta + b
            slope, h = family.slopes(z, y)
            t, total = z - slope / h, h.sum()
            means, middle = h @ X / total, h @ t / total
            Z = X - means
            gram, linear = Z.T @ (h[:, None] * Z) / len(y), Z.T @ (h * (t - middle)) / len(y)
            if ratio:
                theta = descended(gram, linear, 0.0, alpha)
            else:
                theta = np.linalg.solve(gram + alpha * np.eye(len(gram)), linear)
            b = middle - means @ theta
        out.append((theta, float(b)))
    return out


# ---------------------------------------------------------------- files


class Filed(NamedTuple):
    """X in a `.npy` file, y beside it."""

    path: Path
    y: Array


@functools.lru_cache(maxsize=2)
def filed(m: int, n: int) -> Filed:
    data, folder = regression(m, n), tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    np.save(f"{folder}/X.npy", data.X)
    return Filed(Path(folder) / "X.npy", data.y)


def standardized_path(data: Regression) -> Array:
    """Ridges at three strengths, penalised in standard deviations, and one more between."""
    path = fastreg.path(data.X, data.y, l1_ratio=0.0, alphas=RIDGES, standardize=True)
    return np.column_stack([path.coefs, path.coef(BETWEEN, exact=True)])


def plain_standardized_path(data: Regression) -> Array:
    """The same from a scaled copy."""
    X, y = data.X - data.X.mean(axis=0), data.y - data.y.mean()
    spread = X.std(axis=0)
    Z, m, n = X / spread, len(y), X.shape[1]
    gram, product = Z.T @ Z / m, Z.T @ y / m
    alphas = (*RIDGES, BETWEEN)
    each = [np.linalg.solve(gram + alpha * np.eye(n), product) for alpha in alphas]
    return np.column_stack(each) / spread[:, None]


def ridge_of_a_file(data: Filed) -> tuple[Array, float]:
    model = fastreg.Ridge(alpha=LAM).fit(fastreg.read(data.path, data.y, memory=0))
    return model.coef_, model.intercept_


def plain_ridge_of_a_file(data: Filed) -> tuple[Array, Any]:
    """The normal equations, summed over blocks of a memory map."""
    X, y = np.load(data.path, mmap_mode="r"), data.y
    sums = 0.0
    for start in range(0, len(y), PLAIN_ROWS):
        rows = slice(start, start + PLAIN_ROWS)
        block = np.column_stack([X[rows], y[rows], np.ones(len(y[rows]))])
        sums = sums + block.T @ block
    total, mean = sums[-1, -1], sums[-1, :-1] / sums[-1, -1]
    scatter = sums[:-1, :-1] - total * np.outer(mean, mean)
    coef = np.linalg.solve(scatter[:-1, :-1] + LAM * np.eye(len(mean) - 1), scatter[:-1, -1])
    return coef, mean[-1] - mean[:-1] @ coef


# ---------------------------------------------------------------- the cases


class Net(NamedTuple):
    """A network before an epoch of Adam, and the order of its rows."""

    problem: Problem
    theta: Array
    rows: Array


@functools.lru_cache(maxsize=2)
def network(m: int, n: int, units: int) -> Net:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n))
    Y = np.sin(X[:, :1]) + 0.1 * rng.standard_normal((m, 1))
    layout = Layout((n, units, units, 1))
    problem = Problem(
        X, Y, np.ones(m), float(m), layout, "tanh", np.full(layout.depth, LAM),
        np.zeros(layout.depth),
    )  # fmt: skip
    theta = initial(layout, "tanh", "auto", np.random.RandomState(0))
    return Net(problem, theta, rng.permutation(m))


def network_epoch(data: Net) -> Array:
    theta = data.theta.copy()
    trainer = Trainer(
        data.problem, theta, adam=True, learning_rate=ETA, momentum=0.0, batch=BATCH, clip=0.0
    )
    trainer.epoch(data.rows)
    return theta


def plain_network_epoch(data: Net) -> Array:
    theta, m, v = data.theta.copy(), np.zeros_like(data.theta), np.zeros_like(data.theta)
    for t, start in enumerate(range(0, len(data.rows), BATCH), 1):
        g = data.problem.referee(data.rows[start : start + BATCH]).gradient(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rate = ETA * np.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t)
        theta -= rate * m / (np.sqrt(v) + 1e-8)
    return theta


def shapes(quick: tuple[int, ...], full: tuple[int, ...], *kind: str) -> dict[str, Any]:
    """The arguments of `make` for each size."""
    return {"quick": quick + kind, "full": full + kind}


def gradient_case(name: str, sizes: dict[str, Any], tolerance: float = 1e-10) -> Case:
    return Case(f"gradient_{name}", sizes, regression, gradient, plain_gradient, tolerance)


def family_cases(name: str, make: Callable[..., Any]) -> list[Case]:
    """Gradients, a path, a fit and cross-validation of one loss."""
    return [
        Case(f"{name}_gradients", shapes(*TALL), make, gradients, plain_gradients),
        Case(f"{name}_path", FITTED, make, path_of_a_family, plain_path_of_a_family, 1e-6),
        Case(f"{name}_fit", FITTED, make, fit_of_a_family, plain_fit_of_a_family, 1e-5),
        Case(f"{name}_folds", FITTED, make, folds_of_a_family, plain_folds_of_a_family, 1e-5),
    ]


def search_case(name: str, make: Callable[..., Any]) -> Case:
    return Case(
        f"{name}_search", SEARCHED, make, search_of_a_family, plain_search_of_a_family, 1e-6
    )


def more_family_cases(name: str) -> list[Case]:
    """Those of a family of MORE, and a small fit."""
    make = functools.partial(drawn, name)
    small = Case(f"small_{name}", SMALL, make, fit_of_a_family, plain_fit_of_a_family, 1e-5)
    return [*family_cases(name, make), small]


def several_classes_cases() -> list[Case]:
    """A pass, ridges and a path of all classes at once, in memory and in blocks, a choice by folds,
    and two models of a class against the rest."""
    make, ridges = case_classes.labelled, (case_classes.ridge, case_classes.plain_ridge)
    pass_of = case_classes.slopes, case_classes.plain_slopes
    paths_of = case_classes.lassos, case_classes.plain_lassos
    searches = case_classes.search, case_classes.plain_search
    blocks = case_classes.ridge_in_blocks, case_classes.plain_ridge
    firth = case_classes.firth, case_classes.plain_firth
    margins = case_classes.margins, case_classes.plain_margins
    return [
        Case("softmax", shapes((4000, 5), (1_000_000, 5)), make, *pass_of),
        Case("several_classes", SEARCHED, make, *ridges, tolerance=1e-5),
        Case("small_several_classes", SMALL, make, *ridges, tolerance=1e-5),
        Case("several_classes_path", SMALL, make, *paths_of, tolerance=1e-6),
        Case("several_classes_search", SMALL, make, *searches, tolerance=1e-6),
        Case("several_classes_in_blocks", SEARCHED, make, *blocks, tolerance=1e-5),
        Case("firth", SMALL, make, *firth, tolerance=1e-5),
        Case("linear_svc", SEARCHED, make, *margins, tolerance=1e-5),
    ]


TALL = (4000, 50), (200_000, 500)
SPARSE = (4000, 200), (500_000, 5000)
TALL_FILE = shapes((4000, 50), (400_000, 200))
PLAIN_ROWS = 10_000  # of a block
STEPPED = shapes((500, 10), (50_000, 200))
FITTED = shapes((1000, 40), (50_000, 400))
COLUMNS = shapes((1000, 1200), (2000, 20_000), "F")
SEARCHED = shapes((500, 10), (20_000, 100))
NETWORKS = {"quick": (320, 10, 16), "full": (32_000, 20, 64)}
SMALL = shapes((100, 10), (1000, 50))
SQUARE = shapes((200, 50), (4000, 1000))

# Neighbours share their data.
CASES = {
    case.name: case
    for case in (
        gradient_case("c_float64", shapes(*TALL)),
        Case("objective", shapes(*TALL), regression, objective, plain_objective),
        Case("predict", shapes(*TALL), fitted, predict, plain_predict),
        gradient_case("c_float32", shapes(*TALL, "C", "float32"), tolerance=1e-4),
        gradient_case("fortran", shapes(*TALL, "F")),
        gradient_case("csr", shapes(*SPARSE, "CSR")),
        gradient_case("csc", shapes(*SPARSE, "CSC")),
        Case("update", shapes((1000,), (1_000_000,)), sweep, update, plain_update),
        Case("descent_steps", STEPPED, regression, descent_steps, plain_descent),
        Case("descend", STEPPED, regression, descend, plain_descent),
        Case("gram", FITTED, weighted, gram, plain_gram),
        Case("ridge", FITTED, regression, ridge, plain_ridge),
        Case("ridge_of_columns", COLUMNS, regression, ridge, plain_wide_ridge, tolerance=1e-5),
        Case(
            "standardized_path",
            FITTED,
            regression,
            standardized_path,
            plain_standardized_path,
            1e-8,
        ),
        Case("ridge_of_a_file", TALL_FILE, filed, ridge_of_a_file, plain_ridge_of_a_file, 1e-8),
        Case("lasso", FITTED, regression, lasso, plain_lasso, tolerance=1e-7),
        Case("small_ridge", SMALL, regression, ridge, plain_ridge),
        Case("small_lasso", SMALL, regression, lasso, plain_lasso, tolerance=1e-7),
        Case("predict_row", SMALL, fitted, predict_row, plain_predict_row),
        Case(
            "small_logistic", SMALL, classes, fit_of_a_family, plain_fit_of_a_family, tolerance=1e-5
        ),
        Case("leave_one_out", FITTED, regression, leave_one_out, plain_leave_one_out, 1e-8),
        *family_cases("logistic", classes),
        search_case("logistic", classes),
        Case("logistic_gradients_fortran", shapes(*TALL, "F"), classes, gradients, plain_gradients),
        *family_cases("poisson", counts),
        search_case("poisson", counts),
        *(case for name in MORE for case in more_family_cases(name)),
        *several_classes_cases(),
        Case("folds_of_ridges", FITTED, regression, folds_of_ridges, plain_folds_of_ridges, 1e-8),
        Case(
            "cross_validation", FITTED, regression, cross_validation, plain_cross_validation, 1e-8
        ),
        Case(
            "network_epoch", NETWORKS, network, network_epoch, plain_network_epoch, tolerance=1e-7
        ),
        Case("active_set", SQUARE, gram_form, active_set, plain_coordinate_descent, tolerance=1e-7),
    )
}
