"""The active set reaches exact minima: their conditions, the reference, the factor it keeps."""

import numpy as np
import pytest
from conftest import JIT, matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from fastreg import kernels, penalties, reference
from fastreg.kernels import active_set
from fastreg.penalties import L1, Bounded, non_negative

FLAT = 1e-280  # curvature below which the kernel takes a column for zero
SLACK = 1e-13  # of the unit of the gradient
MOST = 3000  # steps: more than anything here takes
SIZES = (1, 2, 7, 8, 9, 23, 70, 200) if JIT else (1, 7, 9)
COLUMNS = ("full", "deficient", "duplicated", "dependent", "zero")
PENALTIES = ("none", "l1", "l1-each", "non-negative", "non-negative-each")


class Inner:
    """½bᵀGb − cᵀb + ½ Σ l2 b² + p(b), and where the kernel has brought it, from b = 0 on."""

    def __init__(self, gram, linear, l2, penalty, capacity=None):
        n = len(linear)
        self.gram, self.linear, self.penalty = gram, linear, penalty
        self.l2 = np.broadcast_to(l2, (n,)) * 1.0
        self.factor = kernels.factor(n if capacity is None else capacity, n)
        self.move(np.zeros(n))

    def move(self, coef):
        self.coef, self.size = coef.copy(), 0.0
        self.gradient = padded(self.exact_gradient(), 0.0)

    def times(self, factor):
        return penalties.times(self.penalty, factor)

    def exact_gradient(self):
        return self.gram @ self.coef - self.linear + self.l2 * self.coef

    def unit(self):
        """What rounding errors of the gradient are relative to: the sizes met since `move`."""
        size = np.abs(self.gram) @ np.abs(self.coef) + self.l2 * np.abs(self.coef)
        self.size = max(self.size, np.abs(self.linear).max(), size.max(), 1e-300)
        return self.size

    def objective(self):
        smooth = 0.5 * self.coef @ (self.exact_gradient() - self.linear)
        return smooth + reference._penalty(self.penalty, self.coef).sum()

    def rounding(self):
        """Of `objective`, whose terms a flat direction may make a million times their sum."""
        b = np.abs(self.coef)
        return np.finfo(float).eps * (b @ (np.abs(self.gram) @ b) + np.abs(self.linear) @ b)

    def minimise(self, slack=SLACK, max_steps=MOST):
        # What stands beyond column n is nobody's business.
        gram, l2, level = padded(self.gram, 7.0), padded(self.l2, 0.0), slack * self.unit()
        form = active_set.Quadratic(gram, self.gradient, self.coef, l2)
        return kernels.minimise(form, self.penalty, self.factor, level, max_steps)


def padded(values, filling):
    n = values.shape[-1]
    out = np.full((*values.shape[:-1], -(-n // 8) * 8), filling)
    out[..., :n] = values
    return out


def columns(kind, n, rng):
    """(m, n): of full rank, or with the defects that sets of columns have."""
    m = max(1, n // 2) if kind == "deficient" else n + 10
    A = rng.standard_normal((m, n))
    for _ in range(1 + n // 8):
        i, j, k = rng.integers(n, size=3)
        if kind == "duplicated":
            A[:, k] = rng.choice([-1.0, 1.0]) * A[:, i]
        elif kind == "dependent":
            A[:, k] = A[:, i] + A[:, j]
        elif kind == "zero":
            A[:, k] = 0.0
    return A


def strengths(kind, n, rng):
    each = rng.random(n) * (rng.random(n) < 0.7)  # three in ten features are not penalised
    return {
        "none": L1(0.0),
        "l1": L1(0.2),
        "l1-each": L1(0.3 * each),
        "non-negative": non_negative(0.1),
        "non-negative-each": Bounded(0.3 * each, np.zeros(n), np.full(n, np.inf)),
        "bounded": Bounded(0.02 * each, -0.1 * rng.random(n), 0.1 * rng.random(n)),
    }[kind]


def inner(A, l2, kind, rng, **options):
    """The largest gradient at zero is 1."""
    y = rng.standard_normal(len(A))
    size = max(np.abs(A.T @ y).max(), 1e-300)
    return Inner(A.T @ A / len(A), A.T @ y / size, l2, strengths(kind, A.shape[1], rng), **options)


def assert_current(found):
    """The gradient is that of the coefficients."""
    n = len(found.coef)
    error = np.abs(found.gradient[:n] - found.exact_gradient()).max()
    assert error <= 1e-12 * found.unit()


def assert_minimal(found):
    assert_current(found)
    live = np.diag(found.gram) + found.l2 >= FLAT
    distances = reference.distances(found.penalty, found.coef, found.exact_gradient())
    assert distances[live].max(initial=0.0) <= 1e-12 * found.unit()
    assert np.isfinite(reference._penalty(found.penalty, found.coef).sum())


def assert_factored(found):
    """UᵀU = H_FF; members and places agree; who is free and not in F depends on F."""
    factor, n = found.factor, len(found.coef)
    s = factor.size[0]
    F = factor.members[:s]
    assert len(set(F)) == s
    np.testing.assert_array_equal(factor.place[F], np.arange(s))
    assert np.all(np.delete(factor.place[:n], F) < 0)
    H, U = found.gram + np.diag(found.l2), np.triu(factor.upper[:s, :s])
    sizes = np.sqrt(np.diag(H)[F])
    assert np.all(np.abs(U.T @ U - H[np.ix_(F, F)]) <= 1e-12 * np.outer(sizes, sizes))


def free(found):
    """Coefficients inside their pieces, of columns that are not zero."""
    pieces = [penalties.segment(found.penalty, j, w) for j, w in enumerate(found.coef)]
    low, high = np.array(pieces).T
    return np.flatnonzero((low < high) & (np.diag(found.gram) + found.l2 >= FLAT))


def assert_free_are_members_or_depend_on_them(found):
    F, H = found.factor.members[: found.factor.size[0]], found.gram + np.diag(found.l2)
    for j in np.setdiff1d(free(found), F):
        apart = H[F, j] @ np.linalg.lstsq(H[np.ix_(F, F)], H[F, j], rcond=None)[0]
        assert H[j, j] - apart <= 1e-10 * H[j, j]


# ---------------------------------------------------------------- minima


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("defect", COLUMNS)
@pytest.mark.parametrize("n", SIZES)
def test_the_answer_is_a_minimum_and_its_factor_is_right(n, defect, kind, l2, rng):
    found = inner(columns(defect, n, rng), l2, kind, rng)
    assert found.minimise() < MOST
    assert_minimal(found)
    assert_factored(found)
    assert_free_are_members_or_depend_on_them(found)


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize(
    ("n", "defect", "l2"), [(9, "full", 0.0), (9, "dependent", 0.1), (23, "deficient", 0.1)]
)
def test_the_answer_is_that_of_the_reference(n, defect, l2, kind, rng):
    found = inner(columns(defect, n, rng), l2, kind, rng)
    found.minimise()
    coef, gradient = np.zeros(n), -found.linear
    form = active_set.Quadratic(found.gram, gradient, coef, found.l2)
    steps = reference.minimise(form, found.penalty, None, 0.0, 20_000)
    assert steps < 20_000
    np.testing.assert_allclose(found.coef, coef, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.gradient[:n], gradient, atol=1e-10)


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("defect", ["deficient", "duplicated", "dependent"])
def test_one_of_many_minima_is_as_good_as_that_of_the_reference(defect, kind, rng):
    found = inner(columns(defect, 8, rng), 0.0, kind, rng)
    other = Inner(found.gram, found.linear, found.l2, found.penalty)
    found.minimise()
    form = active_set.Quadratic(other.gram, other.gradient, other.coef, other.l2)
    reference.minimise(form, other.penalty, None, 0.0, 2000)
    assert found.objective() <= other.objective() + 1e-13
    assert other.objective() <= found.objective() + 1e-6  # descent is slow where H is singular


@pytest.mark.parametrize("kind", PENALTIES)
def test_a_zero_column_is_left_alone(kind, rng):
    found = Inner(np.zeros((3, 3)), np.zeros(3), 0.0, strengths(kind, 3, rng))
    assert found.minimise(slack=0.0) < MOST
    np.testing.assert_array_equal(found.coef, 0.0)


def test_nothing_is_done_at_a_minimum_of_zero(rng):
    found = inner(columns("full", 9, rng), 0.0, "l1", rng)
    found.penalty = L1(1.0)
    assert found.minimise() <= 1
    np.testing.assert_array_equal(found.coef, 0.0)
    assert found.factor.size[0] == 0


@pytest.mark.skipif(not JIT, reason="sizes")
@pytest.mark.parametrize("defect", ["full", "duplicated", "dependent"])
def test_a_large_set_is_factorised_at_once_and_grows_from_there(defect, rng, monkeypatch):
    calls = []
    whole = active_set._factorise
    monkeypatch.setattr(active_set, "_factorise", lambda *a: calls.append(1) or whole(*a))
    found = inner(columns(defect, 300, rng), 0.0, "l1", rng)
    for factor in (0.5, 0.1, 0.09):
        found.penalty = L1(0.2 * factor)
        found.minimise()
        assert_minimal(found)
        assert_factored(found)
        assert_free_are_members_or_depend_on_them(found)
    assert calls


def test_a_factor_with_more_room_is_the_same(rng):
    found = inner(columns("full", 9, rng), 0.1, "l1", rng)
    found.minimise()
    small, found.factor = found.factor, kernels.enlarged(found.factor, 24, 17)
    assert found.factor.members.shape == (24,)
    assert found.factor.size[0] == small.size[0] > 0
    assert_factored(found)


# ---------------------------------------------------------------- from one call to the next


@pytest.mark.parametrize("kind", ["l1", "l1-each", "non-negative"])
@pytest.mark.parametrize("defect", COLUMNS)
@pytest.mark.parametrize("n", [9, 41] if JIT else [9])
def test_a_path_of_strengths_down_and_up_again(n, defect, kind, rng):
    found = inner(columns(defect, n, rng), 0.0, kind, rng)
    base = found.penalty
    for strength in (3.0, 1.0, 0.5, 0.1, 0.02, 0.0, 0.02, 0.3, 1.0, 9.0, 0.05):
        found.penalty = penalties.times(base, strength)
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)


def test_a_path_ends_where_a_fresh_start_does(rng):
    found = inner(columns("full", 23, rng), 0.1, "l1", rng)
    fresh = Inner(found.gram, found.linear, found.l2, found.penalty)
    for strength in (4.0, 2.0, 0.1, 1.0):
        found.penalty = fresh.times(strength)
        found.minimise()
    fresh.minimise()
    np.testing.assert_allclose(found.coef, fresh.coef, atol=1e-12)


@pytest.mark.parametrize("defect", COLUMNS)
def test_another_ridge_after_clear(defect, rng):
    found = inner(columns(defect, 17, rng), 0.3, "l1-each", rng)
    for l2 in (0.3, 0.01, 2.0, 0.0):
        found.l2 = np.full(17, l2)
        kernels.clear(found.factor)
        found.move(found.coef)
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("defect", COLUMNS)
def test_coefficients_may_change_between_calls(defect, kind, rng):
    found = inner(columns(defect, 17, rng), 0.0, kind, rng)
    live = np.diag(found.gram) > 0.0
    for share in (0.0, 0.2, 0.9):
        found.minimise()
        found.move(np.abs(rng.standard_normal(17)) * (rng.random(17) < share) * live)
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)


def test_columns_may_be_added_between_calls(rng):
    A = columns("dependent", 24, rng)
    every = inner(A, 0.0, "l1", rng)
    factor, coef = kernels.factor(24, 24), np.zeros(0)
    for p in (3, 8, 15, 24):
        found = Inner(every.gram[:p, :p], every.linear[:p], 0.0, every.penalty)
        found.factor = factor
        found.move(np.append(coef, np.zeros(p - len(coef))))
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)
        coef = found.coef


# ---------------------------------------------------------------- columns that depend on others


def test_dependent_columns_make_room():
    """Starts from x_2 = x_0 + x_1 with all three free, and three times the price for x_2."""
    A = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    found = Inner(A.T @ A, np.array([2.0, 2.0, 4.0]), 0.0, L1(np.array([0.1, 0.1, 0.3])))
    found.move(np.array([0.5, 0.5, 1.0]))
    found.minimise()
    np.testing.assert_allclose(found.coef, [1.9, 1.9, 0.0], atol=1e-14)


def test_one_cheap_column_replaces_two():
    A = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    found = Inner(A.T @ A, np.array([2.0, 2.0, 4.0]), 0.0, L1(np.array([0.1, 0.1, 0.1])))
    found.move(np.array([1.0, 1.0, 0.0]))
    found.minimise()
    np.testing.assert_allclose(found.coef, [0.0, 0.0, 1.95], atol=1e-14)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_copy_of_a_column_takes_nothing_away(sign, rng):
    A = columns("full", 9, rng)
    A[:, 8] = sign * A[:, 0]
    both = inner(A, 0.0, "l1", rng)
    one = Inner(both.gram[:8, :8], both.linear[:8], 0.0, both.penalty)
    assert both.minimise() < MOST
    one.minimise()
    assert both.objective() == pytest.approx(one.objective(), rel=1e-13)
    assert both.coef[0] + sign * both.coef[8] == pytest.approx(one.coef[0], rel=1e-12)


def test_unpenalised_copies_are_stuck_and_harmless(rng):
    A = columns("full", 9, rng)
    A[:, 4], A[:, 8] = A[:, 0], -A[:, 0]
    found = inner(A, 0.0, "none", rng)
    assert found.minimise() < MOST
    assert_minimal(found)
    assert found.factor.size[0] == 7


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("kind", [L1, non_negative])
@pytest.mark.parametrize("l1", [0.0, 1e-3, 0.1, 1.0])
def test_columns_of_rank_five_in_ten_do_not_go_round(l1, kind, centred, weighted):
    """Seed 20162 of `test_gap_bounds_the_distance_to_the_minimum`, which once did."""
    rng = np.random.default_rng(20162)
    m, n = rng.integers(2, 25), rng.integers(1, 12)
    A, y, w = matrix(m, n, 20162), rng.standard_normal(m), rng.random(m) + 0.1
    w = w / w.sum() if weighted else np.full(m, 1 / m)
    if centred:
        A, y = A - w @ A, y - w @ y
    found = Inner(A.T @ (w[:, None] * A), A.T @ (w * y), 0.0, kind(l1))
    for slack in (1e-4, 1e-13):
        assert found.minimise(slack) < 100
    assert_minimal(found)


@pytest.mark.parametrize("slack", [1e-12, 1e-14, 0.0])
@pytest.mark.parametrize("nearness", [1e-2, 1e-3, 1e-4])
def test_rounding_carries_no_coefficient_away(nearness, slack, rng):
    """A copy of an unpenalised column feels rounding errors only, the larger the nearer its
    neighbour, and none of the penalised members resists but by rounding errors."""
    for _ in range(100 if JIT else 5):
        A = rng.standard_normal((16, 6))
        A[:, 1], A[:, 2] = A[:, 0] + nearness * A[:, 1], A[:, 0]
        found = inner(A, 0.0, "none", rng)
        found.penalty = L1(np.array([0.0, 0.0, 0.0, 1e-4, 1e-4, 1e-4]))
        found.minimise(slack, max_steps=100)
        least = np.abs(np.linalg.lstsq(found.gram, found.linear, rcond=1e-13)[0]).max()
        assert np.abs(found.coef).max() <= 10 * least
        assert_minimal(found)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("defect", COLUMNS)
def test_out_of_steps_is_no_damage(defect, kind, rng):
    """Whatever the limit nothing is worse than before, and the next call goes on from there."""
    A = columns(defect, 15, rng)
    for first in (0, 1, 2, 3):
        found = inner(A, 0.0, kind, rng)
        for limit in range(first, 40):
            before = found.objective()
            steps = found.minimise(max_steps=limit)
            assert steps <= limit
            assert_current(found)
            assert_factored(found)
            assert found.objective() <= before + 1e-13
            if steps < limit:
                break
        assert_minimal(found)


@pytest.mark.parametrize("kind", ["l1", "non-negative"])
def test_fewer_steps_than_allowed_mean_a_minimum(kind, rng):
    for _ in range(40 if JIT else 4):
        start = inner(columns("deficient", 15, rng), 0.0, kind, rng)
        for limit in range(1, 12):
            found = Inner(start.gram, start.linear, start.l2, start.penalty)
            if found.minimise(max_steps=limit) < limit:
                assert_minimal(found)


@pytest.mark.parametrize("seed", [0, 14, 53])
def test_members_that_are_not_at_their_minimum_make_no_room(seed):
    """One step, copies among the columns: what only the penalty should feel, all of H felt."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((12, 15))
    A[:, 3], A[:, 5], y = -A[:, 0], A[:, 1], rng.standard_normal(12)
    for limit in range(1, 8):
        found = Inner(A.T @ A / 12, A.T @ y / 12, 0.0, L1(0.003))
        found.minimise(max_steps=limit)
        assert np.abs(found.coef).max() < 100.0


def test_a_full_factor_says_so(rng):
    """Eight places for more free coefficients: `max_steps`, or a minimum none the less."""
    for _ in range(30 if JIT else 3):
        found = inner(columns("full", 20, rng), 0.0, "l1-each", rng, capacity=8)
        steps = found.minimise(max_steps=60)
        assert_current(found)
        assert steps <= 60
        if steps < 60:
            assert_minimal(found)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_no_number_ends_soon_and_is_forgotten(kind, bad, rng):
    """A gradient, then a coefficient, that is no number; numbers again after it."""
    found = inner(columns("dependent", 17, rng), 0.0, kind, rng)
    found.minimise()
    good = found.coef.copy()
    for place in ("gradient", "coef"):
        getattr(found, place)[3] = bad
        if place == "coef":
            found.gradient[:17] = found.exact_gradient()
        gram = padded(found.gram, 0.0)
        form = active_set.Quadratic(gram, found.gradient, found.coef, np.zeros(24))
        steps = kernels.minimise(form, found.penalty, found.factor, 1e-13, 50)
        assert steps <= 50
        found.move(good)
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)


# ---------------------------------------------------------------- all of it


@given(
    seed=st.integers(0, 2**20),
    n=st.integers(1, 40 if JIT else 9),
    defect=st.sampled_from(COLUMNS),
    kind=st.sampled_from(PENALTIES),
    l2=st.sampled_from([0.0, 1e-3, 0.1]),
    whole=st.booleans(),
    calls=st.lists(
        st.sampled_from(["stronger", "weaker", "few steps", "by hand", "ridge"]), max_size=6
    ),
)
@settings(max_examples=300 if JIT else 10, deadline=None)
def test_every_sequence_of_calls_ends_in_a_minimum(seed, n, defect, kind, l2, whole, calls):
    rng = np.random.default_rng(seed)
    A = columns(defect, n, rng)
    found = inner(np.round(2 * A) if whole else A, l2, kind, rng)
    live = np.diag(found.gram) + found.l2 >= FLAT
    for call in (*calls, "plain"):
        if call in ("stronger", "weaker"):
            found.penalty = found.times(rng.uniform(1, 4) if call == "stronger" else rng.random())
        elif call == "few steps":
            before = found.objective()
            found.minimise(max_steps=rng.integers(1, 5))
            assert_current(found)
            assert found.objective() <= before + 1e-12 + found.rounding()
        elif call == "by hand":
            found.move(np.abs(rng.standard_normal(n)) * (rng.random(n) < 0.5) * live)
        elif call == "ridge":
            found.l2 = found.l2 + 0.1 * rng.random(n)
            live[:] = True
            kernels.clear(found.factor)
            found.move(found.coef)
        assert found.minimise() < MOST
        assert_minimal(found)
        assert_factored(found)
