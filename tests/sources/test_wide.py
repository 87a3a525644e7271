"""More features than moments are kept of: reads of the source, certified by blocks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit

import fastreg
from fastreg.linear_model import base
from fastreg.sources.arrays import Arrays

pytestmark = needs_jit  # minutes of plain Python without


@pytest.fixture(autouse=True)
def _few_moments(monkeypatch):
    monkeypatch.setattr(base, "MOST_MEMORY", 0)


def data(kind):
    rng = np.random.default_rng(0)
    if kind == "sparse":
        X = scipy.sparse.random(1500, 300, 0.02, format="csr", random_state=0)
        dense = X.toarray()
    else:
        m, n = (1200, 150) if kind == "tall" else (120, 400)
        dense = X = rng.standard_normal((m, n)) * np.geomspace(0.1, 10, n) + 5.0
    Y = dense[:, :3] @ rng.standard_normal((3, 2)) + rng.standard_normal((len(dense), 2))
    return X, Y, rng.random(len(dense))


def streamed(X, Y, w=None):
    source = Arrays(X, Y, w, block_bytes=8 * 40 * X.shape[1])
    source.memory = 0
    return source


@pytest.mark.parametrize("kind", ["tall", "wide", "sparse"])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("case", ["one", "two", "weighted"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7, 1.0])
def test_reads_give_the_answer_of_memory(kind, centred, case, l1_ratio):
    X, Y, w = data(kind)
    y, w = (Y if case == "two" else Y[:, 0]), (w if case == "weighted" else None)
    model = fastreg.ElasticNet(alpha=0.3, l1_ratio=l1_ratio, fit_intercept=centred, tol=1e-9)
    found = model.fit(streamed(X, y, w))
    coef, intercept, certificate = found.coef_, found.intercept_, found.certificate_
    assert certificate.converged and "blocks" in certificate.method
    model.fit(X, y, w)
    away = np.linalg.norm(np.atleast_2d(coef - model.coef_), axis=1)
    if l1_ratio < 1.0:  # ½ l2 ‖Δ‖² is at most the gap, of a strongly convex objective
        assert (away <= np.sqrt(2.0 * certificate.gap / (0.3 * (1.0 - l1_ratio))) + 1e-9).all()
    else:
        assert (away <= 1e-4 * np.linalg.norm(model.coef_)).all()
    np.testing.assert_allclose(intercept, model.intercept_, atol=1e-2)
    above, null = certificate.objective - model.certificate_.objective, certificate.null
    assert (above <= certificate.gap + 1e-11 * null).all() and (above >= -1e-9 * null).all()
    np.testing.assert_allclose(certificate.null, model.certificate_.null, rtol=1e-12)


def test_the_certificate_of_blocks_is_that_of_memory():
    """Of a wrong answer, too: the gap is that of the rows, to rounding."""
    from fastreg.certificate import Columns, certify, certify_source
    from fastreg.design import as_design
    from fastreg.objectives import Objective
    from fastreg.penalties import L1

    X, Y, w = data("tall")
    rng = np.random.default_rng(1)
    coef, intercept = rng.standard_normal((150, 2)) * 0.1, np.array([3.0, -2.0])
    objective = Objective(np.full((1, 2), 0.2), L1(0.1), w, True)
    shift, scale = X.mean(axis=0), np.ldexp(1.0, -np.frexp(X.std(axis=0))[1])
    options = {"tol": 1e-4, "method": "none", "passes": 0, "columns": Columns(shift, scale)}
    expected = certify(as_design(X), Y, coef, intercept, objective, **options)
    bare = Objective(objective.l2, objective.penalty, None, True)
    unit = np.ldexp(1.0, np.frexp(Y.std(axis=0))[1])
    found = certify_source(
        streamed(X, Y, w), coef, intercept, bare, mean=Y.mean(axis=0), unit=unit, **options
    )
    for name in ("gap", "relative_gap", "kkt", "objective", "null"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9)
    assert (found.relative_gap > 1e-3).all()


@pytest.mark.parametrize("centred", [True, False])
def test_what_is_known_of_columns_is_what_memory_knows(centred):
    """From blocks as from one read: shifts, scales and curvatures, of columns far from zero too."""
    from fastreg.design import as_design
    from fastreg.objectives import Objective
    from fastreg.penalties import L1
    from fastreg.problems import in_memory
    from fastreg.problems import streamed as blockwise

    X, Y, w = data("tall")
    found = blockwise.standardise(
        streamed(X, Y, w), Objective(np.ones((1, 1)), L1(0.0), None, centred)
    )
    expected = in_memory.standardise(
        as_design(X), Y, Objective(np.ones((1, 1)), L1(0.0), w, centred)
    )
    for name in ("scale", "size", "curvatures", *(["shift"] if centred else [])):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-10)
    assert (found.shift is None) == (not centred)


def test_how_often_rows_are_read():
    """docs/decisions/0011-blocks.md: working sets 5 to 12 times, conjugate gradients up to 30."""
    X, Y, _ = data("tall")
    ridge = fastreg.Ridge(alpha=50.0, tol=1e-4).fit(streamed(X, Y[:, 0]))
    lasso = fastreg.Lasso(alpha=0.2, tol=1e-4).fit(streamed(X, Y[:, 0]))
    assert ridge.certificate_.converged and 3 <= ridge.certificate_.passes <= 30
    assert lasso.certificate_.converged and 3 <= lasso.certificate_.passes <= 12


def test_ridge_alpha_is_beside_the_sum_of_weights():
    X, Y, w = data("tall")
    found = fastreg.Ridge(alpha=5.0, tol=1e-10).fit(streamed(X, Y, w))
    expected = fastreg.Ridge(alpha=5.0).fit(X, Y, w)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-4)


def test_a_stream_that_is_gone_after_one_read_says_so():
    X, Y, _ = data("tall")
    source = fastreg.read(iter([(X, Y[:, 0])]))
    with pytest.raises(ValueError, match="read once only"):
        fastreg.Ridge().fit(source)


def test_a_bad_value_is_told_with_its_place():
    X, Y, _ = data("tall")
    X[777, 3] = np.nan
    with pytest.raises(ValueError, match="X contains NaN: row 777, column 3"):
        fastreg.Lasso().fit(streamed(X, Y))


def test_dask_takes_the_same_reads():
    da = pytest.importorskip("dask.array")
    X, Y, _ = data("tall")
    y = Y[:, 0]
    chunks = da.from_array(X, chunks=(200, -1)), da.from_array(y, chunks=200)
    found = fastreg.Lasso(alpha=0.2, tol=1e-9).fit(*chunks)
    expected = fastreg.Lasso(alpha=0.2, tol=1e-9).fit(X, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-8)
