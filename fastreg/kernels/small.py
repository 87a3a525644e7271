"""Small dense problems in one call: Newton's method on a copy of X that fits into cache.

With z = b + X'θ, X' the columns about their means, and weights w of sum 1, each step minimises

    Σ w [u d + ½ ℓ″ d²] + Σ_j [½ l2_j θ_j² + p_j(θ_j)],   u = ℓ′(z), d the change of z

exactly: its intercept by elimination, its coefficients by an active set. Of squares the first step
is the answer, and those after it take back what rounding has left.

The penalty is `Bounded` with (n,) arrays: one specialisation a loss. Rows have room for whole
groups of eight entries, zeros beyond n.
"""

import math
from typing import NamedTuple

import numpy as np

from fastreg import losses, penalties
from fastreg._jit import exact, fma, greater, inner, lanes, lesser, read, total, write

DONE, DECLINED, EXTREME = 0, 1, 2
_LARGE = 1e60  # sizes beyond it, and below its inverse, ask for other units
_NOISE = 1e-14  # of the mean: a spread of y that is rounding
_FLAT = 1e-10  # of the diagonal: a pivot that is rounding
_HELD = 1e-20  # of the objective: what a breakpoint may cost that does not hold
_SETTLED = 1e-28  # of the objective: a step of squares that is rounding
_SLOW = 0.25  # of the step before: rounding, if squares do no better
_SHARE = 1e-3  # of the gap asked: a step after which there is none
_PRECISE = 1e-15  # of the objective: a step that is rounding
_REFINED = 10  # steps of squares at most
_INNER = 1000  # coordinate and Newton steps within a step of other losses
_SWEEPS = 5  # in a row, until it is seen who is at a breakpoint
_HALVINGS = 40
_ENOUGH = 1e-4  # of what a step promises


class Room(NamedTuple):
    """What a fit works in, of p ≥ n a multiple of eight.

    X, z, each : (m, p) X', (m,) predictions, (m,) slopes, curvatures or losses of rows
    G, U : (p, p) the matrix of the quadratic, and the factor of a part of it
    middle, slope, level, theta, new, change, moves : (p,)
    members : (n,) int64
    """

    X: np.ndarray
    z: np.ndarray
    each: np.ndarray
    G: np.ndarray
    U: np.ndarray
    middle: np.ndarray
    slope: np.ndarray
    level: np.ndarray
    theta: np.ndarray
    new: np.ndarray
    change: np.ndarray
    moves: np.ndarray
    members: np.ndarray


def room(m, n):
    """`Room` for X (m, n)."""
    p = -(-n // 8) * 8
    X, rows, members = np.empty((m, p)), np.empty((2, m)), np.empty(n, np.int64)
    return Room(X, *rows, *np.zeros((2, p, p)), *np.zeros((7, p)), members)


# Functions below take the arrays that they need: a tuple of thirteen goes through the compiler as a
# hundred numbers with every call.


@exact
def fit_squares(X, y, w, penalty, l2, centred, most, room):
    """Minimise the sum of squares: (status, b, steps), θ in `room.theta`.

    X (m, n) C-contiguous float64, any values; y (m,); w (m,) of sum 1; l2 (p,). EXTREME where X or
    y are not finite or ask for other units, DECLINED where columns depend on one another or steps
    run out.
    """
    Z, z, each, G, U, middle, slope, level, theta, new, change, moves, members = room
    loss = losses.Squared()
    if not _centre(X, w, centred, Z, middle, new, change):
        return EXTREME, 0.0, 0
    b = _null(loss, y, w, centred)
    start = _predict(Z, theta, b, loss, y, w, z, each)
    if not _LARGE**-2 < start < _LARGE**2:
        return EXTREME, 0.0, 0
    if start <= (_NOISE * b) ** 2:
        return DECLINED, 0.0, 0
    _curvatures(Z, z, loss, y, w, centred, G, level, each)
    before, steps = np.inf, 0
    for _ in range(_REFINED):
        rest = _slopes(Z, z, loss, y, w, slope, each)
        _begin(slope, level, rest if centred else 0.0, l2, theta, new)
        taken = _minimise(
            G, U, penalty, l2, slope, new, moves, members, most - steps, _HELD * start
        )
        if taken < 0:
            return DECLINED, 0.0, steps
        for j in range(theta.shape[0]):
            change[j] = new[j] - theta[j]
            theta[j] = new[j]
        steps += taken
        if centred:
            b -= rest + _along(level, change)
        size = _square(G, l2, change)
        if size <= _SETTLED * start or size > _SLOW * before:
            break
        before = size
        _predict(Z, theta, b, loss, y, w, z, each)
    return DONE, b - _along(middle, theta), steps


@exact
def fit_loss(X, y, w, loss, penalty, l2, centred, tol, most, room):
    """`fit_squares` of another loss, in `most` steps at most, to a share of the gap `tol`."""
    Z, z, each, G, U, middle, slope, level, theta, new, change, moves, members = room
    if not _centre(X, w, centred, Z, middle, new, change):
        return EXTREME, 0.0, 0
    b = _null(loss, y, w, centred)
    now = _predict(Z, theta, b, loss, y, w, z, each)
    start = now
    for step in range(most):
        bend = _curvatures(Z, z, loss, y, w, centred, G, level, each)
        if not bend > 0.0:
            break
        rest = _slopes(Z, z, loss, y, w, slope, each)
        _begin(slope, level, rest / bend if centred else 0.0, l2, theta, new)
        if _minimise(G, U, penalty, l2, slope, new, moves, members, _INNER, _HELD * start) < 0:
            break
        for j in range(theta.shape[0]):
            change[j] = new[j] - theta[j]
        shift = -(rest + _along(level, change)) / bend if centred else 0.0
        # `slope` is that at the new point: before it the change was −slope + (G + l2)·change.
        promise = 0.5 * _square(G, l2, change) - _along(change, slope)
        promise += 0.5 * rest * rest / bend if centred else 0.0
        for j in range(penalty.l1.shape[0]):
            promise += penalties.value(penalty, j, theta[j]) - penalties.value(penalty, j, new[j])
        old, rounding, length = now + _held(penalty, l2, theta), 1e-12 * abs(start), 1.0
        for _ in range(_HALVINGS):
            for j in range(theta.shape[0]):
                new[j] = theta[j] + length * change[j]
            now = _predict(Z, new, b + length * shift, loss, y, w, z, each)
            gained = old - now - _held(penalty, l2, new)
            if gained >= _ENOUGH * length * promise or (
                promise <= rounding and gained >= -rounding
            ):
                break
            length *= 0.5
        b += length * shift
        for j in range(theta.shape[0]):
            theta[j] = new[j]
        if length == 1.0 and promise <= _SHARE * tol * max(start - now, 0.0) + _PRECISE * start:
            return DONE, b - _along(middle, theta), step + 1
    return DECLINED, 0.0, 0


@inner
def _null(loss, y, w, centred):
    """The intercept of the model that is nothing else."""
    mean = 0.0
    for i in range(y.shape[0]):
        mean += w[i] * y[i]
    return losses.link(loss, mean) if centred else 0.0


@inner
def _centre(X, w, centred, Z, middle, low, high):
    """X', zero in rows of weight zero; whether entries are for this kernel."""
    m, n = X.shape
    first = 0
    while w[first] == 0.0:
        first += 1
    for k in range(0, middle.shape[0], 8):
        count = min(8, n - k)
        origin = read(X, (first, k), count)
        least, most, sums = origin, origin, lanes(0.0)
        for i in range(m):
            x = read(X, (i, k), count)
            sums = fma(lanes(w[i]), x - origin, sums)  # 0·NaN is NaN: no row may hold one
            if w[i] > 0.0:
                least, most = lesser(x, least), greater(x, most)
        write(low, k, least)
        write(high, k, most)
        write(middle, k, sums)
    for j in range(n):
        if not (max(high[j], -low[j]) < _LARGE and abs(middle[j]) < _LARGE):
            return False
        if centred:
            middle[j] = X[first, j] + (middle[j] if low[j] < high[j] else 0.0)
        else:
            middle[j] = 0.0
        size = 0.5 * high[j] - 0.5 * low[j] if centred else max(high[j], -low[j])
        if 0.0 < size < 1.0 / _LARGE:
            return False
    for i in range(m):
        for k in range(0, middle.shape[0], 8):
            x = read(X, (i, k), min(8, n - k)) - read(middle, k)
            write(Z, (i, k), x if w[i] > 0.0 else lanes(0.0))
    return True


@inner
def _along(x, y):
    """xᵀy."""
    out = lanes(0.0)
    for k in range(0, x.shape[0], 8):
        out = fma(read(x, k), read(y, k), out)
    return total(out)


@inner
def _predict(Z, theta, b, loss, y, w, z, each):
    """z = b + X'θ; Σ w ℓ there."""
    out = 0.0
    for i in range(y.shape[0]):
        sums = lanes(0.0)
        for k in range(0, theta.shape[0], 8):
            sums = fma(read(Z, (i, k)), read(theta, k), sums)
        z[i] = b + total(sums)
    for i in range(y.shape[0]):
        each[i] = losses.value(loss, z[i], y[i])
    for i in range(y.shape[0]):
        out += w[i] * each[i]
    return out


@inner
def _held(penalty, l2, theta):
    """½ Σ l2 θ² + p(θ)."""
    out = 0.0
    for j in range(penalty.l1.shape[0]):
        out += 0.5 * l2[j] * theta[j] * theta[j] + penalties.value(penalty, j, theta[j])
    return out


@inner
def _add_rows(X, weights, out):
    """Σ weights_i X'_i into a vector; the sum of the weights."""
    sums = 0.0
    for k in range(0, out.shape[0], 8):
        part = lanes(0.0)
        for i in range(weights.shape[0]):
            part = fma(lanes(weights[i]), read(X, (i, k)), part)
        write(out, k, part)
    for i in range(weights.shape[0]):
        sums += weights[i]
    return sums


@inner
def _slopes(Z, z, loss, y, w, slope, each):
    """Σ w ℓ′ x' as `slope`; Σ w ℓ′."""
    for i in range(y.shape[0]):
        each[i] = w[i] * losses.derivative(loss, z[i], y[i])
    return _add_rows(Z, each, slope)


@inner
def _begin(slope, level, shift, l2, theta, new):
    """The new θ begins at θ; slopes with the ridge terms, and the intercept that is best there."""
    for j in range(l2.shape[0]):
        slope[j] += l2[j] * theta[j] - level[j] * shift
        new[j] = theta[j]


@inner
def _curvatures(Z, z, loss, y, w, centred, G, level, h):
    """G = Σ w ℓ″ x' x'ᵀ, its intercept eliminated, and Σ w ℓ″ x' as `level`; Σ w ℓ″."""
    for i in range(y.shape[0]):
        h[i] = w[i] * losses.curvature(loss, z[i], y[i])
    bend = _add_rows(Z, h, level)
    for j in range(0, G.shape[0], 8):
        for k in range(j, G.shape[0], 8):
            _tile(Z, h, j, k, G)
    if centred and bend > 0.0:
        for j in range(G.shape[0]):
            a = lanes(-level[j] / bend)
            for k in range(0, G.shape[0], 8):
                write(G, (j, k), fma(a, read(level, k), read(G, (j, k))))
    for j in range(G.shape[0]):
        for k in range(j):
            G[j, k] = G[k, j]
    return bend


@inner
def _tile(X, h, j, k, G):
    """Eight rows and eight columns of G, in registers."""
    a, b, c, d = lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0)
    e, f, g, o = lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0)
    for i in range(h.shape[0]):
        x = lanes(h[i]) * read(X, (i, k))
        a = fma(lanes(X[i, j]), x, a)
        b = fma(lanes(X[i, j + 1]), x, b)
        c = fma(lanes(X[i, j + 2]), x, c)
        d = fma(lanes(X[i, j + 3]), x, d)
        e = fma(lanes(X[i, j + 4]), x, e)
        f = fma(lanes(X[i, j + 5]), x, f)
        g = fma(lanes(X[i, j + 6]), x, g)
        o = fma(lanes(X[i, j + 7]), x, o)
    write(G, (j, k), a)
    write(G, (j + 1, k), b)
    write(G, (j + 2, k), c)
    write(G, (j + 3, k), d)
    write(G, (j + 4, k), e)
    write(G, (j + 5, k), f)
    write(G, (j + 6, k), g)
    write(G, (j + 7, k), o)


@inner
def _square(G, l2, change):
    """changeᵀ(G + l2)change."""
    out = 0.0
    for j in range(change.shape[0]):
        if change[j] != 0.0:
            sums = lanes(0.0)
            for k in range(0, change.shape[0], 8):
                sums = fma(read(G, (j, k)), read(change, k), sums)
            out += change[j] * (total(sums) + l2[j] * change[j])
    return out


# ---------------------------------------------------------------- the quadratic


@inner
def _minimise(G, U, penalty, l2, slope, theta, moves, members, most, held):
    """Minimise the quadratic of G and l2 and the penalty from θ, whose slopes follow; steps, or −1
    where columns in use depend on one another or steps run out."""
    steps, n = 0, penalty.l1.shape[0]
    while steps < most:
        blocked = True
        while blocked and steps < most:
            size = _factor(G, U, penalty, l2, theta, members)
            if size < 0:
                return -1
            blocked = _newton(G, U, penalty, l2, slope, theta, moves, members, size)
            steps += 1
        waiting = False
        for j in range(n):
            missing = penalties.distance(penalty, j, theta[j], slope[j])
            if missing * missing > held * (G[j, j] + l2[j]) and G[j, j] + l2[j] > 0.0:
                low, high = penalties.segment(penalty, j, theta[j])
                waiting |= not low < high
        if not waiting:
            return steps
        changed, sweeps = True, 0
        while changed and sweeps < _SWEEPS:
            changed = _sweep(G, penalty, l2, slope, theta)
            sweeps += 1
        steps += sweeps
    return -1


@inner
def _factor(G, U, penalty, l2, theta, members):
    """UᵀU = G + l2 of the coefficients within their segments, the members; their number, −1 where
    a pivot is rounding."""
    size = 0
    for j in range(penalty.l1.shape[0]):
        low, high = penalties.segment(penalty, j, theta[j])
        if G[j, j] + l2[j] > 0.0 and low < high:
            members[size] = j
            size += 1
    for a in range(size):
        j = members[a]
        for b in range(a, size):
            U[a, b] = G[j, members[b]]
        U[a, a] += l2[j]
        for b in range(size, U.shape[1]):
            U[a, b] = 0.0
        diagonal = U[a, a]
        for c in range(a):
            entry = lanes(-U[c, a])
            for k in range(a // 8 * 8, size, 8):
                write(U, (a, k), fma(entry, read(U, (c, k)), read(U, (a, k))))
        if not U[a, a] > _FLAT * diagonal:
            return -1
        root = math.sqrt(U[a, a])
        for k in range(a // 8 * 8, size, 8):
            write(U, (a, k), read(U, (a, k)) * lanes(1.0 / root))
        U[a, a] = root
    return size


@inner
def _newton(G, U, penalty, l2, slope, theta, moves, members, size):
    """Members to their minimum, or to the first breakpoint; whether one was met."""
    for a in range(size):
        j = members[a]
        moves[a] = -(slope[j] + penalties.slope(penalty, j, theta[j]))
    for b in range(size, moves.shape[0]):
        moves[b] = 0.0
    for a in range(size):  # Uᵀ
        moves[a] /= U[a, a]
        for b in range(a + 1, size):
            moves[b] -= U[a, b] * moves[a]
    for a in range(size - 1, -1, -1):  # U
        out = moves[a]
        for b in range(a + 1, size):
            out -= U[a, b] * moves[b]
        moves[a] = out / U[a, a]
    length, first, end = 1.0, -1, 0.0
    for a in range(size):
        low, high = penalties.segment(penalty, members[a], theta[members[a]])
        stop = high if moves[a] > 0.0 else low
        if moves[a] != 0.0 and abs(stop) < np.inf:
            reach = (stop - theta[members[a]]) / moves[a]
            if reach < length:
                length, first, end = reach, a, stop
    for a in range(size):
        j = members[a]
        low, high = penalties.segment(penalty, j, theta[j])
        to = min(max(theta[j] + length * moves[a], low), high)
        _move(G, l2, slope, theta, j, end if a == first else to)
    return first >= 0


@inner
def _move(G, l2, slope, theta, j, value):
    """Coefficient j to a value, and the slopes after it."""
    change = value - theta[j]
    if change != 0.0:
        theta[j] = value
        for k in range(0, slope.shape[0], 8):
            write(slope, k, fma(lanes(change), read(G, (j, k)), read(slope, k)))
        slope[j] += l2[j] * change


@inner
def _sweep(G, penalty, l2, slope, theta):
    """The coordinate step of every coefficient; whether one came to a breakpoint or left one."""
    changed = False
    for j in range(penalty.l1.shape[0]):
        curvature, old = G[j, j] + l2[j], theta[j]
        if curvature > 0.0:
            step = slope[j] / curvature
            new = penalties.prox(penalty, j, old - step, 1.0 / curvature)
            if new != old:
                _move(G, l2, slope, theta, j, new)
                low, high = penalties.segment(penalty, j, old)
                lower, higher = penalties.segment(penalty, j, new)
                changed |= (low < high) != (lower < higher)
    return changed
