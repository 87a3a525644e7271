"""The certificate is a bound, is tight at the minimum, and notices a spoiled answer."""

import numpy as np
import pytest
from conftest import JIT, STORAGES, matrix
from hypothesis import given, settings
from hypothesis import strategies as st

import fastreg
from fastreg import certificate
from fastreg.certificate import Columns, certify, reads
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1, Bounded, non_negative
from fastreg.solvers import solve


def evaluated(A, y, w, coef, b, l2, l1):
    r = A @ coef + b - y
    return (w @ r**2) / (2 * w.sum()) + l2 / 2 * coef @ coef + l1 * np.abs(coef).sum()


def check(X, y, coef, b, objective, **options):
    arguments = {"tol": 1e-4, **options}
    return certify(
        X, y[:, None], coef[:, None], np.array([b]), objective, method="none", passes=0, **arguments
    )


@given(
    seed=st.integers(0, 2**20),
    l1=st.sampled_from([0.0, 1e-3, 0.1, 1.0]),
    l2=st.sampled_from([0.0, 1e-3, 1.0]),
    intercept=st.booleans(),
    weighted=st.booleans(),
    positive=st.booleans(),
    storage=st.sampled_from(["C", "F", "csr", "csc", "float32"]),
    spoil=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
)
@settings(max_examples=150 if JIT else 10, deadline=None)
def test_gap_bounds_the_distance_to_the_minimum(
    seed, l1, l2, intercept, weighted, positive, storage, spoil
):
    """For any coefficients, good or spoiled: P − P* ≤ gap, P* from a solve to 1e-12."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(2, 25), rng.integers(1, 12)
    A, y, w = matrix(m, n, seed), rng.standard_normal(m), rng.random(m) + 0.1
    X = as_design(STORAGES[storage](A))
    kind = non_negative if positive else L1
    objective = Objective(np.array([[l2]]), kind(l1), w if weighted else None, intercept)
    best = solve(X, y[:, None], objective, tol=1e-12)
    w = w if weighted else np.ones(m)
    least = evaluated(A, y, w, best.coef[:, 0], best.intercept[0], l2, l1)

    coef = best.coef[:, 0] + spoil * rng.standard_normal(n)
    coef = np.maximum(coef, 0) if positive else coef
    b = best.intercept[0] + (spoil * rng.standard_normal() if intercept else 0.0)
    found = check(X, y, coef, b, objective)
    value = evaluated(A, y, w, coef, b, l2, l1)
    null = evaluated(A, y, w, 0 * coef, w @ y / w.sum() if intercept else 0.0, 0, 0)
    assert value - least <= found.gap[0] + 1e-11 * max(value, null)
    np.testing.assert_allclose(found.objective[0], value, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(found.null[0], null, rtol=1e-9, atol=1e-13)
    if l1 or l2:
        assert best.certificate.relative_gap[0] <= 1e-10
    assert best.certificate.kkt[0] <= 1e-6


@pytest.mark.parametrize("storage", ["C", "csr", "csc"])
def test_a_spoiled_answer_is_noticed(storage, rng):
    A, y = matrix(), rng.standard_normal(37)
    X, objective = as_design(STORAGES[storage](A)), Objective(np.array([[0.01]]), L1(0.02))
    best = solve(X, y[:, None], objective, tol=1e-10)
    good = check(X, y, best.coef[:, 0], best.intercept[0], objective)
    assert good.converged and good.kkt[0] < 1e-8
    for coef, b in [
        (best.coef[:, 0] + 0.05, best.intercept[0]),
        (best.coef[:, 0], best.intercept[0] + 0.1),
        (np.zeros(6), best.intercept[0]),
    ]:
        spoiled = check(X, y, coef, b, objective)
        assert not spoiled.converged
        assert spoiled.relative_gap[0] > 1e-3


def test_any_shift_and_scale_give_the_same_certificate(rng):
    A, y = matrix() + 3.0, rng.standard_normal(37)
    X, objective = as_design(A), Objective(np.array([[0.01]]), L1(0.02))
    coef = rng.standard_normal(6)
    plain = check(X, y, coef, 0.2, objective)
    other = check(X, y, coef, 0.2, objective, columns=Columns(A.mean(axis=0), 2.0 ** np.arange(6)))
    np.testing.assert_allclose(other.gap, plain.gap, rtol=1e-10)
    np.testing.assert_allclose(other.kkt, plain.kkt, rtol=1e-8)


def test_a_constant_target_has_no_gap():
    X, objective = as_design(matrix()), Objective(np.array([[0.0]]), L1(0.1))
    found = check(X, np.full(37, 0.1), np.zeros(6), 0.1, objective)
    assert found.gap[0] == 0.0 and found.relative_gap[0] == 0.0 and found.converged


def test_an_unknown_penalty_has_no_certificate(rng):
    with pytest.raises(TypeError, match="no certificate is known for the penalty tuple"):
        check(
            as_design(matrix()),
            rng.standard_normal(37),
            np.zeros(6),
            0.0,
            Objective(np.zeros((1, 1)), (1,)),
        )


def test_text_says_what_was_reached_and_asked(rng):
    A, y = matrix(), rng.standard_normal(37)
    X = as_design(A)
    penalised = check(X, y, np.ones(6), 0.0, Objective(np.array([[0.1]]), L1(0.1)))
    assert "relative duality gap" in str(penalised) and "asked 1e-04, NOT reached" in str(penalised)
    free = check(X, y, np.ones(6), 0.0, Objective(np.zeros((1, 1)), L1(0.0)))
    assert "KKT residual" in str(free) and "no gap is known" in str(free)


@given(
    seed=st.integers(0, 2**20),
    l1=st.sampled_from([0.0, 0.1]),
    l2=st.sampled_from([0.0, 0.3]),
    spoil=st.sampled_from([0.0, 1e-6, 0.3]),
)
@settings(max_examples=60 if JIT else 10, deadline=None)
def test_the_gap_of_a_bounded_answer_is_a_bound_and_tight(seed, l1, l2, spoil):
    rng = np.random.default_rng(seed)
    A, y = matrix(15, 6, seed), rng.standard_normal(15)
    low, high = -0.3 * rng.random(6), np.where(rng.random(6) < 0.3, np.inf, 0.2 * rng.random(6))
    X, objective = as_design(A), Objective(np.array([[l2]]), Bounded(l1, low, high))
    best = solve(X, y[:, None], objective, tol=1e-12)
    coef = np.clip(best.coef[:, 0] + spoil * rng.standard_normal(6), low, high)
    least = evaluated(A, y, np.ones(15), best.coef[:, 0], best.intercept[0], l2, l1)
    b = (y - A @ coef).mean()
    found = check(X, y, coef, b, objective)
    value = evaluated(A, y, np.ones(15), coef, b, l2, l1)
    assert value - least <= found.gap[0] + 1e-11
    if not (l1 == 0.0 and l2 == 0.0 and np.isinf(high).any()):
        assert best.certificate.relative_gap[0] <= 1e-9
    outside = coef.copy()
    outside[0] = low[0] - 1e-3
    assert not check(X, y, outside, b, objective).converged


def test_blas_is_held_at_one_thread(monkeypatch):
    from threadpoolctl import threadpool_info

    found = []

    def look(*arguments):
        found.extend(
            each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"
        )
        return judge(*arguments)

    judge = certificate._judge_by_reads
    monkeypatch.setattr(certificate, "_judge_by_reads", look)
    X, y = np.random.default_rng(0).standard_normal((2, 40, 3))
    fastreg.LassoCV(cv=3).fit(X, y[:, 0])
    assert found and set(found) == {1}


@pytest.mark.parametrize("order", "CF")
def test_residuals_at_hand_are_read_against_rows_or_columns_in_blocks(order, rng, monkeypatch):
    monkeypatch.setattr("fastreg.design.matrix._BLOCK_BYTES", 1024)
    A, R = rng.standard_normal((60, 20)), rng.standard_normal((60, 3))
    X, w, scale = as_design(np.array(A, order=order)), np.full(60, 1 / 60), np.ones(20)
    assert len(X.pieces()) > 1
    found = reads.with_residuals(reads.plain(X, w, None, scale), R, None)
    np.testing.assert_allclose(found.c, R.T @ A / 60, atol=1e-14)
    np.testing.assert_allclose(found.norms, np.sqrt((A * A).mean(axis=0)), atol=1e-14)
