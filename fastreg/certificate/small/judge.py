"""Gap, objective and KKT residual of one point, from X itself."""

import math
from typing import NamedTuple

import numpy as np

from fastreg._jit import chosen, exact, fma, greater, inner, lanes, lesser, read, total, write
from fastreg.certificate.small import losses

_EPS = 2.220446049250313e-16
_ROUNDING = 2.0  # of a sum, in units of eps and of what is summed
_LARGE = 1e60  # of a length: squares of what is larger, or smaller, leave float64
_CLOSE = 1e-3  # of the gap asked: a slope by the intercept, whose mixture then costs as little
_QUICK = 0.3  # of a slope, which Newton's method leaves where it may go on
_STEPS = 200  # to the best intercept: doubling reaches 1e30, halving comes back


class Work(NamedTuple):
    """What a certificate works in, of p ≥ n a multiple of eight: predictions, targets and
    slopes (m,); means, lengths, correlations and coefficients (p,)."""

    z: np.ndarray
    target: np.ndarray
    u: np.ndarray
    middle: np.ndarray
    length: np.ndarray
    c: np.ndarray
    coef: np.ndarray


def work(m, n):
    """`Work` for X (m, n)."""
    p = -(-n // 8) * 8
    return Work(*np.empty((3, m)), *np.zeros((4, p)))


@exact
def judge(X, y, w, loss, box, l2, centred, quadratic, theta, intercept, tol, work):
    """(gap, objective, null, kkt, free, least): objectives less the least loss of any prediction;
    free is 1 where a feature is held by less than rounding can show. NaN where sizes ask for other
    units, or there is nothing to explain.

    X (m, n) C-contiguous float64, finite where w > 0; y (m,); w (m,) of sum 1; box, l2, theta (n,)
    """
    m, n = X.shape
    z, target, u, middle, length, c, coef = work
    _centre(X, w, centred, work)
    mean = 0.0
    for i in range(m):
        mean += w[i] * y[i]
    base = mean if quadratic and centred else 0.0  # subtracted from y: far targets round less
    for j in range(n):
        coef[j] = theta[j]
    for i in range(m):
        target[i] = (y[i] if w[i] > 0.0 else mean) - base
    _predict(X, w, middle, coef, _exact_sum(intercept, -base, middle, coef), z)
    # The null model, and what it leaves of the loss.
    zero = losses.natural(loss, mean - base) if centred else 0.0
    null, least, value = 0.0, 0.0, 0.0
    for i in range(m):
        null += w[i] * losses.value(loss, zero, target[i])
        least += w[i] * losses.saturated(loss, target[i])
        value += w[i] * losses.value(loss, z[i], target[i])
        u[i] = losses.slope(loss, zero, target[i])
    null -= least
    if not _LARGE**-2 < null < _LARGE**2:
        return np.nan, np.nan, np.nan, np.nan, 1.0, least
    _correlate(X, w, middle, u, c)
    most = 0.0
    for j in range(n):
        if not (1.0 / _LARGE < length[j] < _LARGE or length[j] == np.inf):
            return np.nan, np.nan, np.nan, np.nan, 1.0, least
        most = max(most, abs(c[j]) / length[j])
    worse = _best_intercept(loss, z, target, w, centred, quadratic, tol * null)
    _dual_point(loss, z, target, w, centred, quadratic, u)
    square = 0.0
    for i in range(m):
        square += w[i] * u[i] * u[i]
    _correlate(X, w, middle, u, c)
    gap, held, kkt = _by_features(loss, z, target, w, u, box, l2, theta, c, length)
    objective = value + held
    kkt = kkt / most + _unknown(length, theta, square, null, most) if most > 0.0 else 0.0
    free = _is_free(box, l2, length, most)
    return gap + worse, objective - least, null, kkt, free, least


@inner
def _centre(X, w, centred, work):
    """The means of columns, the value of one that does not vary, and their lengths about them, ∞
    for zero."""
    (m, n), middle, length = X.shape, work.middle, work.length
    first = 0
    while w[first] == 0.0:
        first += 1
    for k in range(0, middle.shape[0], 8):
        count = min(8, n - k)
        origin = read(X, (first, k), count)
        sums, squares, least, most = lanes(0.0), lanes(0.0), origin, origin
        for i in range(first, m):
            if w[i] > 0.0:
                x = read(X, (i, k), count)
                sums = fma(lanes(w[i]), x - origin, sums)
                least, most = lesser(x, least), greater(x, most)
        shift = origin + chosen(most - least, sums, lanes(0.0)) if centred else lanes(0.0)
        for i in range(first, m):
            if w[i] > 0.0:
                v = read(X, (i, k), count) - shift
                squares = fma(lanes(w[i]) * v, v, squares)
        write(middle, k, shift)
        write(length, k, squares)
    for j in range(length.shape[0]):
        length[j] = math.sqrt(length[j]) if length[j] > 0.0 else np.inf


@inner
def _predict(X, w, middle, theta, level, z):
    """level + Vθ, V of X less the means of its columns; the level in rows of weight zero."""
    n = X.shape[1]
    for i in range(z.shape[0]):
        sums = lanes(0.0)
        if w[i] > 0.0:
            for k in range(0, theta.shape[0], 8):
                v = read(X, (i, k), min(8, n - k)) - read(middle, k)
                sums = fma(v, read(theta, k), sums)
        z[i] = level + total(sums)


@inner
def _exact_sum(a, b, x, y):
    """a + b + Σ x_j y_j as if in twice the precision: products split (Dekker 1971), sums with their
    errors (Knuth)."""
    high, low = a, 0.0
    for k in range(2 * x.shape[0] + 1):
        if k == 0:
            term = b
        else:
            p, q = x[(k - 1) // 2], y[(k - 1) // 2]
            term = p * q
            if k % 2 == 0:  # the error of the product before
                ps, qs = p * 134217729.0, q * 134217729.0
                ph, qh = ps - (ps - p), qs - (qs - q)
                pl, ql = p - ph, q - qh
                term = pl * ql - (((term - ph * qh) - pl * qh) - ph * ql)
        new = high + term
        back = new - high
        low += (high - (new - back)) + (term - back)
        high = new
    return high + low


@inner
def _correlate(X, w, middle, u, c):
    """c = −Vᵀ(w∘u)."""
    n = X.shape[1]
    for k in range(0, c.shape[0], 8):
        sums, shift = lanes(0.0), read(middle, k)
        for i in range(u.shape[0]):
            if w[i] > 0.0:
                v = read(X, (i, k), min(8, n - k)) - shift
                sums = fma(lanes(-w[i] * u[i]), v, sums)
        write(c, k, sums)


@inner
def _best_intercept(loss, z, y, w, centred, quadratic, asked):
    """Move z to the best intercept, nearly; what that gains, at most.

    Newton's method; by halving, or doubling where there is no bound yet, where a step leaves the
    bounds or the one before lessened the slope by little: an exponential lets Newton's method come
    down by 1 a step.
    """
    if not centred:
        return 0.0
    moved, first, low, high, width = 0.0, 0.0, -np.inf, np.inf, 1.0
    before = np.inf
    for step in range(1 if quadratic else _STEPS):
        total_slope, bend = 0.0, 0.0
        for i in range(z.shape[0]):
            total_slope += w[i] * losses.slope(loss, z[i] + moved, y[i])
            bend += w[i] * losses.curvature(loss, z[i] + moved, y[i])
        if step == 0:
            first = total_slope
        if not quadratic and abs(total_slope) <= _CLOSE * asked:
            break
        if total_slope > 0.0:
            high = moved
        else:
            low = moved
        new = moved - total_slope / bend if bend > 0.0 else np.inf
        bounded = -np.inf < low and high < np.inf
        near = low < new < high and (bounded or abs(new - moved) <= width)
        if not quadratic and not (near and abs(total_slope) <= _QUICK * before):
            new = 0.5 * (low + high) if bounded else moved - math.copysign(width, total_slope)
            width *= 2.0
        if new == moved:
            break
        moved, before = new, abs(total_slope)
    for i in range(z.shape[0]):
        z[i] += moved
    # F is convex: it lies above its tangent; of squares half of it is exact.
    return max(-first * moved, 0.0) * (0.5 if quadratic else 1.0)


@inner
def _dual_point(loss, z, y, w, centred, quadratic, u):
    """u = ℓ′(z), moved so that Σ w u = 0 beside an intercept: all by the same, which squares bear,
    or by a mixture with an end of the domain of ℓ*."""
    slope_sum, below, above = 0.0, 0.0, 0.0
    for i in range(z.shape[0]):
        u[i] = losses.slope(loss, z[i], y[i])
        low, high = losses.ends(loss, y[i])
        slope_sum += w[i] * u[i]
        below += w[i] * low
        above += w[i] * high
    if not centred or slope_sum == 0.0:
        return
    share = slope_sum / (slope_sum - (below if slope_sum > 0.0 else above))
    for i in range(z.shape[0]):
        low, high = losses.ends(loss, y[i])
        end = low if slope_sum > 0.0 else high
        u[i] -= slope_sum if quadratic else share * (u[i] - end)


@inner
def _by_features(loss, z, y, w, u, box, l2, theta, c, length):
    """(gap, ½ Σ l2 θ² + p, largest violation of a unit column): both formulas of the package."""
    s, conjugated, held, ridge, worst = 1.0, 0.0, 0.0, 0.0, 0.0
    for j in range(theta.shape[0]):
        l1, low, high = box.l1[j], box.low[j], box.high[j]
        value = _value(l1, low, high, theta[j])
        inside = _split(l1, low, high, c[j], l2[j])
        excess = c[j] - inside
        if l2[j] > 0.0:
            bent = (l2[j] * theta[j] - excess) * (l2[j] * theta[j] - excess) / (2.0 * l2[j])
        else:
            bent = np.inf if excess != 0.0 else 0.0
        conjugated += bent + value + _conjugate(l1, low, high, inside) - inside * theta[j]
        shifted = c[j] - l2[j] * theta[j]
        nearest = _inside(l1, low, high, shifted)
        if nearest != shifted:
            s = min(s, nearest / shifted)
        ridge += l2[j] * theta[j] * theta[j]
        held += value
        worst = max(
            worst, abs(shifted - _subgradient(l1, low, high, theta[j], shifted)) / length[j]
        )
    rescaled, rows, shrunk = 0.0, 0.0, 0.0
    for j in range(theta.shape[0]):
        l1, low, high = box.l1[j], box.low[j], box.high[j]
        own = _inside(l1, low, high, s * (c[j] - l2[j] * theta[j]))  # s is rounded
        rescaled += (
            _value(l1, low, high, theta[j]) + _conjugate(l1, low, high, own) - own * theta[j]
        )
    for i in range(z.shape[0]):
        if w[i] > 0.0:
            rows += w[i] * losses.divergence(loss, z[i], u[i], y[i])
            shrunk += w[i] * losses.divergence(loss, z[i], s * u[i], y[i])
    first = conjugated + rows
    second = rescaled + shrunk + 0.5 * (1.0 - s) * (1.0 - s) * ridge
    gap = first if first < second else second  # not min: where one has no value the other counts
    return 0.0 if gap < 0.0 else gap, held + 0.5 * ridge, worst


@inner
def _value(l1, low, high, theta):
    return l1 * abs(theta) if low <= theta <= high else np.inf


@inner
def _inside(l1, low, high, u):
    """The point of the domain of p* next to u."""
    least = -l1 if low == -np.inf else -np.inf
    most = l1 if high == np.inf else np.inf
    return min(max(u, least), most)


@inner
def _split(l1, low, high, u, l2):
    """u − l2 θ at the minimiser θ of ½ l2 θ² + p(θ) − uθ."""
    inside = min(max(u, -l1), l1)
    slope = u - inside
    least = l2 * low if math.isfinite(low) else low
    most = l2 * high if math.isfinite(high) else high
    if slope > most:
        return u - most
    return u - least if slope < least else inside


@inner
def _conjugate(l1, low, high, u):
    """p*(u) in its domain, at 0 or at a bound."""
    out = 0.0
    if u > l1:
        out += high * (u - l1)
    if u < -l1:
        out -= low * (-u - l1)
    return out


@inner
def _subgradient(l1, low, high, theta, u):
    """The subgradient of p at θ that is nearest to u."""
    least = l1 if theta > 0.0 else -l1
    most = -l1 if theta < 0.0 else l1
    least = -np.inf if theta == low else least
    most = np.inf if theta == high else most
    return min(max(u, least), most)


@inner
def _unknown(length, theta, square, null, most):
    """What rounding may hide of the KKT residual: that of the sums behind c, and of Xθ."""
    spread = math.sqrt(2.0 * null)
    for j in range(theta.shape[0]):
        if length[j] < np.inf:
            spread += length[j] * abs(theta[j])
    return _ROUNDING * _EPS * (math.sqrt(square) + spread) / most


@inner
def _is_free(box, l2, length, most):
    """1 where a feature is penalised so little that rounding of c hides it."""
    for j in range(l2.shape[0]):
        if length[j] < np.inf:
            end = min(
                _value(box.l1[j], box.low[j], box.high[j], 1.0),
                _value(box.l1[j], box.low[j], box.high[j], -1.0),
            )
            by_l1 = end >= 1e-12 * most * length[j] and end > 0.0
            by_l2 = l2[j] >= 1e-24 * length[j] * length[j] and l2[j] > 0.0
            if not by_l1 and not by_l2:
                return 1.0
    return 0.0
