"""The standard form read block by block, where neither X nor n² numbers fit into memory.

Every read of the source is one fused pass over each block; what is kept, and what a cluster sends,
are n numbers a point.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import numpy as np

from fastreg import kernels
from fastreg.objectives import Objective
from fastreg.problems.in_memory import columns_of, with_zeros
from fastreg.problems.quadratic import EPS, QuadraticProblem, check_range, power_of_two
from fastreg.sources import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray


@dataclass(kw_only=True)
class StreamedProblem(QuadraticProblem):
    """A standardised problem whose X is read from a source."""

    source: Source
    means: Array  # (T,) of the targets
    units: Array  # (T,) powers of two
    curvatures: Array  # (n,): Σ w x'²/M of each column, about
    passes: int = 0
    _starts: dict[int, tuple[Array, float]] = field(repr=False, default_factory=dict)

    @property
    def metric(self) -> Array:
        """(n,): where X leaves the answer open, Σ metric_j β_j² is to be least."""
        return self.curvatures

    def target(self, t: int) -> int:
        """The number of the target of point t."""
        return t if self.n_targets > 1 else 0

    def at_zero(self, t: int) -> tuple[Array, float]:
        """c and ρ² at β = 0: of all targets in one read, remembered."""
        if not self._starts:
            T = self.n_targets
            C, rho2 = self._fused(np.zeros((self.n_features, T)), np.arange(T))
            self._starts = {q: (C[:, q].copy(), float(rho2[q])) for q in range(T)}
        return self._starts[self.target(t)]

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        C, rho2 = self._fused(beta[:, None], np.array([self.target(t)]))
        return C[:, 0], float(rho2[0])

    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        whole = np.zeros((self.n_features, betas.shape[1]))
        whole[columns] = betas
        return self._fused(whole, np.full(betas.shape[1], self.target(t)))

    def correlations_at(self, beta: Array, points: range) -> tuple[Array, Array]:
        """c and ρ² of several points, β (n, d), each with its own y: (n, d), (d,)."""
        if not beta.any():
            starts = [self.at_zero(t) for t in points]
            return np.stack([c for c, _ in starts], axis=1), np.array([r for _, r in starts])
        return self._fused(beta, np.array([self.target(t) for t in points]))

    @property
    def by_columns(self) -> bool:
        """As a problem in memory has it: blocks are of rows."""
        return False

    def operator(self, beta: Array) -> Array:
        """X'ᵀWX'β/M, (n, d)."""
        return -self._fused(beta, None)[0]

    def gram(self, left: Array, right: Array) -> Array:
        self.passes += 1
        work = _Products(self.source.layout, left, right, self.shift, self.scale, self.far)
        products: Array = self.source.reduce(work, operator.add)
        return products / self.total

    def _fused(self, beta: Array, targets: Array | None) -> tuple[Array, Array]:
        self.passes += 1
        theta = beta * self.scale[:, None]
        work = _Residuals(
            self.source.layout, theta, self.shift, self.scale, targets, self.means, self.units
        )
        C, rho2 = self.source.reduce(work, _add_pairs)
        return C / self.total, rho2 / self.total


@dataclass(frozen=True, eq=False)
class _Residuals:
    """X'ᵀ(w∘r) (n, d) and Σ w r² (d,) of a block, r = y' − X'β; y' = 0 where `targets` is None."""

    layout: Layout
    theta: Array
    shift: Array | None
    scale: Array
    targets: Array | None
    means: Array
    units: Array

    def __call__(self, block: Block, row: int) -> tuple[Array, Array]:
        X, Y, weights, _ = self.layout.check(block)
        d = self.theta.shape[1]
        y = np.zeros((len(Y), d))
        if self.targets is not None:
            y[:] = (Y[:, self.targets] - self.means[self.targets]) / self.units[self.targets]
        theta, out = self.theta, np.empty(self.theta.shape)
        options = {"shift": self.shift, "weights": weights}
        if d == 1:  # the lanes of a register hold eight: one alone has a pass of its own
            flat = np.ascontiguousarray(theta[:, 0])
            value, _ = kernels.gradient(X.storage, y[:, 0], flat, out=out[:, 0], **options)
        else:
            value, _ = kernels.gradient(X.storage, y, theta, out=out, **options)
        out *= -self.scale[:, None]
        return out, 2.0 * np.atleast_1d(value)


@dataclass(frozen=True, eq=False)
class _Products:
    """X'_leftᵀ W X'_right of a block."""

    layout: Layout
    left: Array
    right: Array
    shift: Array | None
    scale: Array
    far: bool

    def __call__(self, block: Block, row: int) -> Array:
        X, _, weights, _ = self.layout.check(block)
        return np.asarray(
            kernels.cross_gram(
                X.storage, self.left, self.right, shift=self.shift, scale=self.scale,
                weights=weights, by_blocks=self.far,
            )
        )  # fmt: skip


def _add_pairs(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    return a[0] + b[0], a[1] + b[1]


# ---------------------------------------------------------------- the first read


@dataclass(frozen=True, eq=False)
class _Seen:
    """Of some rows: ranges and sums of X and Y, each about an origin."""

    low: Array  # (n + T,)
    high: Array
    sums: Array
    squares: Array  # (n,)
    weight: float

    def __add__(self, other: _Seen) -> _Seen:
        return _Seen(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.sums + other.sums,
            self.squares + other.squares,
            self.weight + other.weight,
        )


@dataclass(frozen=True, eq=False)
class _Survey:
    layout: Layout
    origin: Array  # (n + T,)

    def __call__(self, block: Block, row: int) -> _Seen:
        rows = self.layout.check(block)
        n = self.layout.n_features
        origin = None if rows.X.is_sparse else self.origin[:n]
        seen = kernels.survey(rows.X.storage, weights=rows.weights, origin=origin)
        if not seen.finite:
            raise self.layout.error(block)
        low, high = with_zeros(rows.X, seen.low, seen.high)
        some = rows.Y if rows.weights is None else rows.Y[rows.weights > 0]
        ends = (some.min(axis=0, initial=np.inf), some.max(axis=0, initial=-np.inf))
        w = np.ones(len(rows.Y)) if rows.weights is None else rows.weights
        level = w @ (rows.Y - self.origin[n:])
        return _Seen(
            np.append(low, ends[0]),
            np.append(high, ends[1]),
            np.append(seen.sums, level),
            seen.squares,
            float(w.sum()),
        )


def standardise(source: Source, objective: Objective) -> StreamedProblem:
    """Build the problem, in one read for ranges and means.

    Raises
    ------
    ValueError
        A value is not acceptable; the message has the file, the row and the column.
    """
    n, T, centred = source.n_features, source.n_targets, objective.fit_intercept
    origin = _origin(source, centred)
    seen: _Seen = source.reduce(_Survey(source.layout, origin), operator.add)
    if not seen.weight > 0:
        raise ValueError("sample_weight is zero everywhere; at least one must be positive")
    columns = columns_of(
        seen.low[:n], seen.high[:n], seen.sums[:n], seen.squares, seen.weight, origin[:n],
        objective, source.is_sparse,
    )  # fmt: skip
    means, units = _targets(seen, origin[n:], centred)
    points = max(T, objective.ridges().shape[1])
    return StreamedProblem(
        source=source,
        total=seen.weight,
        shift=columns.shift,
        scale=columns.scale,
        size=columns.size,
        constant=columns.constant,
        unit=np.broadcast_to(units, points),
        mean=np.broadcast_to(means, points),
        means=means,
        units=units,
        objective=objective,
        far=columns.far,
        n_targets=T,
        curvatures=columns.curvatures,
        passes=1,
    )


def _targets(seen: _Seen, origin: Array, centred: bool) -> tuple[Array, Array]:
    """(mean, unit) of each target, (T,), the unit next above its spread."""
    low, high = (each[-len(origin) :] for each in (seen.low, seen.high))
    entry = np.maximum(np.abs(low), np.abs(high))
    check_range("y", entry)
    if not centred:
        return np.zeros(len(origin)), power_of_two(2 * entry)
    mean = origin + seen.sums[-len(origin) :] / seen.weight
    spread = high - low
    return mean, power_of_two(np.where(spread <= 4 * EPS * np.abs(mean), 0.0, spread))


def _origin(source: Source, centred: bool) -> Array:
    """(n + T,): a row that counts, to subtract before summing; zeros for X if it is sparse, or is
    measured from zero."""
    blocks = source.read()
    block = next(blocks, None)
    if block is None:
        raise ValueError(f"{source.kind} has no rows")
    rows = source.layout.check(block)
    blocks.close()  # type: ignore[attr-defined]
    row = 0 if rows.weights is None else int(np.argmax(rows.weights > 0))
    from_zero = rows.X.is_sparse or not centred
    x = np.zeros(source.n_features) if from_zero else np.array(rows.X.matrix[row], float)
    return np.append(x, rows.Y[row])
