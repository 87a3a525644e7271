"""Adaptive regularisation: strengths that follow the gradient of a held-out error.

One ridge strength a group of features, ρ_g = log α_g. For each fold, in the frame of its moments,

    A = S + diag D,  D_j = α_g(j)/(W u_j²),   b = A⁻¹c                       the training fit
    V = s_yy − 2 s_xyᵀb + bᵀS_v b + e²,       e = ȳ_v − ȳ − (x̄_v − x̄)ᵀb     its held-out error
    ∇V = 2(S_v b − s_xy) − 2e(x̄_v − x̄),      A z = ∇V
    ∂V/∂ρ_g = −Σ_{j in g} z_j b_j D_j

The elastic net has two a group, α_g for its ridge and λ_g for its L1 term, l_j = λ_g(j)/u_j. On the
support S of its training fit, whose signs are s, and where S does not change,

    (S_SS + diag D_S) z_S = ∇V_S,   ∂V/∂ log α_g = −Σ z_j b_j D_j,   ∂V/∂ log λ_g = −Σ z_j s_j l_j

sums over j in g and S. V has kinks where S changes: the search may end at one.

(Larsen, Svarer, Andersen & Hansen 1998; Goutte & Larsen 1998, who followed it for one validation
set; here V is the mean over folds, so none is favoured). L-BFGS-B takes the steps, within bounds.

`evidence` is MacKay's fixed point (Neural Computation 4, 1992) for one strength:

    γ = Σ Λ/(Λ + α),   σ² = ‖r‖²/(m − γ − 1),   α ← σ² γ/‖w‖²
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize

from fastreg import _factor, moments
from fastreg._jit import single_threaded_blas
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.from_moments import summarise
from fastreg.problems.in_memory import standardise
from fastreg.solvers import follow, spectrum

Array = np.ndarray
_START = 25  # equal strengths tried before groups part
_L1_STARTS, _L2_STARTS = 12, 5
_STEPS = 100
_AT_A_KINK = 2  # what L-BFGS-B says when no step along its direction lowers the error
_EXACT, _MOST = 1e-12, 1000  # relative gap of training fits, and their steps
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Fold:
    """Second moments of a training set and of its test set, in one frame, targets apart."""

    training: Moments
    S: Array
    c: Array
    test_xx: Array
    test_xy: Array
    test_yy: float
    step: Array  # (n + 1,): test means less training means

    @classmethod
    def of(cls, training: Moments, test: Moments) -> Fold:
        S, T = training.scatter / training.weight, test.scatter / test.weight
        return cls(
            training, S[:-1, :-1], S[:-1, -1],
            T[:-1, :-1], T[:-1, -1], float(T[-1, -1]), test.mean - training.mean,
        )  # fmt: skip

    def error(self, D: Array) -> tuple[float, Array]:
        """(V, ∂V/∂log D_j) of ridge terms D (n,)."""
        least = len(D) * _EPS * float(np.trace(self.S))  # below, rounding is the stronger ridge
        floored, D = least > D, np.maximum(D, least)
        A = self.S + np.diag(D)
        L = _factor.definite(A)
        b = _factor.solve_cholesky(L, self.c)
        value, slope = self.held_out(b)
        z = _factor.solve_cholesky(L, slope)
        return value, np.where(floored, 0.0, -z * b * D)

    def net_error(self, l1: Array, l2: Array) -> tuple[float, Array, Array]:
        """(V, ∂V/∂log l1_j, ∂V/∂log l2_j) of an elastic net, whose penalties (n,) stand beside half
        the mean square in the user's units."""
        unit = self.training.frame.unit
        size, level = unit[:-1], float(unit[-1])
        objective = Objective(l2[:, None], L1(l1))
        coef, _ = follow(summarise(self.training, objective), _EXACT, _MOST)
        b = coef[:, 0] * size / level
        value, slope = self.held_out(b)
        S = np.flatnonzero(b)
        D, pull = l2[S] / size[S] ** 2, np.sign(b[S]) * l1[S] / (size[S] * level)
        z = D
        if len(S):
            z = _factor.least_norm(self.S[np.ix_(S, S)] + np.diag(D), slope[S], _EPS)
        by_l1, by_l2 = np.zeros(len(b)), np.zeros(len(b))
        by_l1[S], by_l2[S] = -z * pull, -z * b[S] * D
        return value, by_l1, by_l2

    def held_out(self, b: Array) -> tuple[float, Array]:
        """(V, ∇V) of coefficients (n,)."""
        off = float(self.step[-1] - self.step[:-1] @ b)
        value = self.test_yy - 2.0 * float(self.test_xy @ b) + float(b @ self.test_xx @ b) + off**2
        return value, 2.0 * (self.test_xx @ b - self.test_xy) - 2.0 * off * self.step[:-1]


class HeldOut:
    """V(ρ) of ridges and its gradient, the mean over folds, in the user's units of y²; ρ_g for each
    group, `tied` to a common one at first."""

    has_kinks = False

    def __init__(self, folds: Sequence[Any], unit: Array, groups: Array) -> None:
        self.folds, self.groups = folds, groups
        self.unit_y, self.unit = float(unit[-1]), unit[:-1]
        self.count = int(groups.max()) + 1
        self.tied = np.zeros(self.count, int)
        self.history: list[float] = []

    def starts(self, low: float, high: float) -> Iterable[Array]:
        """Common ρ to try."""
        return np.linspace(low, high, _START)[:, None]

    def __call__(self, rho: Array) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros(len(self.tied))
        for fold in self.folds:
            value, slopes = self._error(fold, np.exp(rho))
            total += value
            gradient += slopes
        scale = self.unit_y**2 / len(self.folds)
        self.history.append(total * scale)
        return total * scale, gradient * scale

    def _error(self, fold: Any, alphas: Array) -> tuple[float, Array]:
        value, slopes = fold.error(alphas[self.groups] / fold.training.weight / self.unit**2)
        return value, self._by_group(slopes)

    def _by_group(self, slopes: Array) -> Array:
        return np.bincount(self.groups, slopes, minlength=self.count)


class HeldOutNet(HeldOut):
    """The same of elastic nets: ρ has log λ_g of all groups, then log α_g, in `units`: the least λ
    that holds all coefficients at zero, and the mean variance of the features."""

    has_kinks = True

    def __init__(self, folds: Sequence[Fold], unit: Array, groups: Array, largest: float) -> None:
        super().__init__(folds, unit, groups)
        self.tied = np.repeat([0, 1], self.count)
        variance = float((np.diag(folds[0].S) * self.unit**2).mean()) or 1.0
        self.units = np.repeat([largest, variance], self.count)

    def starts(self, low: float, high: float) -> Iterable[Array]:
        for l1 in np.geomspace(0.9, 1e-3, _L1_STARTS):
            for l2 in np.geomspace(1e-3, 10.0, _L2_STARTS):
                yield np.clip(np.log([l1, l2]), low, high)

    def _error(self, fold: Fold, alphas: Array) -> tuple[float, Array]:
        l1, l2 = np.split(alphas * self.units, 2)
        value, *slopes = fold.net_error(l1[self.groups], l2[self.groups])
        return value, np.concatenate([self._by_group(each) for each in slopes])


@dataclass(frozen=True, eq=False)
class Adapted:
    """alphas (G,), the held-out error there, that of the best equal strengths, its gradient by
    log alpha, every error seen on the way, whether the search ended by itself."""

    alphas: Array
    error: float
    equal_error: float
    gradient: Array
    history: Array
    converged: bool


def folds_of(parts: list[Moments]) -> tuple[list[Fold], Array]:
    """(a fold for each part that has rows, units of the frame)."""
    parts = [part for part in parts if part.count]
    whole = moments.total(parts)
    training = [moments.without(parts, whole, [f]) for f in range(len(parts))]
    out = [
        Fold.of(rest, part.seen_from(rest.frame))
        for rest, part in zip(training, parts, strict=True)
    ]
    return out, whole.frame.unit


def adapt(held_out: HeldOut, bounds: tuple[float, float], tol: float) -> Adapted:
    """The strengths of least held-out error: equal ones first, then each group for itself."""
    low, high = np.log(bounds)
    tied, K = held_out.tied, int(held_out.tied.max()) + 1
    with single_threaded_blas:
        values = [
            (held_out(rho[tied])[0], k, rho) for k, rho in enumerate(held_out.starts(low, high))
        ]
        equal = _search(held_out, min(values)[2], (low, high), tol, tied)
        found = equal
        if len(tied) > K:
            found = _search(held_out, equal.x[tied], (low, high), tol, np.arange(len(tied)))
        rho = found.x[tied] if len(tied) == K else found.x
        error, gradient = held_out(rho)
    return Adapted(
        np.exp(rho), error, float(equal.fun), gradient, np.array(held_out.history),
        bool(found.success) or (held_out.has_kinks and found.status == _AT_A_KINK),
    )  # fmt: skip


def _search(
    held_out: HeldOut, start: Array, bounds: tuple[float, float], tol: float, tied: Array
) -> scipy.optimize.OptimizeResult:
    """From a start (K,), of which each entry of ρ has the one that `tied` says."""

    def objective(rho: Array) -> tuple[float, Array]:
        value, gradient = held_out(rho[tied])
        return value, np.bincount(tied, gradient, minlength=len(rho))

    return scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=[bounds] * len(start),
        options={"ftol": tol, "gtol": 0.0, "maxiter": _STEPS},
    )  # fmt: skip


def evidence(X: Design, y: Array, weights: Array | None, centred: bool, tol: float) -> Adapted:
    """MacKay's strength; `error` is the noise variance σ², `history` the strengths."""
    with single_threaded_blas:
        objective = Objective(np.ones((1, 1)), L1(0.0), weights, centred)
        problem = standardise(X, y[:, None], objective)
        base = np.where(problem.constant, 0.0, problem.scale**2)
        values, half = spectrum.eigen_gram(problem, base)
    c, square = problem.at_zero(0)
    turned = half.T @ c
    unit, total = float(problem.unit[0]), problem.total
    if problem.weights is not None and weights is not None:
        total = float(weights.sum())
        if total <= 1.0 + centred:
            raise ValueError(
                "sample_weight counts as rows in method='evidence': its sum must exceed "
                f"{1 + centred}, got {total:g}"
            )
    s, history, done = 1.0 / total, [], False
    for _ in range(10 * _STEPS):
        shrunk = turned / (values + s)
        gamma = float((values / (values + s)).sum())
        # D^½β = Q(…): its length is that of w in the user's units of x.
        length = float(shrunk @ shrunk)
        rss = max(square - float(shrunk @ (turned + s * shrunk)), 0.0)
        noise = rss * total / max(total - gamma - centred, 1e-300)
        new = noise * gamma / (length * total) if length > 0 else np.inf
        history.append(s * total)
        done = abs(new - s) <= tol * s
        if done or not np.isfinite(new):
            break
        s = new
    alphas = np.array([s * total])
    return Adapted(alphas, noise * unit**2, noise * unit**2, np.zeros(1), np.array(history), done)
