"""Selective inference for the lasso and the elastic net, at a given alpha.

The features S that a lasso keeps, and their signs s, say something about y; intervals that
forget it are too short. Given S and s, y lies in a polyhedron, and the least-squares coefficient
t of a feature in the model of S is a normal number truncated to an interval (Lee, Sun, Sun &
Taylor, Ann. Statist. 44, 2016). In the standard form of `fastreg.solvers`, G = X'ᵀWX'/M:

    t = (G_SS⁻¹ c_S)_j,   Var t = σ² (G_SS⁻¹)_jj/M
    β_S = K(c_S − l1∘s),  K = (G_SS + diag l2)⁻¹             s∘β_S ≥ 0      the signs stay
    c_k − G_kS β_S                                           │·│ ≤ l1_k     the others stay out

Each is linear in t, the rest of y held fixed; where one would break, the interval ends. For the
lasso the last does not depend on t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
import scipy.optimize
from scipy.special import betaln, log_ndtr, stdtr

from fastreg._jit import single_threaded_blas
from fastreg.design import Design
from fastreg.inference.table import Inference, caveat, named
from fastreg.objectives import Objective
from fastreg.penalties import L1, is_absolute
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.solvers import solve
from fastreg.solvers.ridge import inverse

Array = np.ndarray
_EXACT = 1e-13  # relative gap: who is in S must be certain
_FULL = 3000  # features up to which σ comes from all of them
_LEAST_DOF = 10  # that all features must leave to σ
_RANK = 1e-12  # of a column's square, below which it depends on others
_FAR = 1e3  # standard deviations beyond which no end of an interval is looked for
_ASSUMES = (
    "Rows independent and normal, of the same variance at equal weight, σ {noise}. "
    "Intervals cover the coefficients of the best linear model in the "
    "features selected, given that these, with these signs, were."
)


def selective_inference(
    X: Design,
    y: Array,
    objective: Objective,
    *,
    level: float = 0.95,
    noise: float | None = None,
    names: Sequence[str] | None = None,
    chosen: bool = False,
) -> Inference:
    """Inference of a lasso or elastic-net fit: of the features that it keeps.

    Parameters
    ----------
    X : Design, (m, n)
    y : (m,)
    objective : of the fit, with an `L1`
    level : of the intervals
    noise : σ at weight 1; None estimates it, from least squares on all features if n ≤ 3000 and
        that leaves ten degrees of freedom, else on the selected ones, which is too small
    names : (n,) of the features, or None
    chosen : whether strengths were chosen with these data

    Raises
    ------
    ValueError
        The selected columns depend on one another, no degree of freedom is left, or rounding
        hides which features are kept.
    """
    if not is_absolute(objective.penalty):
        raise ValueError("selective intervals need an L1 penalty without bounds")
    solution = solve(X, y[:, None], objective, tol=_EXACT)
    if not solution.certificate.converged:
        gap = float(solution.certificate.relative_gap[0])
        raise ValueError(
            f"the selected features are uncertain: the fit reached a relative gap of {gap:.1e}, "
            f"and {_EXACT:.0e} is needed; scale the columns of X and y"
        )
    S = np.flatnonzero(solution.coef[:, 0])
    with single_threaded_blas:
        problem = standardise(X, y[:, None], objective)
        model = _Selected(problem, S, np.sign(solution.coef[S, 0]))
        sigma, dof, source = _noise(X, y, objective, model, noise)
    light = float(np.sqrt(problem.total / model.weight))  # what σ is at the weights of the problem
    unit = float(problem.unit[0])
    size = problem.scale[S] * unit
    deviation = sigma * light / unit * np.sqrt(np.diag(model.inverse) / problem.total)
    ends = [model.truncation(j) for j in range(len(S))]
    known = np.inf if noise is not None else dof
    found = [
        _interval(t, s, end, level, known)
        for t, s, end in zip(model.least_squares, deviation, ends, strict=True)
    ]
    lower, upper, p = np.reshape(found, (-1, 3)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = model.least_squares / deviation
    return Inference(
        names=named(S, names),
        features=S,
        coef=model.least_squares * size,
        standard_error=deviation * size,
        statistic=statistic,
        p_value=p,
        lower=lower * size,
        upper=upper * size,
        level=level,
        method=f"selective intervals of {len(S)} features kept out of {X.shape[1]}",
        assumes=caveat(_ASSUMES.format(noise=source), chosen),
        noise=sigma,
        n_samples=model.count,
        residual_dof=dof,
        r2=model.r2,
    )


class _Selected:
    """Least squares on S, and how far each of its coefficients can move before S or s changes."""

    def __init__(self, problem: InMemoryProblem, S: Array, signs: Array) -> None:
        c, self.square = problem.at_zero(0)
        self._problem, self._signs = problem, signs
        gram = problem.gram(S, S)
        l2, penalty = problem.ridge(0, S), problem.penalty(0, S)
        self.inverse = _inverse(gram, np.zeros(len(S)))
        self._shrunk = _inverse(gram, l2) if l2.any() else self.inverse
        self._beta = self._shrunk @ (c[S] - penalty.l1 * signs)
        self.least_squares = self.inverse @ c[S]
        self.rss = max(self.square - float(c[S] @ self.least_squares), 0.0)
        self.r2 = 1.0 - self.rss / self.square if self.square > 0.0 else np.nan
        weights = problem.objective.weights
        self.weight = float(problem.X.shape[0] if weights is None else weights.sum())
        self.count = int(problem.X.shape[0] if weights is None else np.count_nonzero(weights))
        self.unit = float(problem.unit[0])
        self.outside: tuple[Array, Array, Array] | None = None
        if l2.any() and len(S):
            every = np.arange(problem.n_features)
            others = np.setdiff1d(every[~problem.constant], S)
            mixed = problem.gram(others, S)
            slopes = mixed @ (self.inverse - self._shrunk)
            self.outside = c[others] - mixed @ self._beta, problem.penalty(0, others).l1, slopes

    def rank(self) -> int:
        """Of all columns about their means."""
        live = np.flatnonzero(~self._problem.constant)
        G = self._problem.gram(live, live)
        size = np.sqrt(np.diag(G))
        G /= np.outer(size, size)
        *_, rank, _ = scipy.linalg.lapack.dpstrf(G, tol=_RANK, lower=1, overwrite_a=1)
        return int(rank)

    def truncation(self, j: int) -> tuple[float, float]:
        """Ends between which t_j may lie."""
        spread = self.inverse[j, j]
        slack = [self._signs * self._beta]
        slope = [self._signs * self._shrunk[:, j] / spread]
        if self.outside is not None:
            level, most, slopes = self.outside
            for side in (1.0, -1.0):
                slack.append(most - side * level)
                slope.append(-side * slopes[:, j] / spread)
        room, pace = np.maximum(np.concatenate(slack), 0.0), np.concatenate(slope)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = -room / pace
        t = float(self.least_squares[j])
        low = t + float(np.max(steps[pace > 0.0], initial=-np.inf))
        high = t + float(np.min(steps[pace < 0.0], initial=np.inf))
        return low, high


def _inverse(G: Array, l2: Array) -> Array:
    found = inverse(G, l2)
    if found is None:
        raise ValueError(
            "the selected columns of X depend on one another, or nearly: the coefficients of least "
            "squares on them have no intervals"
        )
    return found


def _noise(
    X: Design, y: Array, objective: Objective, model: _Selected, given: float | None
) -> tuple[float, float, str]:
    """(σ at weight 1, residual degrees of freedom, where it is from)."""
    used = len(model.least_squares) + objective.fit_intercept
    if given is not None:
        return float(given), model.count - used, "given"
    rss = model.rss * model.weight * model.unit**2
    source = "on the features selected: too small if others matter"
    rank = model.rank() if X.shape[1] <= _FULL else model.count
    if model.count - rank - objective.fit_intercept >= _LEAST_DOF:
        free = Objective(np.zeros((1, 1)), L1(0.0), objective.weights, objective.fit_intercept)
        found = solve(X, y[:, None], free, tol=1e-10)
        rss = 2.0 * float(found.certificate.objective[0]) * model.weight
        used, source = rank + objective.fit_intercept, "on all features"
    dof = model.count - used
    if dof <= 0:
        raise ValueError(f"{model.count} rows leave no degree of freedom to estimate σ: set noise")
    return float(np.sqrt(rss / dof)), dof, f"estimated from least squares {source}"


def _interval(
    t: float, deviation: float, ends: tuple[float, float], level: float, dof: float
) -> tuple[float, float, float]:
    """(lower, upper, p of zero, two-sided) of the mean of a normal truncated to `ends`; of a t, of
    which σ leaves `dof`, where these are finite."""
    if not deviation > 0.0:
        return t, t, float(t == 0.0)

    def below(mean: float) -> float:
        """P(T ≤ t), falling in the mean."""
        a, z, b = ((value - mean) / deviation for value in (ends[0], t, ends[1]))
        return _share(a, z, b, dof)

    tail = 0.5 * (1.0 - level)
    p = below(0.0)
    return (
        _crossing(below, 1.0 - tail, t, deviation),
        _crossing(below, tail, t, deviation),
        2.0 * min(p, 1.0 - p),
    )


def _crossing(share: Callable[[float], float], aim: float, t: float, deviation: float) -> float:
    """The mean at which a falling share is `aim`, −∞ or ∞ if too far away to be told."""
    reach = 1.0
    while reach <= _FAR:
        a, b = t - reach * deviation, t + reach * deviation
        if share(a) > aim > share(b):
            return float(scipy.optimize.brentq(lambda mean: share(mean) - aim, a, b))
        reach *= 2.0
    return -np.inf if share(t) < aim else np.inf


def _share(a: float, z: float, b: float, dof: float = np.inf) -> float:
    """(F(z) − F(a))/(F(b) − F(a)), in logarithms, from the side where F is small."""
    if a > -b:  # more of it on the right: mirrored, to the left
        return 1.0 - _share(-b, -z, -a, dof)
    whole, part = _log_difference(a, b, dof), _log_difference(a, z, dof)
    # Ends that are one point leave a share unknown.
    return float(np.exp(min(part - whole, 0.0))) if np.isfinite(whole) else 0.5


def _log_difference(a: float, b: float, dof: float) -> float:
    """log(F(b) − F(a))."""
    if not b > a:
        return -np.inf
    low, high = (_log_cdf(x, dof) for x in (a, b))
    return high + float(np.log1p(-np.exp(min(low - high, -1e-300))))


def _log_cdf(x: float, dof: float) -> float:
    """log F of a normal number, or of Student's t: by the series of the incomplete beta function
    (DLMF 8.17.8) where F underflows."""
    if dof == np.inf:
        return float(log_ndtr(x))
    F = float(stdtr(dof, x))
    if F > 1e-280 or x == -np.inf:
        return float(np.log(F)) if F > 0.0 else -np.inf
    half, z = dof / 2, dof / (dof + x * x)
    term = total = 1.0
    k = 0
    while term > 1e-16 * total:
        term *= z * (half + 0.5 + k) / (half + 1.0 + k)
        total += term
        k += 1
    rest = 0.5 * np.log(x * x / (dof + x * x)) - np.log(dof) - betaln(half, 0.5)
    return float(half * np.log(z) + rest + np.log(total))
