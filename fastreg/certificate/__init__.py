"""How good an answer is: a duality gap, from reads of X and formulas of its own.

It uses nothing of solvers and kernels; solvers use its formulas to know when to stop. Losses other
than squares: see `smooth`.

The problem, with weights w of sum M, and the intercept free or absent:

    P(θ, b) = 1/(2M) Σ_i w_i (y_i − x_iᵀθ − b)² + ½ Σ_j l2_j θ_j² + p(θ)

Any dual point bounds the minimum from below. With r the residual at the best intercept,
c = Xᵀ(w∘r)/M and ρ² = Σ w r²/M, the points s·r for 0 ≤ s ≤ 1 give (Fenchel; for the lasso
El Ghaoui et al. 2012, for the elastic net by the rows √l2 that turn it into a lasso)

    conjugate:  s = 1 and h = ½ l2 θ² + p; with k_j the point next to c_j in the domain of p_j*,
                gap = Σ_j [ h_j(θ_j) + h_j*(c_j) − c_j θ_j ]
                    = Σ_j [ (l2_j θ_j − (c_j − k_j))²/(2 l2_j) + p_j(θ_j) + p_j*(k_j) − k_j θ_j ]
    rescaled:   c̃ = c − l2∘θ,  s the largest in [0, 1] with s·c̃ in the domain of p*
                gap = ½(1 − s)²(ρ² + Σ l2 θ²) + Σ_j [ p_j(θ_j) + p_j*(s c̃_j) − s c̃_j θ_j ]

For a positively homogeneous p, such as the lasso's, p* is 0 in its domain.

Every bracket is ≥ 0: no large numbers cancel. The smaller one is reported, in units of P and
relative to the null objective ‖y − ȳ‖²_w/2M, together with a KKT residual, which alone
says something where nothing is penalised and no finite bound exists.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg._html import box, facts
from fastreg._jit import single_threaded_blas
from fastreg.certificate import small, streamed
from fastreg.certificate.gap import (
    Points,
    SquaredFit,
    duality_gap,
    gap_and_objective,
    kkt_residual,
    points_of,
    relative_to,
)
from fastreg.certificate.penalties import (
    dual_projection,
    dual_value,
    in_units,
    nearest_subgradient,
    penalty_value,
)
from fastreg.certificate.reads import Columns, Data, correlate, levels
from fastreg.certificate.target import Target, normalise, some_of
from fastreg.design import Design
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.sources.blocks import Source
from fastreg.sources.row_folds import Folds

Array = np.ndarray
PER_POINT = ("gap", "relative_gap", "kkt", "objective", "null", "met")
_EPS = float(np.finfo(np.float64).eps)
_ROOM = 1 << 22  # entries of residuals and correlations of a group of points: 32 MB
_PROBES = 4  # random combinations of points at which claimed correlations are checked
_DOUBT = 100.0  # by how much its error may exceed the largest seen
_UNKNOWN = Columns()
_ROUNDING = 2.0  # of a sum, in units of eps and of what is summed
KKT = 1e-7  # residual that is asked for where no gap can be shown, if `tol` is no smaller


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """State how near a fit is to its minimum.

    Every array has one entry for each target, or for each point of a path. Printing it states
    whether the fit reached what was asked.

    Attributes
    ----------
    gap : ndarray of shape (n_targets,)
        Bound on P(w, b) − min P.
    relative_gap : ndarray of shape (n_targets,)
        `gap` divided by `null`. The parameter `tol` bounds it.
    kkt : ndarray of shape (n_targets,)
        Largest violation of the optimality conditions, relative to that of the null model.
        Columns are scaled to unit length.
    objective : ndarray of shape (n_targets,)
        P(w, b).
    null : ndarray of shape (n_targets,)
        Loss of the best intercept, less the least possible loss.
    met : ndarray of shape (n_targets,)
        Whether the fit reached what was asked.
    tol : float
        Relative gap that was asked.
    converged : bool
        Whether `met` is true everywhere.
    by_kkt : bool
        Whether some entry of `met` goes by ``kkt <= min(tol, 1e-7)`` in place of the gap. A feature
        without a penalty, or with a tiny one, leaves no gap to show.
    method : str
        How the fit was found.
    passes : int
        Number of reads of X, with that of the certificate.

    See Also
    --------
    ChoiceCertificate : State how wrong errors of cross-validation may be.

    Notes
    -----
    For squares the null objective is ‖y − ȳ‖²/(2m). The bound is a duality gap: any dual point u
    gives D(u) ≤ min P, so that P(w, b) − D(u) bounds the distance from the minimum.

    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.Lasso(alpha=0.1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    >>> worth = model.certificate_
    >>> worth.converged, worth.kind, bool(worth.relative_gap[0] <= 1e-4)
    (True, 'gap', True)
    """

    gap: Array
    relative_gap: Array
    kkt: Array
    objective: Array
    null: Array
    met: Array
    tol: float
    converged: bool
    by_kkt: bool
    method: str
    passes: int

    @property
    def kind(self) -> str:
        """What `converged` goes by: "gap", or "stationarity" for the KKT residual."""
        return "stationarity" if self.by_kkt else "gap"

    def part(self, some: slice) -> Certificate:
        """Return the certificate of some of the points.

        Parameters
        ----------
        some : slice
            Points.

        Returns
        -------
        Certificate
            The certificate of these points.
        """
        own = {name: getattr(self, name)[some] for name in PER_POINT}
        return self._of(own, self.by_kkt, self.passes)

    def with_points(self, some: Array, other: Certificate) -> Certificate:
        """Return the certificate with some points taken from another.

        Parameters
        ----------
        some : ndarray of int
            Points to replace.
        other : Certificate
            Certificate of these points.

        Returns
        -------
        Certificate
            The combined certificate.
        """
        own = {name: getattr(self, name).copy() for name in PER_POINT}
        for name, values in own.items():
            values[some] = getattr(other, name)
        return self._of(own, self.by_kkt or other.by_kkt, other.passes)

    def _of(self, own: dict[str, Any], by_kkt: bool, passes: int) -> Certificate:
        """With other points, of which some may ask for the KKT residual."""
        by_kkt = by_kkt and bool((own["relative_gap"] > self.tol).any())
        converged = bool(own["met"].all())
        return dataclasses.replace(self, **own, converged=converged, by_kkt=by_kkt, passes=passes)

    def __str__(self) -> str:
        worth, asked = self._worth(), self._asked()
        return f"{worth}; {asked}; {self.method}; X read {self.passes} times"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def _repr_html_(self) -> str:
        k = len(self.gap)
        pairs = [
            ("worth", f"{self._worth()}{f', the worst of {k}' if k > 1 else ''}"),
            ("tol", self._asked()),
            ("method", self.method),
            ("X read", f"{self.passes} times, this check included"),
        ]
        return box(type(self).__name__, facts(pairs))

    def _worth(self) -> str:
        if self.by_kkt:
            return f"KKT residual {self.kkt.max():.1e} (no gap is known)"
        return f"relative duality gap {self.relative_gap.max():.1e}"

    def _asked(self) -> str:
        verdict = "reached" if self.converged else "NOT reached"
        wanted = min(self.tol, KKT) if self.by_kkt else self.tol
        return f"asked {wanted:.0e}, {verdict}" if self.tol > 0 else "as small as it goes"


def certify(
    X: Design,
    Y: Array,
    coef: Array,
    intercept: Array,
    objective: Objective,
    *,
    tol: float,
    method: str,
    passes: int,
    columns: Columns = _UNKNOWN,
    claims: Array | None = None,
) -> Certificate:
    """Certify (coef, intercept) from X itself, block by block in NumPy: one or two reads of X,
    for each group of points whose residuals and correlations fit into 1/25 of the memory of X.

    With V = (X − 1 shiftᵀ) diag(scale), r the residuals at the best intercepts and w weights of
    sum 1:

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k), or (m, 1) for k points of one target
    coef : (n, k)
    intercept : (k,)
    objective : the rest of the objective
    tol, method, passes : what to report
    columns : Columns, shift and scale of V and what else is known of them
    claims : (n, k) or None
        Vᵀ(w∘r) of the points of one target as somebody claims; overwritten. They spare many
        points a read of X each: see `_judge_claims`.
    """
    (m, n), k, objective = X.shape, coef.shape[1], objective.counted()
    w = np.ones(m) if objective.weights is None else objective.weights / objective.weights.max()
    if not w.all():  # whatever a row of weight zero holds
        Y = np.where((w > 0)[:, None], Y, Y[int(np.argmax(w))])
    w = w / w.sum()
    known, lengths = columns.filled(n), columns.lengths
    if not traits(objective.loss).quadratic:  # in units of its own
        data = Data(X, Y, w, *known, objective, coef, intercept, np.zeros(1), np.ones(1))
        from fastreg.certificate import smooth  # not part of a first fit

        with single_threaded_blas:
            verdict, least, read = smooth.judge(data, lengths, tol)
        found = _certificate(verdict, data.unit, tol, method, passes + read)
        return dataclasses.replace(found, objective=found.objective + least)
    mean, unit, Y = normalise(Y, w, objective.fit_intercept)
    data = Data(X, Y, w, *known, objective, coef, intercept, mean, unit)
    with single_threaded_blas:  # two pools at once took 110 to 390 ms for 37 (NumPy 1.26)
        if claims is not None and k > _PROBES and Y.shape[1] == 1 and data.is_near:
            claims /= unit
            verdict, read = _judge_claims(data, claims, lengths)
            found = _certificate(verdict, unit, tol, method, passes + read)
            if found.converged:
                return found
            passes += read
        verdict, read = _judge_by_reads(data, lengths)
    return _certificate(verdict, unit, tol, method, passes + read)


def certify_coupled(
    X: Design, Y: Array, coef: Array, intercept: Array, objective: Objective, *, tol: float,
    method: str, passes: int, columns: Columns = _UNKNOWN,
) -> Certificate:  # fmt: skip
    """`certify` of the multinomial loss: shares Y (m, K), coef (n, K, k), intercept (K, k); the
    offset of the objective is (m, K)."""
    from fastreg.certificate import coupled  # not part of a first fit

    (m, n), offset = X.shape, objective.offset
    w = np.ones(m) if objective.weights is None else objective.weights / objective.weights.max()
    if not w.all():  # whatever a row of weight zero holds
        Y = np.where((w > 0)[:, None], Y, Y[int(np.argmax(w))])
        offset = None if offset is None else np.where((w > 0)[:, None], offset, 0.0)
    w = w / w.sum()
    own = dataclasses.replace(objective, offset=None)
    data = Data(X, Y, w, *columns.filled(n), own, coef[:, 0], intercept[0], np.zeros(1), np.ones(1))
    with single_threaded_blas:
        verdict, least, read = coupled.judge(data, Y, offset, coef, intercept, columns.lengths, tol)
    found = _certificate(verdict, np.ones(1), tol, method, passes + read)
    return dataclasses.replace(found, objective=found.objective + least)


def certify_firth(rows: Any, theta: Array, null: Array, *, tol: float, passes: int) -> Certificate:
    """`certify` of Firth's term, `firth.Rows`, by stationarity: θ (q,), and the null model's."""
    from fastreg.certificate import firth, losses  # not part of a first fit
    from fastreg.losses import Logistic

    value, least, left = firth.judge(rows, theta, null)
    z, share = (rows.A @ null + rows.offset)[:, None], rows.s / rows.s.sum()
    lost = losses.value(Logistic(), z, rows.y[:, None])
    lost -= losses.saturated(Logistic(), rows.y[:, None])
    unit = max(float(share @ lost[:, 0]), 0.0)
    verdict = np.array([[np.inf], [unit + value - least], [unit], [left], [1.0]])
    found = _certificate(verdict, np.ones(1), tol, "Fisher's scoring", passes + 2)
    return dataclasses.replace(found, objective=np.array([value]))


def certify_small(
    X: Array, y: Array, w: Array, theta: Array, intercept: float, objective: Objective, *,
    tol: float, method: str,
) -> Certificate | None:  # fmt: skip
    """`certify` of one point of a small dense X (m, n) float64, C-contiguous, y (m,) and w (m,) of
    sum 1; None of what its one call does not know."""
    l2, penalty = objective.at(0)
    box = small.box_of(penalty, X.shape[1])
    if box is None or not small.knows(objective.loss):
        return None
    point = small.Point(X, y, w, objective.loss, box, l2, bool(objective.fit_intercept), theta,
                        intercept)  # fmt: skip
    verdict, least, unit = small.judged(point, tol)
    found = _certificate(verdict, unit, tol, method, 2)
    if traits(objective.loss).quadratic:
        return found
    return dataclasses.replace(found, objective=found.objective + least)


def certify_source(
    source: Source,
    coef: Array,
    intercept: Array,
    objective: Objective,
    *,
    tol: float,
    method: str,
    passes: int,
    mean: Array,
    unit: Array,
    columns: Columns = _UNKNOWN,
) -> Certificate:
    """`certify` of rows that arrive in blocks, in one read of them.

    Parameters
    ----------
    objective : with weights of None: the source has them
    mean, unit : (T,) about the means and the spreads of the T targets, powers of two
    """
    k = coef.shape[1]
    shift, scale, constant = columns.filled(len(coef))
    work = streamed.Sums(source.layout, coef, intercept, shift, scale, mean, unit, objective)
    with single_threaded_blas:
        found = streamed.read(source, work, constant)
    verdicts = []
    for t, (c0, null) in enumerate(zip(found.c0, found.null, strict=True)):
        target = Target(found.data, t, c0, found, float(null))
        points = range(t, t + 1) if len(found.c0) > 1 else range(k)
        some = slice(points.start, points.stop)
        verdicts.append(
            target.judge(points, found.c[some], SquaredFit(found.rho2[some]), found.off[some])
        )
    return _certificate(np.concatenate(verdicts, axis=1), unit, tol, method, passes + 1)


def certify_source_of_loss(
    source: Source, coef: Array, intercept: Array, objective: Objective, claims: Any, folds: Folds,
    fold_of: Array, labels: Array | None = None, *, tol: float, method: str, passes: int,
) -> tuple[Certificate, Array]:  # fmt: skip
    """`certify_source` of a loss that is no square, of points of all rows and of training sets; and
    what those lose on rows held out. See `smooth_blocks.judge`. With labels (K,) of several classes
    coef is (n, K, P) and intercept (K, P)."""
    from fastreg.certificate import coupled_blocks, smooth_blocks  # not part of a first fit

    group_of = None
    if labels is not None:
        group_of = functools.partial(coupled_blocks.Classes, labels)
    with single_threaded_blas:
        judged = smooth_blocks.judge(
            source, coef, intercept, objective, claims, folds, fold_of, group_of
        )
    found = _certificate(judged.verdict, np.ones(1), tol, method, passes + 1)
    return dataclasses.replace(found, objective=found.objective + judged.least), judged.held


def certify_moments(
    products: Array,
    start: Array,
    square: float,
    beta: Array,
    l2: Array,
    penalty: Any,
    strengths: Array,
    *,
    unit: float,
    tol: float,
    passes: int = 0,
) -> Certificate:
    """Certify β (n, k) against moments alone: as far as those are what they say they are.

    Parameters
    ----------
    products, start, square : X'ᵀWX'/M (n, n), X'ᵀ(w∘y')/M (n,) and Σ w y'²/M
    l2, penalty : of β, before the strengths (k,)
    unit : of y' in the user's
    tol, passes : what to report
    """
    found = points_of_moments(products, start, square, beta, l2, penalty, strengths)
    gap, objective = gap_and_objective(found)
    length = np.sqrt(np.diag(products))
    length = np.where(length > 0, length, np.inf)
    kkt = kkt_residual(found, length[:, None], float(np.max(np.abs(start) / length)))
    null = np.full(beta.shape[1], square / 2)
    live = length < np.inf
    most = float(np.max(np.abs(start) / length))
    ends = np.minimum(*(penalty_value(penalty, side * np.ones(len(beta))) for side in (1.0, -1.0)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        held = np.maximum(ends / (1e-12 * most * length), l2 / (1e-24 * length**2))[live]
    free = strengths * np.min(held, initial=np.inf) < 1.0
    verdict = np.stack([gap, objective, null, kkt, free])
    return _certificate(verdict, np.full(1, unit), tol, "moments", passes)


def points_of_moments(
    products: Array, start: Array, square: float, beta: Array, l2: Array, penalty: Any,
    strengths: Array,
) -> Points:  # fmt: skip
    """What the formulas need of β (n, k), by products of NumPy; see `certify_moments`."""
    used = np.flatnonzero(beta.any(axis=1))
    c = start[:, None] - products[:, used] @ beta[used]
    fitted = np.einsum("jk,jk->k", start[used, None] + c[used], beta[used])
    rho2 = np.maximum(square - fitted, 0.0)
    some = some_of(penalty, np.arange(len(beta)), strengths)
    return points_of(some, c, beta, beta, SquaredFit(rho2), l2[:, None] * strengths)


def _certificate(verdict: Array, unit: Array, tol: float, method: str, passes: int) -> Certificate:
    """What `Target.judge` says of all points, in the user's units."""
    gap, objective, null, kkt, free = verdict
    relative = relative_to(gap, null)
    proven = (free > 0) & (kkt <= min(tol, KKT)) & (objective <= null * (1 + 1e-9))
    met = (relative <= tol) | proven
    with np.errstate(over="ignore"):
        return Certificate(
            gap=gap * unit * unit,
            relative_gap=relative,
            kkt=kkt,
            objective=objective * unit * unit,
            null=null * unit * unit,
            tol=tol,
            met=met,
            converged=bool(met.all()),
            by_kkt=bool(np.any((free > 0) & (relative > tol))),
            method=method,
            passes=passes,
        )


def _judge_by_reads(data: Data, lengths: Array | None) -> tuple[Array, int]:
    """(verdict, reads of X): correlations of all points from X."""
    (m, n), k, one_target = data.X.shape, data.coef.shape[1], data.Y.shape[1] == 1
    step = max(1, min(k, max(_ROOM, data.X.nnz // 25) // (m + n)))
    verdicts, passes, target = [], 0, None
    for first in range(0, k, step):
        points = range(first, min(first + step, k))
        found = correlate(data, points, with_y=target is None or not one_target, norms=lengths)
        lengths, passes = found.norms, passes + found.passes
        if one_target:
            target = target or Target(data, 0, found.c0[0], found)
            verdicts.append(target.judge(points, found.c, SquaredFit(found.rho2), found.off))
            continue
        for q, t in enumerate(points):
            target, one = Target(data, t, found.c0[q], found), slice(q, q + 1)
            verdict = target.judge(
                range(t, t + 1), found.c[one], SquaredFit(found.rho2[one]), found.off[one]
            )
            verdicts.append(verdict)
    return np.concatenate(verdicts, axis=1), passes


def _judge_claims(data: Data, claims: Array, lengths: Array | None) -> tuple[Array, int]:
    """(verdict, reads of X): judge all points by claimed correlations, on probation.

    Freivalds' check (1977): for random numbers s, X gives c at Σ_t s_t θ_t, a few times in one
    read, and the claims, linear in θ but for c⁰ of y, give it too. Their difference is
    Σ_t s_t e_t, e_t the error of the claim for point t. With normal s it is at least ‖e_t‖ times a
    normal number along any e_t: below ‖e_t‖/100 in all of four probes about once in 10⁸. c is
    then taken to be wrong by a hundred times the largest difference everywhere.
    """
    k = data.coef.shape[1]
    signs = np.random.default_rng(0).standard_normal((k, _PROBES))
    probe = dataclasses.replace(data, coef=data.coef @ signs, intercept=data.intercept @ signs)
    # Offsets of the probes from the mean of y are of no interest: c is about the mean anyway.
    seen = correlate(probe, range(_PROBES), with_y=True, norms=lengths)
    c0 = seen.c0[0]
    errors = (seen.c - c0) - ((claims @ signs).T - np.multiply.outer(signs.sum(axis=0), c0))
    doubt = _DOUBT * float(np.sqrt((errors**2).sum(axis=1)).max())
    target = Target(data, 0, c0, seen)
    off = -levels(data, range(k)) if data.objective.fit_intercept else np.zeros(k)
    rho2 = np.maximum(2.0 * target.null - _fitted(data, c0, claims), 0.0)
    return target.judge(range(k), claims.T, SquaredFit(rho2), off, doubt), seen.passes


def _fitted(data: Data, c0: Array, C: Array) -> Array:
    """Σ w (y² − r²) of each point: θᵀ(c⁰ + c), from the coefficients that are not zero."""
    used = np.flatnonzero(data.coef.any(axis=1))
    theta = data.coef[used] / data.scale[used, None] / float(data.unit[0])
    return np.einsum("jt,jt->t", theta, c0[used, None] + C[used])


__all__ = [
    "KKT",
    "Certificate",
    "Columns",
    "certify",
    "certify_coupled",
    "certify_firth",
    "certify_moments",
    "certify_small",
    "certify_source",
    "certify_source_of_loss",
    "dual_projection",
    "dual_value",
    "duality_gap",
    "in_units",
    "nearest_subgradient",
    "penalty_value",
    "points_of_moments",
    "relative_to",
]
