"""Reads of X by the certificate: NumPy on blocks, on all threads, in a fixed order.

With V = (X − 1 shiftᵀ) diag(scale) and the residuals r of several points, one or two reads give
Vᵀ(w∘r), Vᵀ(w∘y) and the lengths of the columns of V.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg._jit import run_blocks
from fastreg.design import Design, transposed
from fastreg.objectives import Objective

Array = np.ndarray
NEAR = 8.0  # spreads that a shift may be long before entries are centred one by one
_LOOKS = 8  # columns whose claimed lengths are computed
_WRONG = 0.01  # of its square: error of a length that is not believed
_HIDDEN = 1e-6  # of the size of a column, a spread of which rounding may be a part
_LARGE = 1e50
_EPS = float(np.finfo(np.float64).eps)
_PARTS = 4  # sums over blocks of X
_ENTRIES = 1 << 17  # of rows and columns in use, multiplied at once: 1 MB


class Columns(NamedTuple):
    """What somebody says of the n columns of X. Any shift and scale give a valid certificate; good
    ones keep rounding small.

    shift : (n,) or None, about their means
    scale : (n,) or None, about the inverses of their sizes, powers of two
    constant : (n,) bool or None, those that an intercept makes zero
    lengths : (n,) or None, √(Σ w v²) to two digits or so: they only scale the KKT residual, and
        some are looked at
    """

    shift: Array | None = None
    scale: Array | None = None
    constant: Array | None = None
    lengths: Array | None = None

    def filled(self, n: int) -> tuple[Array, Array, Array | None]:
        """shift, scale and constant, zeros and ones where nothing is said."""
        shift = np.zeros(n) if self.shift is None else self.shift
        return shift, np.ones(n) if self.scale is None else self.scale, self.constant

    def of(self, some: Array) -> Columns:
        """Of some of them."""
        return Columns(*(None if each is None else each[some] for each in self))


@dataclass(eq=False)
class Data:
    """What is to be certified; y with mean and unit of its own, Y (m, k) or (m, 1)."""

    X: Design
    Y: Array
    w: Array
    shift: Array
    scale: Array
    constant: Array | None
    objective: Objective
    coef: Array
    intercept: Array
    mean: Array
    unit: Array

    @functools.cached_property
    def is_near(self) -> bool:
        """Whether no shift dwarfs the spread of its column."""
        return bool(np.all(np.abs(self.shift) * self.scale <= NEAR))

    @functools.cached_property
    def early(self) -> Array | None:
        """(n,): what is subtracted from entries; None for nothing. A shift that does not dwarf the
        spread is as well subtracted from products, which is faster, and which is the only way
        where zeros are not stored. They all are where it does: a mean far beyond the range of
        its column is no mean of zeros."""
        if self.is_near:
            return None
        far = np.abs(self.shift) * self.scale > NEAR
        return np.where(far, self.shift, 0.0) if self.X.is_sparse else self.shift

    @functools.cached_property
    def late(self) -> Array:
        """(n,): what is subtracted from products."""
        return self.shift if self.early is None else self.shift - self.early

    def of(self, array: Array, t: int) -> Any:
        """The entry, or column, of point t, or of all points."""
        return array[..., t if array.shape[-1] > 1 else 0]

    def of_points(self, array: Array, points: range) -> Array:
        """The entries, or columns, of some points, or the one of all."""
        return array[..., points.start : points.stop] if array.shape[-1] > 1 else array


class Correlations(NamedTuple):
    """Of g points with V = (X − 1 shiftᵀ) diag(scale) and residuals r at the best intercepts."""

    c: Array  # (g, n) Vᵀ(w∘r)
    c0: Array  # (0, 1 or g, n) Vᵀ(w∘y), where asked for
    norms: Array  # (n,) √(Σ w v²), about the means where there is an intercept
    sizes: Array  # (n,) the same of what was summed, about another origin: the unit of rounding
    off: Array  # (g,) how far the intercepts are from the best
    rho2: Array  # (g,) Σ w r²
    passes: int


def correlate(
    data: Data, points: range, *, with_y: bool, norms: Array | None = None
) -> Correlations:
    """One read of X where its blocks hold whole rows, else two. Claimed `norms` are believed if
    those of a few columns, the shortest among them, are right; else there is another."""
    by_rows = data.X.pieces()[0][1] == slice(0, data.X.shape[1])
    theta = data.coef[:, points.start : points.stop] / data.of_points(data.unit, points)
    own = data.of_points(data.Y, points)
    level, w = levels(data, points), data.w
    extra = w[:, None] * np.hstack([own if with_y else own[:, :0], np.ones((len(w), 1))])
    R = None if by_rows else own - level - products(data, theta)

    def residuals(rows: slice, values: Any) -> Array:
        return own[rows] - level - _product(data, values, theta)

    found = _transposed(data, R, residuals, extra, len(points), norms)
    found = found or _transposed(data, R, residuals, extra, len(points), None)
    assert found is not None
    return _without_constants(data, found)


def _without_constants(data: Data, found: Correlations) -> Correlations:
    """Zero for columns that an intercept makes zero: of a spread near rounding, a look says."""
    doubtful = np.flatnonzero(found.norms < _HIDDEN * found.sizes)
    if not data.objective.fit_intercept or not len(doubtful):
        return found
    entries = data.X.matrix[:, doubtful][data.w > 0]
    entries = entries.toarray() if data.X.is_sparse else entries
    these = doubtful[np.all(entries == entries[0], axis=0)]
    for part in found[:4]:  # those with an entry a column
        part[..., these] = 0.0
    return found


def _transposed(
    data: Data,
    R: Array | None,
    residuals: Callable[[slice, Any], Array],
    extra: Array,
    g: int,
    norms: Array | None,
) -> Correlations | None:
    """Correlations of g residuals, R or from each block of rows; and of w∘(y, 1) in `extra`.
    None if claimed norms are wrong."""
    n, w, centred = data.X.shape[1], data.w, data.objective.fit_intercept
    looks = _looks(norms, n)
    off = np.zeros(g)
    if R is not None and centred:
        off = w @ R
        R -= off
    weighted = None if R is None else w[:, None] * R
    more, right = extra.shape[1], None if weighted is None else np.hstack([weighted, extra])
    # Rows of the sums: g correlations, those of `extra`, Σ w v²; in the last two columns Σ w r
    # and Σ w r² of each residual.
    height = g + more

    def add(masked: bool, sums: Array, rows: slice, columns: slice, block: Any) -> None:
        values = _values(data, block, rows, columns, masked=masked)
        if right is None:
            _add_rows(sums, values, residuals(rows, values), w[rows], extra[rows])
        else:
            sums[:height, columns] += _turned(right[rows], values)
        a, b = np.searchsorted(looks, (columns.start, columns.stop))
        if b - a == columns.stop - columns.start:
            sums[height, columns] += _squares(data, values, columns, w[rows])
        elif b > a:
            some = values[:, looks[a:b] - columns.start]
            sums[height, looks[a:b]] += _squares(data, some, looks[a:b], w[rows])

    by_columns = data.X.pieces()[0][0] == slice(0, data.X.shape[0])
    disjoint = by_columns and R is not None
    for masked in (False, True):  # rows of weight zero count for nothing, unless they are infinite
        with np.errstate(invalid="ignore", over="ignore"):
            work = functools.partial(add, masked)
            sums = _accumulate(data, (height + 1, n + 2), work, disjoint=disjoint)
        if np.isfinite(sums).all():
            break
    if R is not None and weighted is not None:
        sums[g:height, -2] = extra.sum(axis=0)
        sums[:g, -1] = np.einsum("id,id->d", weighted, R)
    found = about_means(data, sums, g, off if R is not None else None)
    if norms is None:
        return found
    squares = found.norms**2
    if np.any(np.abs(norms[looks] ** 2 - squares[looks]) > _WRONG * squares[looks]):
        return None
    return found._replace(norms=norms.copy(), sizes=np.hypot(norms, found.sizes))


def with_residuals(data: Data, R: Array, norms: Array | None) -> Correlations:
    """Correlations of residuals (m, g) that are at hand, whose weighted sums are zero where there
    is an intercept, and of y; `norms` as in `correlate`."""
    return _with(data, R, lambda _: R, R.shape[1], norms)


def with_residuals_of(
    data: Data, residuals: Callable[[slice], Array], g: int, norms: Array | None
) -> Correlations:
    """Correlations of g residuals less their weighted means, and of y. They are made for some rows,
    (b, g): where blocks of X hold whole rows beside them, so that they stay in cache."""
    whole_rows = data.X.pieces()[0][1] == slice(0, data.X.shape[1])
    R = None if whole_rows else residuals(slice(0, data.X.shape[0]))
    return _with(data, R, residuals, g, norms)


def _with(
    data: Data, R: Array | None, residuals: Callable[[slice], Array], g: int, norms: Array | None
) -> Correlations:
    extra = data.w[:, None] * np.hstack([data.Y, np.ones((len(data.w), 1))])
    for claimed in (norms, None):
        own = None if R is None else R.copy()
        found = _transposed(data, own, lambda rows, _: residuals(rows), extra, g, claimed)
        if found is not None:
            break
    return found  # type: ignore[return-value]


def plain(X: Design, w: Array, shift: Array | None, scale: Array) -> Data:
    """V = (X − 1 shiftᵀ) diag(scale) and weights, for products alone."""
    n = X.shape[1]
    objective = Objective(np.zeros((1, 1)), None, None, shift is not None)
    none, one = np.zeros((n, 1)), np.ones(1)
    shift = np.zeros(n) if shift is None else shift
    return Data(X, np.zeros((len(w), 1)), w, shift, scale, None, objective, none, one, one, one)


def correlations_on(data: Data, columns: Array, R: Array) -> Array:
    """(p, g): Vᵀ(w∘R) of some columns."""
    m, right = data.X.shape[0], data.w[:, None] * R
    step = len(columns) if data.X.is_sparse else max(1, _ENTRIES // m)
    out = np.empty((len(columns), R.shape[1]))
    for start in range(0, len(columns), max(1, step)):
        some = columns[start : start + step]
        values = _values(data, data.X.matrix[:, some], slice(0, m), some)
        out[start : start + step] = _turned(right, values).T
    out -= np.multiply.outer(data.late[columns], right.sum(axis=0))
    out *= data.scale[columns, None]
    if data.constant is not None:
        out[data.constant[columns]] = 0.0
    return out


def entries(data: Data, rows: slice, columns: Array) -> Array:
    """(b, p): some rows and columns of V, zero in rows of weight zero."""
    values = _values(data, data.X.matrix[rows][:, columns], rows, columns)
    values = values.toarray() if data.X.is_sparse else values
    values = (values - data.late[columns]) * data.scale[columns]
    if data.constant is not None:
        values[:, data.constant[columns]] = 0.0
    return np.where((data.w[rows] > 0)[:, None], values, 0.0)


def _add_rows(sums: Array, values: Any, r: Array, w: Array, extra: Array) -> None:
    """Add what rows contribute to the sums of `_transposed`: wr and `extra` times V, and beside
    them their own sums and Σ w r²."""
    g, height = r.shape[1], r.shape[1] + extra.shape[1]
    side = np.hstack([w[:, None] * r, extra])
    sums[:height, -2] += side.sum(axis=0)
    sums[:g, -1] += np.einsum("id,id->d", side[:, :g], r)
    sums[:height, : values.shape[1]] += _turned(side, values)


def sums_over_rows(data: Data) -> Array:
    """The sums that `about_means` takes, of some rows and of all points: Σ w(r, y, 1)vᵀ and Σ w v²;
    in the last two columns Σ w(r, y, 1), and Σ w r² and Σ w y²."""
    n, k, T = data.X.shape[1], data.coef.shape[1], data.Y.shape[1]
    every, points = slice(0, data.X.shape[1]), range(k)
    values = _values(data, data.X.matrix, slice(0, data.X.shape[0]), every)
    theta = data.coef / data.of_points(data.unit, points)
    r = data.of_points(data.Y, points) - levels(data, points) - _product(data, values, theta)
    extra = data.w[:, None] * np.hstack([data.Y, np.ones((len(data.w), 1))])
    sums = np.zeros((k + T + 2, n + 2))
    _add_rows(sums, values, r, data.w, extra)
    sums[-1, :n] = _squares(data, values, every, data.w)
    sums[k : k + T, -1] = data.w @ data.Y**2
    return sums


def about_means(data: Data, sums: Array, g: int, off: Array | None) -> Correlations:
    """Correlations from the sums of `_transposed`, whose last rows are those of w and Σ w v²;
    `off` is None where the residuals still have means."""
    n, centred, height = sums.shape[1] - 2, data.objective.fit_intercept, len(sums) - 1
    out, squares, sides = sums[:height, :n], sums[height, :n], sums[:height, -2]
    total, rho2, passes = sides[:g], sums[:g, -1], 1 if off is None else 2
    shift, scale = data.late, data.scale
    level = np.abs(out[-1] * scale)  # of what was summed
    if shift.any():  # rank-one corrections, of out and of Σ w v² (Σ w = 1)
        squares = squares + (shift * scale) ** 2 - 2 * (shift * scale) * (out[-1] * scale)
        for row, each in zip(out, sides, strict=True):
            if each:
                row -= each * shift
    out *= scale
    if centred:
        squares = squares - out[-1] ** 2
        if off is None:  # of residuals less their mean
            out[:g] -= np.outer(total, out[-1])
            off, rho2 = total, rho2 - total**2
    if data.constant is not None:
        out[:, data.constant], squares[data.constant], level[data.constant] = 0.0, 0.0, 0.0
    norms = np.sqrt(np.maximum(squares, 0.0))
    return Correlations(
        c=out[:g],
        c0=out[g:-1],
        norms=norms,
        sizes=np.hypot(norms, level),
        off=np.zeros(g) if off is None else off,
        rho2=np.maximum(rho2, 0.0),
        passes=passes,
    )


def _looks(norms: Array | None, n: int) -> Array:
    """Columns whose length is computed: all if none is claimed, else a few."""
    if norms is None or n <= _LOOKS:
        return np.arange(n)
    few = {k * (n - 1) // (_LOOKS - 1) for k in range(_LOOKS)}
    return np.array(sorted({*few, int(np.argmin(norms))}))


def _turned(side: Array, values: Any) -> Array:
    """sideᵀ values."""
    return side.T @ values if isinstance(values, np.ndarray) else (transposed(values) @ side).T


def levels(data: Data, points: range) -> Array:
    """(g,): intercept − mean of y + shift·θ of each point, in units of y."""
    coef = data.coef[:, points.start : points.stop]
    given = data.intercept[points.start : points.stop]
    mean = np.broadcast_to(data.of_points(data.mean, points), given.shape)
    used = np.flatnonzero(coef.any(axis=1))
    shift, coef = data.shift[used], coef[used]
    if data.is_near:
        out = (given - mean) + shift @ coef
    else:
        each = zip(given, mean, coef.T, strict=True)
        out = np.array([exact_sum((b, -m), theta, shift) for b, m, theta in each])
    return out / data.of_points(data.unit, points)


def exact_sum(start: tuple[float, ...], a: Array, b: Array) -> float:
    """Σ start + Σ a_j b_j, rounded once: products split without error (Dekker 1971).

    An intercept far from zero is the difference of such sums; what their rounding would
    hide is real error of the answer (4e-6 of an intercept of 5e10, less a mean of 2e7: a gap of
    6.8e-12 was said to be 5.6e-12).
    """
    p = a * b
    split_a, split_b = (x * 134217729.0 for x in (a, b))
    ah, bh = split_a - (split_a - a), split_b - (split_b - b)
    al, bl = a - ah, b - bh
    return math.fsum([*start, *p, *(al * bl - (((p - ah * bh) - al * bh) - ah * bl))])


def _values(data: Data, block: Any, rows: slice, columns: Any, *, masked: bool = True) -> Any:
    """block − early shift in float64; if `masked`, zero in rows of weight zero, whatever they
    hold."""
    block = block.astype(np.float64, copy=False)
    if data.X.is_sparse:
        values = block if data.early is None else _shifted(block, data.early[columns])
    else:
        values = block if data.early is None else block - data.early[columns]
    if not masked or data.w[rows].all():
        return values
    alive = (data.w[rows] > 0)[:, None]
    if data.X.is_sparse:
        return values.multiply(alive).asformat(values.format)
    return np.where(alive, values, 0.0)


def _shifted(block: Any, shift: Array) -> Any:
    """Stored entries less the shifts of their columns."""
    block = block.copy()
    block.sum_duplicates()
    block.data -= _by_entry(block, shift)
    return block


def _by_entry(block: Any, values: Array) -> Array:
    """Values of columns, for each stored entry."""
    by_rows = block.format == "csr"
    return values[block.indices] if by_rows else np.repeat(values, np.diff(block.indptr))


def _accumulate(
    data: Data, shape: tuple[int, int], add: Callable[..., None], *, disjoint: bool = False
) -> Array:
    """Σ over the blocks of X of what `add(out, rows, columns, block)` adds to its `out`.

    Four sums, whatever the number of threads, and added in order: the same bits for any. One
    is enough where blocks add to entries of their own.
    """
    pieces = data.X.pieces()
    parts = min(_PARTS, len(pieces))
    cuts = [len(pieces) * p // parts for p in range(parts + 1)]
    sums = np.zeros((1 if disjoint else parts, *shape))

    def work(first: int, last: int) -> None:
        for p in range(first, last):
            for rows, columns in pieces[cuts[p] : cuts[p + 1]]:
                add(sums[p % len(sums)], rows, columns, data.X.block(rows, columns))

    run_blocks(work, parts, step=1)
    return sums[0] if len(sums) == 1 else np.add.reduce(sums, axis=0)


def products(data: Data, theta: Array) -> Array:
    """(X − 1 shiftᵀ) θ, shape (m, g)."""
    if data.X.is_sparse and data.X.pieces()[0][1] == slice(0, data.X.shape[1]):
        return _sparseproducts_by_rows(data, theta)
    out = _sparseproducts(data, theta) if data.X.is_sparse else _denseproducts(data, theta)
    out -= data.late @ theta
    return out


def _sparseproducts_by_rows(data: Data, theta: Array) -> Array:
    """Of blocks that hold whole rows."""
    out, pieces = np.empty((data.X.shape[0], theta.shape[1])), data.X.pieces()

    def work(first: int, last: int) -> None:
        for rows, columns in pieces[first:last]:
            values = _values(data, data.X.block(rows, columns), rows, columns)
            out[rows] = _product(data, values, theta)

    run_blocks(work, len(pieces), step=1)
    return out


def _sparseproducts(data: Data, theta: Array) -> Array:
    """Of blocks that hold whole columns; those that are not in use are not read."""
    m, n = data.X.shape
    used = np.flatnonzero(theta.any(axis=1))
    if 4 * len(used) <= n:
        return _sparseproducts_of_some(data, theta, used)

    def add(sums: Array, rows: slice, columns: slice, block: Any) -> None:
        sums += _values(data, block, rows, columns) @ theta[columns]

    return _accumulate(data, (m, theta.shape[1]), add)


def _sparseproducts_of_some(data: Data, theta: Array, used: Array) -> Array:
    """Of these columns, which are copied block by block."""
    out = np.zeros((data.X.shape[0], theta.shape[1]))
    ends = np.cumsum(data.X.matrix.indptr[used + 1] - data.X.matrix.indptr[used])
    cuts = np.searchsorted(ends, np.arange(_ENTRIES, ends[-1] if len(ends) else 0, _ENTRIES))
    for part in np.split(used, np.unique(cuts)):
        if len(part):
            block = data.X.matrix[:, part]
            out += _values(data, block, slice(0, len(out)), part) @ theta[part]
    return out


def _denseproducts(data: Data, theta: Array) -> Array:
    """Rows are shared out; columns that are not in use are not read."""
    m, n = data.X.shape
    used: Any = np.flatnonzero(theta.any(axis=1))
    used = used if 4 * len(used) <= n else slice(0, n)
    part, out = theta[used], np.zeros((m, theta.shape[1]))
    height = max(1, _ENTRIES // max(1, len(part)))

    def work(first: int, last: int) -> None:
        for start in range(first * height, min(last * height, m), height):
            rows = slice(start, min(start + height, m))
            out[rows] = _values(data, data.X.matrix[rows][:, used], rows, used) @ part

    if len(part):
        run_blocks(work, -(-m // height), step=1)
    return out


def _product(data: Data, values: Any, theta: Array) -> Array:
    """The same of whole rows."""
    return values @ theta - data.late @ theta


def _squares(data: Data, values: Any, columns: Any, w: Array) -> Array:
    """Σ w v² of some columns."""
    scale = data.scale[columns]
    if data.X.is_sparse:
        values = values.copy()
        values.sum_duplicates()
        values.data = (values.data * _by_entry(values, scale)) ** 2
        return transposed(values) @ w
    if scale.max() < _LARGE and scale.min() > 1.0 / _LARGE:  # else the squares may overflow
        return (w @ np.square(values)) * scale * scale
    return w @ (values * scale) ** 2
