"""Adaptive regularisation: ridge strengths that follow the gradient of a held-out error.

One strength a group of features, ρ_g = log α_g. For each fold, in the frame of its moments,

    A = S + diag D,  D_j = α_g(j)/(W u_j²),   b = A⁻¹c                       the training fit
    V = s_yy − 2 s_xyᵀb + bᵀS_v b + e²,       e = ȳ_v − ȳ − (x̄_v − x̄)ᵀb     its held-out error
    ∇V = 2(S_v b − s_xy) − 2e(x̄_v − x̄),      A z = ∇V
    ∂V/∂ρ_g = −Σ_{j in g} z_j b_j D_j

(Larsen, Svarer, Andersen & Hansen 1998; Goutte & Larsen 1998, who followed it for one validation
set; here V is the mean over folds, so none is favoured). L-BFGS-B takes the steps, within bounds.

`evidence` is MacKay's fixed point (Neural Computation 4, 1992) for one strength:

    γ = Σ Λ/(Λ + α),   σ² = ‖r‖²/(m − γ − 1),   α ← σ² γ/‖w‖²
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize

from fastreg import moments
from fastreg._jit import single_threaded_blas
from fastreg.certificate import Terms
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.penalties import L1
from fastreg.solvers import spectrum
from fastreg.solvers.problem import standardise

Array = np.ndarray
_START = 25  # equal strengths tried before groups part
_STEPS = 100
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Fold:
    """Second moments of a training set and of its test set, in one frame, targets apart."""

    S: Array
    c: Array
    mean: Array  # (n + 1,), of the target last
    weight: float
    test_xx: Array
    test_xy: Array
    test_yy: float
    step: Array  # (n + 1,): test means less training means

    @classmethod
    def of(cls, training: Moments, test: Moments) -> Fold:
        S, T = training.scatter / training.weight, test.scatter / test.weight
        return cls(
            S[:-1, :-1], S[:-1, -1], training.mean, training.weight,
            T[:-1, :-1], T[:-1, -1], float(T[-1, -1]), test.mean - training.mean,
        )  # fmt: skip

    def error(self, D: Array) -> tuple[float, Array]:
        """(V, ∂V/∂log D_j) of ridge terms D (n,)."""
        least = len(D) * _EPS * float(np.trace(self.S))  # below, rounding is the stronger ridge
        floored, D = least > D, np.maximum(D, least)
        A = self.S + np.diag(D)
        factor = scipy.linalg.cho_factor(A, lower=True, overwrite_a=True)
        b = scipy.linalg.cho_solve(factor, self.c)
        off = float(self.step[-1] - self.step[:-1] @ b)
        value = self.test_yy - 2.0 * float(self.test_xy @ b) + float(b @ self.test_xx @ b) + off**2
        slope = 2.0 * (self.test_xx @ b - self.test_xy) - 2.0 * off * self.step[:-1]
        z = scipy.linalg.cho_solve(factor, slope)
        return value, np.where(floored, 0.0, -z * b * D)


class HeldOut:
    """V(ρ) and its gradient, the mean over folds, in the user's units of y²."""

    def __init__(self, folds: Sequence[Fold], unit: Array, groups: Array) -> None:
        self.folds, self.groups = folds, groups
        self.unit_y, self.unit = float(unit[-1]), unit[:-1]
        self.count = int(groups.max()) + 1
        self.history: list[float] = []

    def __call__(self, rho: Array) -> tuple[float, Array]:
        alpha = np.exp(rho)[self.groups]
        total, gradient = 0.0, np.zeros(self.count)
        for fold in self.folds:
            value, slopes = fold.error(alpha / fold.weight / self.unit**2)
            total += value
            gradient += np.bincount(self.groups, slopes, minlength=self.count)
        scale = self.unit_y**2 / len(self.folds)
        self.history.append(total * scale)
        return total * scale, gradient * scale


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
    out = [Fold.of(moments.without(parts, whole, [f]), part) for f, part in enumerate(parts)]
    return out, whole.frame.unit


def adapt(held_out: HeldOut, bounds: tuple[float, float], tol: float) -> Adapted:
    """The strengths of least held-out error: equal ones first, then each group for itself."""
    low, high = np.log(bounds)
    grid = np.linspace(low, high, _START)
    with single_threaded_blas:
        values = [held_out(np.full(held_out.count, rho))[0] for rho in grid]
        best = grid[int(np.argmin(values))]
        equal = _search(held_out, np.array([best]), (low, high), tol, tied=True)
        start = np.full(held_out.count, equal.x[0])
        found = equal
        if held_out.count > 1:
            found = _search(held_out, start, (low, high), tol, tied=False)
        rho = np.broadcast_to(found.x, held_out.count)
        error, gradient = held_out(rho)
    return Adapted(
        np.exp(rho), error, float(equal.fun), gradient, np.array(held_out.history),
        bool(found.success),
    )  # fmt: skip


def _search(
    held_out: HeldOut, start: Array, bounds: tuple[float, float], tol: float, tied: bool
) -> scipy.optimize.OptimizeResult:
    def objective(rho: Array) -> tuple[float, Array]:
        value, gradient = held_out(np.broadcast_to(rho, held_out.count))
        return value, np.array([gradient.sum()]) if tied else gradient

    return scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=[bounds] * len(start),
        options={"ftol": tol, "gtol": 0.0, "maxiter": _STEPS},
    )  # fmt: skip


def evidence(X: Design, y: Array, weights: Array | None, centred: bool, tol: float) -> Adapted:
    """MacKay's strength; `error` is the noise variance σ², `history` the strengths."""
    with single_threaded_blas:
        terms = Terms(np.ones((1, 1)), L1(0.0), weights, centred)
        problem = standardise(X, y[:, None], terms)
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
