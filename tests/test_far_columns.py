"""Columns far from zero and no penalty: a KKT residual proves nothing if it is not the true one."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp

import fastreg
from fastreg.certificate import Columns, certify
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from tests.conftest import STORAGES
from tests.judge import HAS_EXTENDED, LD, Data

pytestmark = pytest.mark.skipif(not HAS_EXTENDED, reason="the judge needs 80 bits")
FORMS = ("C", "F", "csr", "csc", "float32")
WRONG = 1e-6


def true_kkt(X, y, weights, coef, positive=False, bounds=None, l1=0.0, l2=0.0, intercept=True):
    """The largest violation of optimality, of columns of length 1 about their means."""
    data = Data(X, y, weights, intercept)
    point = data.point(0, l1, l2, positive)
    theta = data.theta(0, coef)
    u = point.A.T @ point.residual(theta) - point.l2 * theta
    most = np.abs(point.A.T @ point.y).max(initial=LD(0))
    slack = np.maximum((u if positive else np.abs(u)) - point.l1, 0)
    distance = np.where(theta != 0, np.abs(u - point.l1 * np.sign(theta)), slack)
    if bounds:
        stuck = ((coef <= bounds[0]) & (u < 0)) | ((coef >= bounds[1]) & (u > 0))
        distance = np.where(stuck, 0, distance)
    return float(distance.max(initial=LD(0)) / most) if most > 0 else 0.0


def draw(rng):
    """X dense and as stored, y and weights: units and offsets that leave few digits, or none."""
    m, n = int(rng.integers(6, 60)), int(rng.integers(1, 9))
    form = str(rng.choice(FORMS))
    Z = rng.standard_normal((m, n)) * (rng.random((m, n)) < rng.choice([0.3, 1.0, 1.0]))
    unit = 10.0 ** rng.uniform(-9, 9, n) if rng.random() < 0.5 else np.ones(n)
    far = rng.choice([-1, 1], n) * (rng.random(n) < 0.7)
    X = (Z + far * 10.0 ** rng.uniform(0, 7 if form == "float32" else 16, n)) * unit
    stored = STORAGES[form](X) if form in STORAGES else X.astype(np.float32)
    y = Z.sum(axis=1) * rng.choice([1.0, 5.0, 100.0]) + 0.1 * rng.standard_normal(m)
    weights = None
    if rng.random() < 0.3:
        weights = rng.random(m) * 10.0 ** rng.uniform(-12 * (rng.random() < 0.3), 0, m)
        weights[rng.random(m) < 0.2] = 0.0
        weights[0] = 1.0
    return (
        np.asarray(stored.toarray() if sp.issparse(stored) else stored, float),
        stored,
        y,
        weights,
    )


def answers(kind, rng, X, y, weights):
    """(certificate, whether a gap proves it, coefficients, how `true_kkt` is to judge them)."""
    if kind in ("auto", "svd", "sparse_cg"):
        model = fastreg.Ridge(alpha=0.0, solver=kind).fit(X, y, weights)
        return model.certificate_, [(model.coef_, {})]
    if kind in ("any sign", "positive"):
        model = fastreg.Lasso(alpha=0.0, positive=kind == "positive").fit(X, y, weights)
        return model.certificate_, [(model.coef_, {"positive": kind == "positive"})]
    options = {"l1_ratio": float(rng.choice([0.0, 0.5, 1.0]))}
    alphas = np.array([10.0 ** rng.uniform(2, 14), 10.0 ** rng.uniform(-5, 2), 0.0])
    judged = {}
    if kind == "bounds":
        options["bounds"] = judged["bounds"] = (-(10.0 ** rng.uniform(-3, 3)), 10.0)
    if kind == "positive path":
        options["positive"] = judged["positive"] = True
    found = fastreg.path(X, y, alphas=alphas, sample_weight=weights, **options)
    ratio = options["l1_ratio"]
    parts = [
        (coef, {**judged, "l1": alpha * ratio, "l2": alpha * (1 - ratio)})
        for coef, alpha in zip(found.coefs.T, found.alphas, strict=True)
    ]
    return found.certificate, parts


KINDS = (
    "auto", "svd", "sparse_cg", "any sign", "positive", "path", "positive path", "bounds",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_no_residual_is_said_to_be_small_that_is_not(kind):
    reached = 0
    for seed in range(25):
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        X, stored, y, weights = draw(rng)
        certificate, parts = answers(kind, rng, stored, y, weights)
        proven = certificate.relative_gap <= certificate.tol
        for (coef, judged), sure in zip(parts, proven, strict=True):
            if certificate.converged and not sure:
                assert true_kkt(X, y, weights, coef, **judged) <= WRONG, seed
        reached += certificate.converged
    assert reached >= 12  # refusing all of them would be easy


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(20))
def test_a_path_from_a_huge_strength_to_none(seed):
    """One ridge term of 1e13 is not to make the columns of the next point rounding."""
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((30, 3))
    X = np.column_stack([Z[:, :2], (Z[:, 2] + 1e10) * 1e-9])
    y = Z[:, 2] + 0.3 * Z[:, 0] + 0.1 * rng.standard_normal(30)
    path = fastreg.path(X, y, l1_ratio=0.5, alphas=[1e13, 0.0], positive=True)
    residual = y - path.predict(X)[:, 1]
    assert not path.certificate.converged or (residual @ residual) < 0.1 * y.var() * len(y)


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("far", [1e4, 1e8, 1e11, 1e14])
def test_a_shift_and_a_scale_that_mislead_certify_nothing_false(storage, far, rng):
    """With its columns thought to be of another size, the certificate subtracts too late."""
    X = rng.standard_normal((40, 2)) + np.array([0.0, far])
    y = 5 * (X[:, 1] - far) + 0.1 * X[:, 0]
    first = X[:, 0] - X[:, 0].mean()  # explained; the other one is not
    coef = np.array([[first @ y / (first @ first)], [0.0]])
    scale, shift = np.full(2, 2.0**-60), X.mean(axis=0)
    found = certify(
        as_design(STORAGES[storage](X)), y[:, None], coef, y.mean() - X.mean(axis=0) @ coef,
        Objective(np.zeros((1, 1)), L1(0.0)), tol=1e-4, method="", passes=0,
        columns=Columns(shift, scale),
    )  # fmt: skip
    assert found.by_kkt and not found.converged
    assert found.kkt[0] >= 0.99


def test_a_constant_column_is_explained_by_the_intercept(rng):
    X = np.column_stack([rng.standard_normal(40), np.full(40, 0.1)])
    y = X[:, 0] + rng.standard_normal(40)
    model = fastreg.Ridge(alpha=0.0).fit(X, y)
    objective, coef = Objective(np.zeros((1, 1)), L1(0.0)), model.coef_[:, None]
    found = certify(
        as_design(X), y[:, None], coef, np.array([model.intercept_]), objective,
        tol=1e-4, method="", passes=0,
    )  # fmt: skip
    assert found.converged and found.by_kkt


@pytest.mark.parametrize("below", [0.3, 1.7, 3.1, 6.9])
def test_an_intercept_far_from_zero_is_as_far_from_the_best_as_it_is(below):
    """Beside a mean of y that is far from it, too: their difference is rounded by 4e-6."""
    x = np.arange(5.0)
    X, slope = (5e7 + x)[:, None], 1024.0
    y = 2e7 + below * 1e-3 + slope * x  # at the best intercept nothing is left but rounding
    best = sum(map(Fraction, y)) / 5 - Fraction(slope) * sum(map(Fraction, X[:, 0])) / 5
    given = float(best)
    found = certify(
        as_design(X), y[:, None], np.array([[slope]]), np.array([given]),
        Objective(np.zeros((1, 1)), L1(0.0)), tol=1e-4, method="", passes=0,
        columns=Columns(X.mean(axis=0), np.ones(1)),
    )  # fmt: skip
    off = float(Fraction(given) - best)
    assert abs(off) > 1e-7
    assert found.objective[0] == pytest.approx(off**2 / 2, rel=1e-2)
