"""The standard form read from X: survey, correlations and products, each a pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fastreg import kernels
from fastreg.design import Design, counted, full_columns, is_canonical, nonfinite_message, storages
from fastreg.kernels.rows import Workspace
from fastreg.losses import Squared
from fastreg.objectives import Objective
from fastreg.problems.quadratic import EPS, QuadraticProblem, check_range, column, power_of_two
from fastreg.problems.views import Rows, View

Array = np.ndarray
_SQUARED = Squared()
_SPARSE = 8  # columns for each one in use, from which the others are not worth a product
_GATHER = 16  # columns read in order in the time in which one column of W is picked out
BUFFER = 1 << 19  # entries of a block of columns in use: 4 MB
_NEAR = 8.0  # spreads that a shift may be long to be subtracted late
_LEAST_SCALE = 1e-150  # of a column: its square and the inverse of that are numbers
_LARGEST = 1e-50  # of the root of a ridge term, the least size of a column beside it
_FAR = 1e3  # offset over spread from which rank-one corrections lose six digits of a Gram


@dataclass(kw_only=True)
class InMemoryProblem(QuadraticProblem):
    """A standardised problem read from X, which is neither copied nor changed."""

    X: Design
    target: Array  # (m, k), or (m, 1) for k points of one target, as the user gave it
    Y: Array  # (m, k) or (m, 1), centred and scaled
    weights: Array | None  # (m,), scaled to a largest entry between 1/2 and 1
    curvatures: Array  # (n,): Σ w x'²/M of each column, about: of a few digits
    passes: int = 0
    workspace: Workspace = field(repr=False, default=None)  # type: ignore[assignment]
    _starts: dict[int, tuple[Array, float]] = field(repr=False, default_factory=dict)
    _workspaces: dict[int, Workspace] = field(repr=False, default_factory=dict)

    def y(self, t: int) -> Array:
        """(m,): y' of point t."""
        return column(self.Y, t)

    @property
    def n_rows(self) -> int:
        """Rows that count."""
        return self.X.shape[0] if self.weights is None else int(np.count_nonzero(self.weights))

    @property
    def far_columns(self) -> Array:
        """(n,) bool: columns of a sparse X whose offset dwarfs their spread, all of them."""
        if not self.far or self.shift is None:
            return np.zeros(self.n_features, bool)
        return np.abs(self.shift) * self.scale > _FAR / 2

    @property
    def metric(self) -> Array:
        """(n,): where X leaves the answer open, Σ metric_j β_j² is to be least: in the user's
        units where rows are fewer than columns, else in columns of length 1."""
        if self.n_rows >= self.n_features:
            return self.curvatures
        return (self.scale / (self.scale.max() or 1.0)) ** 2  # 0 where no column varies

    def null(self, t: int) -> float:
        """½ Σ (w/M) y'²: the objective at β = 0."""
        return 0.5 * _mean_square(self.y(t), self.weights, self.total)

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        """c = X'ᵀ(w∘r)/M and ρ² = Σ w r²/M at β: one fused pass over X."""
        c, rho2 = self._together(beta[:, None], self.y(t))
        return c[:, 0], float(rho2[0])

    def at_zero(self, t: int) -> tuple[Array, float]:
        """`correlation` at β = 0, remembered: where a grid and where a path begin."""
        key = t if self.n_targets > 1 else 0
        if key not in self._starts:
            self._starts = {key: self.correlation(np.zeros(self.X.shape[1]), t)}
        return self._starts[key]

    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        """`correlation` of d points with the y of point t: (n, d), (d,) from β (p, d) on some
        columns, zero elsewhere. One fused pass for all, or for each of a few with a sparse X; or,
        where few columns of a dense X are in use, their residuals and a screening pass."""
        n, d = self.X.shape[1], betas.shape[1]
        used = np.flatnonzero(betas.any(axis=1))
        if not self.X.is_sparse and (
            _SPARSE * len(used) <= n or storages.in_strips(self.X.storage)
        ):
            return self._screened(columns[used], betas[used], t)
        whole = np.zeros((n, d))
        whole[columns] = betas
        return self._together(whole, self.y(t))

    def _together(self, betas: Array, y: Array) -> tuple[Array, Array]:
        """`correlation` of β (n, d) with y (m,) or (m, d): one fused pass over X, or one for each
        where that is faster."""
        d = betas.shape[1]
        if self.far_columns.any():
            return self._with_far(betas, y)
        view = self._view(Rows(y, self.weights, None, _SQUARED, self.total))
        self.passes += 1 if view.is_abreast(d) else d
        look = view.look(betas, np.zeros(d))
        return np.negative(look.gradient), 2.0 * look.value

    def _view(self, rows: Rows) -> View:
        """All columns, with rows of whatever loss."""
        self._workspaces.setdefault(0, self.workspace)
        late = self._late_shift() is not None
        return View(self.X.storage, self.shift, self.scale, late, rows, self._workspaces)

    def _with_far(self, betas: Array, y: Array) -> tuple[Array, Array]:
        """`_together` by residuals, whose far columns are centred entry by entry: a rank-one
        correction of 1e8 rounds at 1e-8."""
        targets = np.broadcast_to(y[:, None] if y.ndim == 1 else y, (len(y), betas.shape[1]))
        columns = zip(targets.T, betas.T, strict=True)
        R = np.stack([self._less(target, beta) for target, beta in columns], axis=1)
        weighted = R if self.weights is None else self.weights[:, None] * R
        return self.screen(weighted), np.einsum("id,id->d", weighted, R) / self.total

    def _less(self, y: Array, beta: Array) -> Array:
        """y − X'β: one pass over X."""
        self.passes += 1
        out, theta = np.empty(self.X.shape[0]), beta * self.scale
        far = self.far_columns
        theta[far] = 0.0
        kernels.predict(self.X.storage, theta, shift=self.shift, out=out, workspace=self.workspace)
        np.subtract(y, out, out=out)
        if beta[far].any():
            for rows, values in self._far_blocks():
                out[rows] -= values @ beta[far]
        return out

    def _far_blocks(self) -> Iterator[tuple[slice, Array]]:
        """Rows, and their entries of X' in far columns."""
        m, columns = self.X.shape[0], np.flatnonzero(self.far_columns)
        step = max(64, BUFFER // max(1, len(columns)))
        for start in range(0, m if len(columns) else 0, step):
            rows = slice(start, min(start + step, m))
            block = np.empty((rows.stop - start, len(columns)))
            options = {"columns": columns, "shift": self.shift, "scale": self.scale}
            kernels.fill(self.X.storage, start, rows.stop, out=block, **options)
            yield rows, block

    def _put_far(self, out: Array, residuals: Array) -> Array:
        """X'ᵀ residuals of the far columns in their places of `out`."""
        if self.far_columns.any():
            parts = [values.T @ residuals[rows] for rows, values in self._far_blocks()]
            out[self.far_columns] = sum(parts[1:], parts[0])
        return out

    def _late_shift(self) -> Array | None:
        """The shift of a dense X if it may be subtracted from products instead of entries: twice
        as fast with several right-hand sides, and as good where it does not dwarf the spread."""
        if self.shift is None or self.X.is_sparse:
            return None
        return self.shift if np.all(np.abs(self.shift) * self.scale <= _NEAR) else None

    def _screened(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        m = self.X.shape[0]
        R = np.repeat(self.y(t)[:, None], betas.shape[1], axis=1)
        rows = max(64, BUFFER // max(1, len(columns)))
        for start in range(0, m if len(columns) else 0, rows):
            stop = min(start + rows, m)
            block = np.empty((stop - start, len(columns)))
            options = {"columns": columns, "shift": self.shift, "scale": self.scale}
            kernels.fill(self.X.storage, start, stop, out=block, **options)
            R[start:stop] -= block @ betas
        weighted = R if self.weights is None else self.weights[:, None] * R
        rho2 = np.einsum("id,id->d", weighted, R) / self.total
        return self.screen(weighted), rho2

    def correlations_at(self, beta: Array, points: range) -> tuple[Array, Array]:
        """`correlation` of several points, β (n, d), each with its own y: (n, d), (d,)."""
        if not beta.any():
            starts = [self.at_zero(t) for t in points]
            return np.stack([c for c, _ in starts], axis=1), np.array([r for _, r in starts])
        own = self.n_targets > 1
        y = self.Y[:, points.start : points.stop] if own else self.y(0)
        return self._together(beta, np.ascontiguousarray(y))

    def operator(self, beta: Array) -> Array:
        """X'ᵀ W X' β/M, (n, d): d points with a zero target."""
        return -self._together(beta, np.zeros(self.X.shape[0]))[0]

    @property
    def by_columns(self) -> bool:
        """Whether `operator` reads X twice and `project_then_predict` once."""
        if not storages.by_columns(self.X.storage) or self.far_columns.any():
            return False
        scales = self.scale[self.scale > 0.0]
        return bool(np.all((scales > _LEAST_SCALE) & (scales < 1.0 / _LEAST_SCALE)))

    def project_then_predict(
        self, residuals: Array, base: Array, factor: Array
    ) -> tuple[Array, Array]:
        """(v, X'v), (n, d) and (m, d), with v = base − factor ∘ X'ᵀW residuals/M: one read of X
        that lies by columns."""
        scale = self.scale[:, None]
        weights = 1.0 if self.weights is None else self.weights[:, None]
        given = residuals * (weights / self.total), base * scale, factor * scale * scale
        if base.shape[1] >= storages.abreast(self.X.storage):
            v, image = self._two_products(*given)
        else:
            each = [
                self._two_products(*(np.ascontiguousarray(values[:, q]) for values in given))
                for q in range(base.shape[1])
            ]
            v, image = (np.stack(vectors, axis=1) for vectors in zip(*each, strict=True))
        if self.weights is not None:  # 0·∞, whatever stands there, is no number
            image = np.where(weights > 0.0, image, 0.0)
        return np.divide(v, scale, out=base.copy(), where=scale > 0.0), image

    def _two_products(self, residuals: Array, base: Array, factor: Array) -> tuple[Array, Array]:
        """The kernel of `project_then_predict`: vectors, or several points abreast."""
        self.passes += 1
        out, image = np.empty(base.shape), np.empty(residuals.shape)
        kernels.project_then_predict(
            self.X.storage, residuals, base, factor, shift=self.shift, out=out, image=image,
            workspace=self._workspace_of(base),
        )  # fmt: skip
        return out, image

    def _workspace_of(self, values: Array) -> Workspace:
        """That of a vector, or of several points abreast, (n, d)."""
        if values.ndim == 1:
            return self.workspace
        d = values.shape[1]
        if d not in self._workspaces:
            self._workspaces[d] = Workspace(self.X.storage, d)
        return self._workspaces[d]

    def residual(self, beta: Array, t: int) -> Array:
        """y' − X'β: one pass over X."""
        self.passes += 1
        out = np.empty(self.X.shape[0])
        theta = beta * self.scale
        kernels.predict(self.X.storage, theta, shift=self.shift, out=out, workspace=self.workspace)
        out = self.y(t) - out
        return out if self.weights is None else np.where(self.weights > 0, out, 0.0)

    def project(self, v: Array) -> Array:
        """X'ᵀv: one pass over X."""
        self.passes += 1
        out = np.empty(self.X.shape[1])
        kernels.project(self.X.storage, v, shift=self.shift, out=out, workspace=self.workspace)
        out *= self.scale
        return self._put_far(out, v)

    def gram(self, left: Array, right: Array) -> Array:
        """X'_leftᵀ W X'_right/M: one pass over X."""
        n = self.X.shape[1]
        few = -(-len(right) // 8) * n < _GATHER * len(left)
        if few and left is not right and not self.X.is_sparse:
            return self._products_with(right)[left]
        self.passes += 1
        out = kernels.cross_gram(
            self.X.storage,
            left,
            right,
            shift=self.shift,
            scale=self.scale,
            weights=self.weights,
            by_blocks=self.far,
        )
        out /= self.total
        return out

    def _products_with(self, columns: Array) -> Array:
        """X'ᵀ W X'_columns/M, (n, b), as screening passes: for a few columns."""
        m, n = self.X.shape
        out = np.empty((n, len(columns)))
        for start in range(0, len(columns), 8):
            some = columns[start : start + 8]
            block = np.empty((m, len(some)))
            options = {"columns": some, "shift": self.shift, "scale": self.scale}
            kernels.fill(self.X.storage, 0, m, weights=self.weights, out=block, **options)
            out[:, start : start + 8] = self.screen(block)
        return out

    def screen(self, residuals: Array) -> Array:
        """X'ᵀ residuals/M, (n, d), of residuals that sum to zero if there is a shift: one pass."""
        out = np.empty((self.X.shape[1], residuals.shape[1]))
        # Times a sum that is rounding, a shift that does not dwarf the spread is rounding, too.
        shift = self.shift if self._late_shift() is None else None
        kernels.project(self.X.storage, residuals, shift=shift, out=out)
        out *= self.scale[:, None]
        self.passes += 1
        out = self._put_far(out, residuals)
        out /= self.total
        return out


def standardise(X: Design, Y: Array, objective: Objective) -> InMemoryProblem:
    """Build the problem: one pass for ranges, means and the correlations with y.

    Raises
    ------
    ValueError
        X contains NaN or infinity.
    """
    weights, centred = objective.weights, objective.fit_intercept
    target = Y = counted(Y, weights)
    if weights is not None:
        weights = weights / power_of_two(weights.max())
    total = float(X.shape[0] if weights is None else weights.sum())
    check_range("y", np.abs(Y).max(axis=0))
    mean, unit, Y = _standard_target(Y, weights, total, centred)
    origin = _origin(X, weights) if centred else None
    seen = kernels.survey(X.storage, Y[:, 0], weights=weights, origin=origin)
    if not seen.finite:
        raise ValueError(nonfinite_message(X))
    low, high = with_zeros(X, seen.low, seen.high)
    columns = columns_of(low, high, seen.sums, seen.squares, total, origin, objective, X.is_sparse)
    shift, products = columns.shift, seen.products
    if shift is not None:
        level = float(Y[:, 0].sum() if weights is None else weights @ Y[:, 0])
        products = products - (shift if origin is None else shift - origin) * level
    points = max(Y.shape[1], objective.ridges().shape[1])
    # Parts of an entry would count as several.
    known = columns.are_sound and (not X.is_sparse or is_canonical(X))
    lengths = np.where(columns.constant, 0.0, np.sqrt(columns.curvatures)) if known else None
    return InMemoryProblem(
        X=X,
        target=target,
        Y=Y,
        weights=weights,
        total=total,
        shift=shift,
        scale=columns.scale,
        size=columns.size,
        constant=columns.constant,
        far=columns.far,
        unit=np.broadcast_to(unit, points),
        mean=np.broadcast_to(mean, points),
        objective=objective,
        curvatures=columns.curvatures,
        lengths=lengths,
        n_targets=Y.shape[1],
        passes=1,
        workspace=Workspace(X.storage),
        # Of a far column they have lost digits: to be read again.
        _starts={}
        if columns.far
        else {0: (products * columns.scale / total, _mean_square(Y[:, 0], weights, total))},
    )


class Columns(NamedTuple):
    """What the standard form needs to know of columns, (n,) each: see `QuadraticProblem`."""

    shift: Array | None
    scale: Array
    size: Array
    constant: Array
    far: bool
    curvatures: Array
    are_sound: bool  # whether all curvatures have digits left


def columns_of(
    low: Array,
    high: Array,
    sums: Array,
    squares: Array,
    total: float,
    origin: Array | None,
    objective: Objective,
    is_sparse: bool,
) -> Columns:
    """From ranges, and from weighted sums and squares about an origin, zero if that is None."""
    entry = np.maximum(np.abs(low), np.abs(high))
    check_range("X", entry)
    shift, reach = None, entry
    if objective.fit_intercept:
        shift = sums / total + (0.0 if origin is None else origin)
        shift = np.where(low == high, low, shift)  # a constant column is to become exactly zero
        reach = high / 2 - low / 2
    constant = reach == 0
    size = np.where(constant, 1.0, np.maximum(reach, _ridge_size(objective)))
    exponent = np.frexp(size)[1]
    scale = np.where(constant, 0.0, np.ldexp(1.0, -exponent))
    curvatures, sound = _curvatures(squares, total, scale, shift, origin)
    curvatures[constant] = 1.0  # never used
    size = np.where(constant, power_of_two(entry), np.ldexp(1.0, exponent))
    far = is_sparse and _is_far(shift, reach)
    return Columns(shift, scale, size, constant, far, curvatures, bool(sound[~constant].all()))


def _ridge_size(objective: Objective) -> Array:
    """(n,) or (1,): the root of the least ridge term of a column, its size where entries are
    smaller. The largest counts only where it would leave float64: of a path from a huge strength
    to none it would make the columns vanish."""
    ridges = np.sqrt(objective.ridges())
    return np.maximum(ridges.min(axis=1), _LARGEST * ridges.max(axis=1))


def _origin(X: Design, weights: Array | None) -> Array | None:
    """A row that counts, to subtract from X before summing: X + 1e8 loses nothing."""
    if X.is_sparse:
        return None
    row = 0 if weights is None else int(np.argmax(weights > 0))
    return np.array(X.matrix[row], np.float64)


def _is_far(shift: Array | None, reach: Array) -> bool:
    """Whether some column that is not constant has a mean far beyond its range."""
    return shift is not None and bool(np.any((np.abs(shift) > _FAR * reach) & (reach > 0.0)))


def _curvatures(
    squares: Array, total: float, scale: Array, shift: Array | None, origin: Array | None
) -> tuple[Array, Array]:
    """Σ w x'²/M from sums about another origin, and where it has digits left; 1 elsewhere."""
    with np.errstate(over="ignore", invalid="ignore"):
        whole = squares / total * scale * scale
        moved = 0.0 if shift is None else shift if origin is None else shift - origin
        size = whole - (moved * scale) ** 2
    sound = (size > 1e-8 * whole) & (size <= 1.0) & (size > 1e-16)
    return np.where(sound, size, 1.0), sound


def standard_rows(X: Design, rows: slice, shift: Array | None, scale: Array) -> Array:
    """(b, n): some rows of X'."""
    out, columns = np.empty((rows.stop - rows.start, X.shape[1])), np.arange(X.shape[1])
    options = {"columns": columns, "shift": shift, "scale": scale}
    kernels.fill(X.storage, rows.start, rows.stop, out=out, **options)
    return out


def with_zeros(X: Design, low: Array, high: Array) -> tuple[Array, Array]:
    """Ranges of columns from those of their stored entries: what is not stored is zero."""
    if not X.is_sparse:
        return low, high
    full = full_columns(X)
    low = np.where(full, low, np.minimum(low, 0.0))
    return low, np.where(full, high, np.maximum(high, 0.0))


def _mean_square(y: Array, weights: Array | None, total: float) -> float:
    return float(y @ y if weights is None else weights @ (y * y)) / total


def _standard_target(
    Y: Array, weights: Array | None, total: float, centred: bool
) -> tuple[Array, Array, Array]:
    """(mean, unit, (Y − mean)/unit in columns): zero where nothing but rounding is left."""
    unit = power_of_two(np.abs(Y).max(axis=0))
    Y = Y / unit
    if not centred:
        return np.zeros(Y.shape[1]), unit, np.asfortranarray(Y)
    centre = Y.mean(axis=0) if weights is None else weights @ Y / total
    Y = Y - centre
    far = np.abs(centre) > _FAR * np.abs(Y).max(axis=0)
    if far.any():  # what rounding of a far mean has left of it
        rest = Y.mean(axis=0) if weights is None else weights @ Y / total
        Y -= np.where(far, rest, 0.0)
    Y[:, np.abs(Y).max(axis=0) <= 4 * EPS * np.abs(centre)] = 0.0
    spread = power_of_two(np.abs(Y).max(axis=0))
    return centre * unit, unit * spread, np.asfortranarray(Y / spread)
