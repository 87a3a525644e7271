"""The multinomial loss in the standard form: K·n coefficients, class by class, in one vector.

    z_ik = o_ik + b_k + x'_iᵀβ_k,   p = softmax(z),   F = Σ w ℓ(z)/M
    ∂F/∂β_k = X'ᵀ(w∘(p_k − y_k))/M,   ∂F/∂b_k = Σ w (p_k − y_k)/M

The quadratic that touches it at a point has the second derivative

    H_kl = X̃ᵀ diag(w p_k (δ_kl − p_l)) X̃/M,   X̃ = (1, X')

of which the intercepts are eliminated: with B (K, K) of the ones alone and C (K, ·) of ones and X',
x̄ = B⁺C and G = H − CᵀB⁺C. B is singular: a constant added to all z changes nothing.

    Σ_k [k = l] A_kᵀ diag(w p_k) A_k − (P∘A)ᵀ diag(w) (P∘A)

is H on columns in use, A_k those of class k and P∘A their entries times the class's probabilities:
one product of all columns and a small one for each class.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import kernels
from fastreg._jit import run_blocks
from fastreg.certificate import Columns
from fastreg.certificate.coupled import null_levels, saturated
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.penalties import is_zero
from fastreg.problems.in_memory import InMemoryProblem, standardise
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.problems.smooth import Tangent, check_size
from fastreg.problems.views import Look

Array = np.ndarray
_ENTRIES = 1 << 19  # of some rows and columns in use: 4 MB
_PARTS, _SUMS = 8, 1 << 24  # of rows, that threads share, and entries of their sums
_LANES = 1 << 24  # predictions of all rows at a time: 128 MB
_NARROW = 8  # features, for each in use, from which looks at those alone take less time
_SINGULAR = 1e-12  # of the largest eigenvalue of B
_NOTHING = 1e-100  # of weights of sum 1: slopes over smaller eigenvalues overflow
_KEPT = 1 << 26  # entries of features in use that are kept: 512 MB


@dataclass(kw_only=True)
class CoupledProblem(QuadraticProblem):
    """A standardised problem of K outputs; column k·n + j is feature j of class k."""

    base: InMemoryProblem  # X', of n features
    Y: Array  # (m, K)
    level: Array  # (K,) b of the null model
    least: float
    scale_of_gap: float
    null_gradient: Array  # (K·n,)
    passes: int = 0
    _kept: tuple[Array, Array] | None = field(repr=False, default=None)

    def null(self, t: int) -> float:
        return self.scale_of_gap

    @property
    def n_classes(self) -> int:
        return self.Y.shape[1]

    @property
    def is_ridge(self) -> bool:
        """Whether every coefficient has a ridge term, and no other penalty."""
        return is_zero(self.objective.penalty) and bool((self.base_ridge(0) > 0.0).all())

    is_wide_ridge = False

    def is_narrow(self, columns: Array) -> bool:
        """Whether looks at these columns alone take much less time than a read of X."""
        n = len(self.base.scale)
        count = len(np.unique(columns % n))
        return 0 < _NARROW * count <= n and count * self.base.X.shape[0] <= _KEPT

    # ------------------------------------------------------------ looks

    def look(self, columns: Array, betas: Array, levels: Array, *, within: bool = False) -> Look:
        """At d points, β (p, d) on some columns, zero elsewhere, b (K, d)."""
        self.passes += 1
        m, d = self.base.X.shape[0], betas.shape[1]
        step = max(1, _LANES // max(1, m * self.n_classes))
        looks = [
            self._look(columns, betas[:, q : q + step], levels[:, q : q + step], within)
            for q in range(0, d, step)
        ]
        values, slopes, gradients, _ = zip(*looks, strict=True)
        return Look(np.concatenate(values), np.hstack(slopes), np.hstack(gradients))

    def _look(self, columns: Array, betas: Array, levels: Array, within: bool) -> Look:
        n, K, d = len(self.base.scale), self.n_classes, betas.shape[1]
        narrow = self.is_narrow(columns)
        Z = self._predicted(columns, betas, levels, narrow)
        value = kernels.softmax(Z, self.Y, self.base.weights, self.objective.offset)
        slope = Z.sum(axis=0).reshape(d, K).T / self.total
        if within:
            features, A = self._part(columns)
            whole = (A.T @ Z).reshape(len(features), d, K)
            rows = np.searchsorted(features, columns % n)
            gradient = whole[rows, :, columns // n]
        else:
            out = np.empty((n, d * K))
            kernels.project(self.base.X.storage, Z, shift=self.base.shift, out=out)
            gradient = _turned(out, self.base.scale).reshape(d, K * n).T
        gradient /= self.total
        return Look(value / self.total, slope, gradient)

    def _predicted(self, columns: Array, betas: Array, levels: Array, narrow: bool) -> Array:
        """X'β + b, (m, d·K), the K of a point side by side."""
        n, K, d = len(self.base.scale), self.n_classes, betas.shape[1]
        starts = np.ascontiguousarray(levels.T).reshape(-1)
        if narrow:
            features, A = self._part(columns)
            B = np.zeros((len(features), d, K))
            B[np.searchsorted(features, columns % n), :, columns // n] = betas
            return np.ascontiguousarray(A @ B.reshape(len(features), d * K) + starts)
        theta = np.zeros((n, d, K))
        theta[columns % n, :, columns // n] = betas * self.base.scale[columns % n, None]
        Z = np.empty((self.base.X.shape[0], d * K))
        kernels.predict(
            self.base.X.storage, theta.reshape(n, d * K), offset=starts, shift=self.base.shift,
            out=Z,
        )  # fmt: skip
        return Z

    def _part(self, columns: Array) -> tuple[Array, Array]:
        """(the features of some columns, ascending; their entries of X' (m, f))."""
        features = np.unique(columns % len(self.base.scale))
        if self._kept is None or not np.array_equal(self._kept[0], features):
            self._kept = features, self.entries(features, slice(0, self.base.X.shape[0]))
        return self._kept

    def entries(self, features: Array, rows: slice) -> Array:
        """X' (b, f), dense."""
        base = self.base
        if base.X.is_sparse:
            part = base.X.matrix[rows][:, features].toarray().astype(float)
            part -= 0.0 if base.shift is None else base.shift[features]
            return part * base.scale[features]
        out = np.empty((rows.stop - rows.start, len(features)))
        kernels.fill(
            base.X.storage, rows.start, rows.stop, columns=features, shift=base.shift,
            scale=base.scale, out=out,
        )  # fmt: skip
        return out

    def _some(self, features: Array, rows: slice) -> Array:
        """`_entries`, from those that are kept."""
        if self._kept is not None and np.array_equal(self._kept[0], features):
            return self._kept[1][rows]
        return self.entries(features, rows)

    def blocks(self, features: Array, height: int) -> Iterator[tuple[slice, Array]]:
        """Rows, and their entries of some features."""
        m = self.base.X.shape[0]
        for start in range(0, m, height):
            rows = slice(start, min(start + height, m))
            yield rows, self._some(features, rows)

    # ------------------------------------------------------------ tangents

    def spread(self, beta: Array, level: Array) -> Array:
        """(K, K) the mean of diag(p) − ppᵀ over the rows, at β (K·n,), b (K,)."""
        P = self._predicted(np.arange(len(beta)), beta[:, None], level[:, None], narrow=False)
        kernels.softmax(P, np.zeros(self.Y.shape), None, self.objective.offset)
        w = np.ones(len(P)) if self.base.weights is None else self.base.weights
        self.passes += 1
        out: Array = np.diag(w @ P) - (P * w[:, None]).T @ P
        return out / self.total

    def tangent(
        self, columns: Array, beta: Array, level: Array, *, is_secant: bool = False
    ) -> Tangent:
        """The quadratic at β (p,) on some columns, b (K,); with `is_secant` that of equal
        probabilities, K/2 times: it bends more than any (Böhning, AISM 44, 1992)."""
        m, K = self.Y.shape
        P, factor = np.full((m, K), 1.0 / K), 0.5 * K
        if not is_secant:
            factor = 1.0
            P = self._predicted(columns, beta[:, None], level[:, None], self.is_narrow(columns))
            kernels.softmax(P, np.zeros((m, K)), None, self.objective.offset)
        w = np.ones(m) if self.base.weights is None else self.base.weights
        self.passes += 2
        return Quadratic.touching(self, P, factor * w / self.total)

    @property
    def columns(self) -> Columns:
        """What the certificate is told of X."""
        return self.base.columns

    def with_penalty(self, objective: Objective) -> CoupledProblem:
        """The same problem with the penalty and the ridge terms of another objective."""
        known = dataclasses.replace(self.base.objective, l2=objective.l2, penalty=objective.penalty)
        return dataclasses.replace(
            self, objective=by_class(objective, len(self.base.scale), self.n_classes), _bases={},
            base=dataclasses.replace(self.base, objective=known, _bases={}),
        )  # fmt: skip

    def at_strengths(self, strengths: Array) -> CoupledProblem:
        """The same problem at other strengths."""
        objective = dataclasses.replace(self.objective, strength=strengths)
        ones, zeros = np.ones(len(strengths)), np.zeros(len(strengths))
        return dataclasses.replace(self, objective=objective, unit=ones, mean=zeros, _bases={})

    def unscale(self, beta: Array) -> tuple[Array, Array]:
        """(coef (n, K, k), what the shift adds to the intercepts (K, k)), in the user's units;
        `beta`, in Fortran order, becomes `coef`. Coefficients of 62 061 features, 20 classes and
        100 strengths are 1 GB: each copy of them takes 2 s."""
        n, k = len(self.base.scale), beta.shape[1]
        beta *= self.scale[:, None]
        if not np.isfinite(beta).all():
            raise ValueError(
                "the coefficients that fit X and y are too large for float64: "
                "bring X to units nearer 1"
            )
        coef, moved = beta.T.reshape(k, self.n_classes, n), np.zeros((self.n_classes, k))
        if self.base.shift is not None:
            moved = -(coef @ self.base.shift).T
        return coef.transpose(2, 1, 0), moved

    def scaled(self, coef: Array) -> Array:
        """β (K·n, k) of coefficients (n, K, k)."""
        n, K, k = coef.shape
        flat = coef.transpose(1, 0, 2).reshape(K * n, k)
        out = np.divide(flat, self.scale[:, None], out=np.zeros(flat.shape),
                        where=self.scale[:, None] > 0.0)  # fmt: skip
        return np.where(np.tile(self.base.constant, K)[:, None], 0.0, out)

    def gram(self, left: Array, right: Array) -> Array:
        raise NotImplementedError("products are those of a tangent")

    def at_zero(self, t: int) -> tuple[Array, float]:
        raise NotImplementedError("the null model has no squares")

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        raise NotImplementedError("slopes are those of a look")

    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        raise NotImplementedError("slopes are those of a look")


@dataclass(kw_only=True)
class Quadratic(CoupledProblem):
    """That which touches at probabilities P (m, K), of weights v (m,)."""

    P: Array
    v: Array
    bend: Array  # (K, K) B
    means: Any  # x̄: zeros (K·n, K), or `Means`

    @classmethod
    def touching(cls, problem: CoupledProblem, P: Array, v: Array) -> Tangent:
        own = {each.name: getattr(problem, each.name) for each in dataclasses.fields(problem)}
        K, n = P.shape[1], len(problem.base.scale)
        bend, inverse = np.zeros((K, K)), np.zeros((K, K))
        means: Any = np.zeros((K * n, K))
        if problem.objective.fit_intercept:
            bend = np.diag(v @ P) - (P * v[:, None]).T @ P
            values, vectors, kept = spectrum_of(bend)
            inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
            means = Means.of_probabilities(problem, P, v, inverse)
        quadratic = cls(**own, P=P, v=v, bend=bend, means=means)
        return Tangent(quadratic, means, bend, inverse)

    def _add(
        self, out: Array, rows: slice, A: Array, left: tuple[Array, Array],
        right: tuple[Array, Array] | None,
    ) -> None:  # fmt: skip
        """out += H of some rows, at (features, classes) of both sides, or of one that is both."""
        P, roots = self.P[rows], np.sqrt(self.v[rows, None])
        shares = np.sqrt(P)
        (jl, kl), (jr, kr) = left, right or left
        # `take`, as A[:, jl] is not in C order: products with it took six times as long.
        L = A.take(jl, axis=1)
        L *= roots
        R = L
        if right is not None:
            R = A.take(jr, axis=1)
            R *= roots
        for k in range(self.n_classes):
            a, b, own = np.flatnonzero(kl == k), np.flatnonzero(kr == k), shares[:, k : k + 1]
            if len(a) and len(b):
                each = L.take(a, axis=1) * own
                other = each if R is L else R.take(b, axis=1) * own
                out[np.ix_(a, b)] += each.T @ other
        L *= P.take(kl, axis=1)
        if R is not L:
            R *= P.take(kr, axis=1)
        out -= L.T @ R  # of one and the same NumPy takes half the products

    def gram(self, left: Array, right: Array) -> Array:
        """G on some columns."""
        n = len(self.base.scale)
        features = np.unique(np.concatenate([left, right]) % n)
        same = len(left) == len(right) and bool(np.array_equal(left, right))
        places = [(np.searchsorted(features, some % n), some // n) for some in (left, right)]
        height = max(64, _ENTRIES // (len(left) + len(right)))
        blocks = -(-len(self.v) // height)
        parts = max(1, min(_PARTS, blocks, _SUMS // (len(left) * len(right))))
        sums = np.zeros((parts, len(left), len(right)))

        def add(first: int, last: int) -> None:
            for part in range(first, last):
                for block in range(blocks * part // parts, blocks * (part + 1) // parts):
                    rows = slice(block * height, min((block + 1) * height, len(self.v)))
                    A, other = self._some(features, rows), None if same else places[1]
                    self._add(sums[part], rows, A, places[0], other)

        run_blocks(add, parts, step=1)
        out = np.add.reduce(sums, axis=0)
        out -= self.means[left] @ self.bend @ self.means[right].T
        return out


def information(A: Array, P: Array, v: Array) -> Array:
    """Σ v (diag(p) − ppᵀ) ⊗ aaᵀ, (K·q, K·q) class by class, of rows A (m, q), P (m, K), v (m,)."""
    (m, q), K = A.shape, P.shape[1]
    each = ((P * np.sqrt(v)[:, None])[:, :, None] * A[:, None, :]).reshape(m, K * q)
    out: Array = -(each.T @ each)
    weighted = (A * v[:, None]).T
    for k in range(K):
        part = slice(k * q, (k + 1) * q)
        out[part, part] += (weighted * P[:, k]) @ A
    return out


def spectrum_of(S: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues ≥ 0 and vectors of a mean of diag(p) − ppᵀ, and which are not rounding of the
    largest, nor so small that what is divided by them overflows."""
    values, vectors = np.linalg.eigh(S)
    values = np.maximum(values, 0.0)
    return values, vectors, values > max(_SINGULAR * values[-1], _NOTHING)


@dataclass(eq=False)
class Means:
    """x̄ of a tangent, of the columns that are asked for: B⁺ and C, a row of it a feature, whose
    entries are those of pairs of classes. All of it takes K²/2 products with X, 4.6 s of 62 061
    columns and 20 classes."""

    problem: CoupledProblem
    R: Array  # (m, K (K + 1)/2) weights v p_k (δ_kl − p_l) of pairs
    inverse: Array
    C: Array  # (n, K (K + 1)/2)
    known: Array  # (n,) bool
    _asked: tuple[Array, Array] | None = None  # the columns asked for last, and their x̄

    @staticmethod
    def of_probabilities(problem: CoupledProblem, P: Array, v: Array, inverse: Array) -> Means:
        left, right = np.triu_indices(P.shape[1])
        R = -(P[:, left] * P[:, right])
        R[:, left == right] += P
        R *= v[:, None]
        n = len(problem.base.scale)
        return Means(problem, R, inverse, np.zeros((n, len(left))), np.zeros(n, bool))

    def __getitem__(self, columns: Array) -> Array:
        """(p, K), not to be changed. A step asks for those of one array three times."""
        if self._asked is None or self._asked[0] is not columns:
            self._asked = columns, self._of(columns)
        return self._asked[1]

    def _of(self, columns: Array) -> Array:
        features = columns % len(self.C)
        missing = np.unique(features[~self.known[features]])
        if len(missing):
            self._learn(missing)
        return self.C[features[:, None], self._pair[columns // len(self.C)]] @ self.inverse

    @functools.cached_property
    def _pair(self) -> Array:
        """(K, K) the place of a pair of classes in a row of C."""
        K = len(self.inverse)
        pair = np.empty((K, K), int)
        left, right = np.triu_indices(K)
        pair[left, right] = pair[right, left] = np.arange(len(left))
        return pair

    def _learn(self, features: Array) -> None:
        base = self.problem.base
        if _NARROW * len(features) > len(base.scale):
            kernels.project(base.X.storage, self.R, shift=base.shift, out=self.C)
            self.C *= base.scale[:, None]
            self.known[:] = True
            return
        height = max(64, _ENTRIES // len(features))
        for rows, A in self.problem.blocks(features, height):
            self.C[features] += A.T @ self.R[rows]
        self.known[features] = True


def _turned(sums: Array, scale: Array) -> Array:
    """Sums (n, g) times a scale (n,), (g, n): a few features at a time, which stay in cache."""
    n, g = sums.shape
    out = np.empty((g, n))
    height = max(64, _ENTRIES // g)
    for start in range(0, n, height):
        rows = slice(start, start + height)
        np.multiply(sums[rows].T, scale[rows], out=out[:, rows])
    return out


def by_class(objective: Objective, n: int, K: int) -> Objective:
    """With ridge terms and a penalty of K·n coefficients, class by class."""
    l2 = np.tile(np.broadcast_to(objective.l2[:, 0], n), K)[:, None]
    penalty = type(objective.penalty)(
        *(np.tile(np.broadcast_to(each, n), K) for each in objective.penalty)
    )
    return dataclasses.replace(objective, l2=l2, penalty=penalty)


def _check_offset(objective: Objective) -> None:
    """ValueError if offsets of a row are so far apart that its loss leaves float64."""
    offset = objective.counted().offset
    if offset is None:
        return
    check_size(float((0.5 * offset.max(axis=1) - 0.5 * offset.min(axis=1)).max()), objective)


def coupled(
    X: Design, Y: Array, objective: Objective, levels: Array | None = None
) -> CoupledProblem:
    """The problem of shares Y (m, K), its null model, and its gradient there; `levels` (K,) are
    that model's intercepts, where they are known.

    Raises
    ------
    ValueError
        X contains NaN or infinity.
    """
    m, K = Y.shape
    w = np.ones(m) if objective.weights is None else objective.weights
    _check_offset(objective)
    if levels is None:
        levels = null_levels(Y, w, objective.offset, objective.fit_intercept)
    frame = standardise(X, Y[:, :1], dataclasses.replace(objective, offset=None))
    n, Z = len(frame.scale), np.tile(levels, (m, 1))
    value = float(kernels.softmax(Z, Y, frame.weights, objective.offset)[0])
    gradient = np.empty((n, K))
    kernels.project(X.storage, Z, shift=frame.shift, out=gradient)
    gradient *= frame.scale[:, None] / frame.total
    share = w / w.max()
    least = float((share / share.sum()) @ saturated(Y))
    points = 1 if objective.strength is None else len(objective.strength)
    return CoupledProblem(
        total=frame.total, shift=None, scale=np.tile(frame.scale, K), size=np.tile(frame.size, K),
        constant=np.tile(frame.constant, K), unit=np.ones(points), mean=np.zeros(points),
        objective=by_class(objective, n, K), base=frame, Y=Y, level=levels, least=least,
        scale_of_gap=max(value / frame.total - least, 1e-300),
        null_gradient=gradient.T.reshape(-1), passes=2,
    )  # fmt: skip
