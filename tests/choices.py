"""Attacks on what chooses: errors of folds and of rows left out, before an 80-bit judge.

    python -m tests.choices loo --count 5000 --seed 1
    python -m tests.choices folds --count 5000 --seed 1

A problem is drawn at random: any shape, storage, offset, unit, weights and strength down to 0.
The judge refits every training set in 80-bit arithmetic: ridges by orthogonal factors, lassos and
elastic nets by an active set on them. An error that is off by more than 1e-6 of itself, and of
which nothing was said, is a fault; so is one outside of its own bound.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

import fastreg
from fastreg.design import as_design
from fastreg.selection.leave_one_out import leave_one_out

LD = np.longdouble
SILENT = 1e-6
_NOTHING = 1e-20  # of the mean square of y: errors below are rounding of y
_KNOWN = 1e-9  # of the judge's own answers: where it knows less, it says nothing


# ------------------------------------------------------------------ problems


class Problem(NamedTuple):
    X: np.ndarray  # float64, what `given` holds
    given: object
    y: np.ndarray
    w: np.ndarray | None
    intercept: bool
    kind: str


def draw(rng, *, most_rows=40, most_columns=14) -> Problem:
    m, n = int(rng.integers(3, most_rows)), int(rng.integers(1, most_columns))
    X = rng.standard_normal((m, n))
    kinds = []
    if rng.random() < 0.2:
        kinds.append("correlated")
        X = X[:, :1] + X * 10.0 ** rng.uniform(-5, 0)
    if rng.random() < 0.2:
        kinds.append("dummies")
        some = rng.random(n) < 0.5
        X[:, some] = rng.random((m, some.sum())) < rng.choice([0.05, 0.3])
    coef = rng.standard_normal(n) * (rng.random(n) < 0.6)
    signal = X @ coef
    noise = 10.0 ** rng.choice([-4.0, -1.0, 0.0, 1.0])
    y = signal + noise * rng.standard_normal(m)
    if rng.random() < 0.5:
        kinds.append("offsets")
        X = X + (rng.random(n) < 0.6) * 10.0 ** rng.uniform(0, 10, n) * rng.choice([-1, 1], n)
    if rng.random() < 0.15:
        kinds.append("jump")
        X[m // 2 :, 0] += 10.0 ** rng.uniform(0, 9)
    if rng.random() < 0.3:
        kinds.append("units")
        X = X * np.ldexp(1.0, rng.integers(-25, 25, n))
    if rng.random() < 0.3:
        y = y + 10.0 ** rng.uniform(0, 9)
    w = None
    if rng.random() < 0.4:
        w = rng.choice([rng.integers(0, 3, m).astype(float), 10.0 ** rng.uniform(-3, 3, m)])
        w[rng.permutation(m)[: max(2, m // 2)]] = 1.0
        kinds.append("weights")
    given, name = _stored(rng, X)
    X = np.asarray(given.todense() if sp.issparse(given) else given, float)
    return Problem(X, given, y, w, bool(rng.random() < 0.85), " ".join([name, *kinds]))


def _stored(rng, X):
    name = rng.choice(["C", "F", "csr", "csc", "float32"], p=[0.35, 0.2, 0.15, 0.15, 0.15])
    if name == "float32":
        with np.errstate(over="ignore"):
            return X.astype(np.float32), name
    make = {"C": np.ascontiguousarray, "F": np.asfortranarray, "csr": sp.csr_matrix,
            "csc": sp.csc_matrix}[name]  # fmt: skip
    return make(X), name


# ------------------------------------------------------------------ the judge


class Sample(NamedTuple):
    """Some rows, centred, in units in which columns have length 1, in 80 bits. Means are sums of
    two numbers: one of 1e10 rounds at 1e-9."""

    A: np.ndarray
    b: np.ndarray
    length: np.ndarray
    means: tuple
    mean: tuple
    total: np.longdouble

    @classmethod
    def of(cls, X, y, w, intercept):
        X, y, w = (np.asarray(each).astype(LD) for each in (X, y, w))
        X, y, w = X[w > 0], y[w > 0], w[w > 0]
        means, mean = (np.zeros(X.shape[1], LD),) * 2, (LD(0), LD(0))
        if intercept:
            means, mean = _mean(X, w), _mean(y, w)
        root = np.sqrt(w / w.sum())
        A, b = root[:, None] * _less(X, means), root * _less(y, mean)
        length = np.sqrt((A * A).sum(axis=0))
        constant = (X[0] == X).all(axis=0) if intercept else (X == 0).all(axis=0)
        A[:, constant], length[constant] = 0, 0
        return cls(A / np.where(length > 0, length, 1), b, length, means, mean, w.sum())

    def residual(self, theta, X, y):
        """y less the prediction of θ in these units."""
        scale = np.where(self.length > 0, self.length, 1)
        return _less(np.asarray(y).astype(LD), self.mean) - (
            _less(np.asarray(X).astype(LD), self.means) @ (theta / scale)
        )


def _mean(values, w):
    first = w @ values / w.sum()
    return first, w @ (values - first) / w.sum()


def _less(values, mean):
    return (values - mean[0]) - mean[1]


def qr(A):
    """(Q, R) by Gram-Schmidt, each column twice."""
    m, n = A.shape
    Q, R = np.zeros((m, n), LD), np.zeros((n, n), LD)
    for j in range(n):
        v = A[:, j].copy()
        for _ in range(2):
            along = Q[:, :j].T @ v
            v -= Q[:, :j] @ along
            R[:j, j] += along
        R[j, j] = np.sqrt(v @ v)
        Q[:, j] = v / R[j, j] if R[j, j] > 0 else 0
    return Q, R


def back(R, b):
    x = np.zeros(len(b), LD)
    for j in range(len(b) - 1, -1, -1):
        x[j] = (b[j] - R[j, j + 1 :] @ x[j + 1 :]) / R[j, j]
    return x


def forward(R, b):
    """R⁻ᵀ b."""
    x = np.zeros(len(b), LD)
    for j in range(len(b)):
        x[j] = (b[j] - R[:j, j] @ x[:j]) / R[j, j]
    return x


class Solved(NamedTuple):
    """A solution, the same once more corrected, and the condition of the matrix."""

    first: np.ndarray
    second: np.ndarray
    condition: float


def quadratic(A, b, l2, slope):
    """argmin ½‖b − Az‖² + ½ Σ l2 z² + slopeᵀz, or None."""
    if not A.shape[1]:
        return Solved(np.zeros(0, LD), np.zeros(0, LD), 1.0)
    stacked = np.vstack([A, np.diag(np.sqrt(l2))]) if np.any(l2) else A
    size = np.sqrt((stacked * stacked).sum(axis=0))
    if stacked.shape[0] < stacked.shape[1] or not np.all(size > 0):
        return None
    Q, R = qr(stacked / size)
    sigma = np.linalg.svd(R.astype(float), compute_uv=False)
    if sigma[-1] < 1e-13:
        return None
    right = np.concatenate([b, np.zeros(len(stacked) - len(b), LD)])
    first = back(R, Q.T @ right - forward(R, slope / size)) / size
    left = A.T @ (b - A @ first) - l2 * first - slope
    second = first + back(R, forward(R, left / size)) / size
    return Solved(first, second, float(sigma[0] / sigma[-1]))


def by_rows(A, b, l2):
    """The ridge by α = (A D⁻¹Aᵀ + 1)⁻¹ b, θ = D⁻¹Aᵀα."""
    half = A / np.sqrt(l2)
    _, R = qr(np.vstack([half.T, np.eye(len(half), dtype=LD)]))
    sigma = np.linalg.svd(R.astype(float), compute_uv=False)
    alpha = back(R, forward(R, b))
    again = alpha + back(R, forward(R, b - alpha - half @ (half.T @ alpha)))
    first, second = (half.T @ each / np.sqrt(l2) for each in (alpha, again))
    return Solved(first, second, float(sigma[0] / sigma[-1]))


def ridge(sample: Sample, alpha):
    """Of alpha‖w‖² beside the weighted sum of squares, or None: by columns or by rows, whichever
    is the better conditioned."""
    live = sample.length > 0
    A = sample.A[:, live]
    l2 = LD(alpha) / sample.total / np.where(live, sample.length, 1)[live] ** 2
    found = quadratic(A, sample.b, l2, np.zeros(int(live.sum()), LD))
    if alpha > 0 and A.shape[0] <= A.shape[1]:
        other = by_rows(A, sample.b, l2)
        if found is None or other.condition < found.condition:
            found = other
    if found is None:
        return None
    theta = np.zeros((2, len(live)), LD)
    theta[:, live] = found.first, found.second
    return Solved(theta[0], theta[1], found.condition)


def net(sample: Sample, alpha, ratio, positive):
    """(θ, condition, objective) of the elastic net by an active set, or None where its minimiser
    is not unique, or not known."""
    n = len(sample.length)
    live = sample.length > 0
    scale = np.where(live, sample.length, 1)
    l1, l2 = LD(alpha) * LD(ratio) / scale, LD(alpha) * (1 - LD(ratio)) / scale**2
    active, sign, theta, cond = np.zeros(n, bool), np.zeros(n, LD), np.zeros(n, LD), 1.0
    for _ in range(20 * n + 20):
        c = sample.A.T @ (sample.b - sample.A @ theta) - l2 * theta
        excess = np.where(positive, c, np.abs(c)) - l1
        excess[active | ~live] = -1
        level = l1 + np.sqrt(sample.b @ sample.b) + LD(1e-300)
        j = int(np.argmax(excess / level))
        if excess[j] <= 1e-17 * level[j]:
            slack = -(excess / level)[live & ~active]
            if len(slack) and slack.min() < 1e-8:
                return None  # nearly another support
            return theta, cond
        active[j], sign[j] = True, np.sign(c[j])
        while True:
            found = quadratic(sample.A[:, active], sample.b, l2[active], (l1 * sign)[active])
            if found is None:
                return None
            z, cond = np.zeros(n, LD), found.condition
            z[active] = found.second
            wrong = active & (z * sign < 0)
            if not wrong.any():
                theta = z
                break
            moving = wrong & (theta * sign > 0)
            if not moving.any():
                active &= ~wrong
                theta[~active] = 0
                continue
            step = (theta[moving] / (theta[moving] - z[moving])).min()
            theta = theta + step * (z - theta)
            gone = active & (theta * sign <= 1e-19)
            active &= ~gone
            theta[gone] = 0
    return None


# ------------------------------------------------------------------ attacks


@dataclass
class Outcome:
    seed: int
    kind: str
    error: float  # relative, the largest
    bound: float  # the largest
    met: bool
    fault: str = ""
    condition: float = 1.0
    judged: int = 0


def _weights(problem):
    return np.ones(len(problem.y)) if problem.w is None else problem.w


def loo(seed: int) -> Outcome | None:
    """A ridge left out row by row."""
    rng = np.random.default_rng([seed, 1])
    problem = draw(rng)
    w = _weights(problem)
    sample = Sample.of(problem.X, problem.y, w, problem.intercept)
    if (w > 0).sum() < 3:
        return None
    typical = (
        float(np.median(sample.length[sample.length > 0]) ** 2) if sample.length.any() else 1.0
    )
    alphas = typical * float(sample.total) * 10.0 ** rng.uniform(-16, 2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = leave_one_out(
            as_design(problem.given), problem.y[:, None], problem.w, alphas,
            centred=problem.intercept,
        )  # fmt: skip
    out = Outcome(seed, problem.kind, 0.0, 0.0, True)
    for q, alpha in enumerate(alphas):
        truth = _left_out(problem, w, alpha)
        if truth is None:
            continue
        mse, out.condition = truth[0], max(out.condition, truth[1])
        _compare(out, float(found.mse[q, 0]), mse, float(found.bound[q, 0]), problem.y)
    return out if out.judged else None


def _left_out(problem, w, alpha):
    """(mean squared error, condition), or None where the judge does not know."""
    totals, conditions = np.zeros(2, LD), [1.0]
    for i in np.flatnonzero(w > 0):
        rest = w.copy()
        rest[i] = 0.0
        sample = Sample.of(problem.X, problem.y, rest, problem.intercept)
        found = ridge(sample, alpha)
        if found is None:
            return None
        for t, theta in enumerate(found[:2]):
            totals[t] += w[i] * sample.residual(theta, problem.X[i], problem.y[i]) ** 2
        conditions.append(found.condition)
    if abs(totals[0] - totals[1]) > _KNOWN * totals[1]:
        return None
    return totals[1] / (w > 0).sum(), max(conditions)


def folds(seed: int) -> Outcome | None:
    """Paths of elastic nets on the training sets of random splits."""
    rng = np.random.default_rng([seed, 2])
    problem = draw(rng)
    m, w = len(problem.y), _weights(problem)
    splits = _splits(rng, m)
    if not all(w[part].any() for split in splits for part in split):
        return None
    sample = Sample.of(problem.X, problem.y, w, problem.intercept)
    ratio, positive = float(rng.choice([1.0, 0.5, 0.1])), bool(rng.random() < 0.2)
    largest = float(np.abs(sample.A.T @ sample.b * sample.length).max()) / ratio or 1.0
    alphas = np.sort(largest * 10.0 ** rng.uniform(-6, 0, 3))[::-1]
    if rng.random() < 0.3:
        alphas[-1] = 0.0
    model = fastreg.ElasticNetCV(
        l1_ratio=ratio, alphas=alphas, cv=splits, tol=0.0, max_iter=10_000, positive=positive,
        fit_intercept=problem.intercept,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(problem.given, problem.y, sample_weight=problem.w)
    out = Outcome(seed, problem.kind, 0.0, 0.0, True)
    for f, (train, test) in enumerate(splits):
        own = np.bincount(train, minlength=m) * w
        part = Sample.of(problem.X, problem.y, own, problem.intercept)
        for k, alpha in enumerate(alphas):
            found = net(part, alpha, ratio, positive)
            if found is None or found[1] > 1e12:
                continue
            r = part.residual(found[0], problem.X[test], problem.y[test])
            mse = w[test] @ r**2 / w[test].sum()
            bound = float(model.cv_certificate_.bound[k, f])
            out.condition = max(out.condition, found[1])
            _compare(out, float(model.mse_path_[k, f]), mse, bound, problem.y)
    return out if out.judged else None


def _splits(rng, m):
    kind = rng.choice(["k", "shuffled", "bootstrap"])
    if kind == "bootstrap":
        return [(rng.integers(0, m, m), rng.integers(0, m, max(1, m // 3))) for _ in range(2)]
    rows = np.arange(m) if kind == "k" else rng.permutation(m)
    parts = np.array_split(rows, 3)
    return [(np.setdiff1d(rows, part), part) for part in parts if len(part)]


def _compare(out: Outcome, mine: float, truth, bound: float, y) -> None:
    out.judged += 1
    floor = _NOTHING * float(np.mean((y - y.mean()) ** 2))
    off, size = abs(LD(mine) - truth), max(truth, LD(floor), LD(1e-300))
    error = float(off / size)
    out.error, out.bound = max(out.error, error), max(out.bound, bound)
    if not bound <= SILENT:
        out.met = False
    elif error > SILENT:
        out.fault = f"silent: off by {error:.1e}, bound {bound:.1e}"
    # A bound is of the error that is given, not of the true one.
    if off > bound * LD(max(mine, floor)) + LD(1e-12) * size and error > _KNOWN:
        out.fault = out.fault or f"outside its bound: off by {error:.1e}, bound {bound:.1e}"


def report(outcomes: list[Outcome]) -> str:
    easy = [each for each in outcomes if each.condition < 1e8]
    told = [each for each in easy if not each.met]
    faults = [each for each in outcomes if each.fault]
    lines = [
        f"{len(outcomes)} problems, {sum(each.judged for each in outcomes)} errors judged; "
        f"{sum(not each.met for each in outcomes)} told to be uncertain",
        f"condition below 1e8: {len(easy)}, of which {len(told)} told "
        f"({len(told) / max(1, len(easy)):.2%}); largest error where nothing was told "
        f"{max((each.error for each in outcomes if each.met), default=0):.1e}",
        f"faults: {len(faults)}",
    ]
    lines += [f"  seed {each.seed} {each.kind}: {each.fault}" for each in faults[:20]]
    if told:
        kinds = Counter(each.kind for each in told).most_common(8)
        lines += [f"  told: seeds {[each.seed for each in told[:10]]}, {kinds}"]
    return "\n".join(lines)


ATTACKS = {"loo": loo, "folds": folds}


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=ATTACKS)
    return run(parser, lambda options: ATTACKS[options.what], arguments)


def run(parser, attack_of, arguments) -> int:
    """Many seeds of the attack that the options ask for; 1 if there is a fault."""
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    seeds = range(options.seed, options.seed + options.count)
    found = [each for each in map(attack_of(options), seeds) if each is not None]
    print(report(found))
    return int(any(each.fault for each in found))


if __name__ == "__main__":
    raise SystemExit(main())
