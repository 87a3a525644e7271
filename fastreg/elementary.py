"""exp, expm1, log1p, the logistic function and tanh as straight-line code that loops vectorise.

    exp(x)     = 2ⁿ·(1 + p(r)),  x = n·ln 2 + r,  p(r) = r + r²·q(r) ≈ eʳ − 1
    expm1(x)   = 2ⁿ·p(r) + (2ⁿ − 1)
    log1p(x)   = k·ln 2 + 2·artanh(s),  1 + x = 2ᵏ·(1 + f),  s = f/(2 + f)
    sigmoid(x) = 1/(1 + e⁻ˣ) = min(1, eˣ)/(1 + e⁻│x│)
    tanh(x)    = −E/(2 + E)·sign(x),  E = e⁻²│x│ − 1

Without Intel's SVML a jitted loop calls libm for each element, 3 to 8 ns; here it takes
0.6 to 1.0 with AVX-512. Choices are selections, not branches; nothing is looked up in a
table; powers of two come from the bits of a sum. Errors in units in the last place, subnormal
results included: below 1, 1.5, 2.5 and 2.75 (`docs/decisions/0006-elementary-functions.md`).

Compiled without reordering and contraction: an error term that is zero in exact algebra
stays, and the bits are the same on every processor, in every caller and without the compiler.
"""

import numpy as np

from fastreg._jit import exact

# Below, mpmath.chebyfit(f, [a, b], terms) interpolates f at the Chebyshev points of [a, b];
# computed with 50 digits and rounded to float64.

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # 32 bits of ln 2: times n < 2¹¹ without rounding
_LN2_LOW = 1.9082149292705877e-10

# Adding 1.5·2⁵² rounds to an integer and leaves it in the lowest bits, as two's complement.
_ROUND = 6755399441055744.0
# The same and the exponent's bias: shifted to its place, the integer n becomes 2ⁿ.
_BIASED = _ROUND + 1023.0

_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # bits of √½, where significands of a logarithm start
_TO_ONE = np.int64(0x3FF0000000000000) - _ROOT_HALF
_FRACTION = np.int64((1 << 52) - 1)
_WHOLE_BITS = np.int64(0x4330000000000000)  # 2⁵², whose lowest bits count units
_WHOLE = 4503599627370496.0 + 1023.0  # and those units, less the exponent's bias


@exact
def _bits(x: float) -> np.int64:
    """The bits of a float64 as an int64."""
    return np.float64(x).view(np.int64)


@exact
def _float(bits: np.int64) -> float:
    """The float64 of these bits."""
    return np.int64(bits).view(np.float64)


@exact
def _power_of_two(n: float) -> float:
    """2ⁿ for an integer −1023 < n < 1024; 0 for n = −1023."""
    return _float(_bits(n + _BIASED) << 52)


@exact
def _reduced(x: float) -> tuple[float, float]:
    """(n, r) with x = n·ln 2 + r, n an integer, │r│ ≤ ½ ln 2; for │x│ < 1e6."""
    n = (x * _LOG2_E + _ROUND) - _ROUND
    return n, (x - n * _LN2_HIGH) - n * _LN2_LOW


@exact
def _expm1_of_reduced(r: float) -> float:
    """eʳ − 1 for │r│ ≤ ½ ln 2, within 5e-19 of it before rounding.

    q(r): chebyfit of (eʳ − 1 − r)/r², 11 terms. With 10 the error is 4e-17, 0.4 units in
    the last place of tanh. Summed in a tree (Estrin), 0.64 ns for exp, 0.86 by Horner.
    """
    r2 = r * r
    r4 = r2 * r2
    low = (0.5 + r * 0.1666666666666667) + r2 * (0.04166666666666667 + r * 0.008333333333326141)
    mid = (0.0013888888888883752 + r * 0.00019841269874800493) + r2 * (
        2.4801587325533363e-05 + r * 2.7557255425746435e-06
    )
    high = (2.7557273661348637e-07 + r * 2.510520637395701e-08) + r2 * 2.0914679376583935e-09
    return r + r2 * (low + r4 * (mid + r4 * high))


@exact
def exp(x: float) -> float:
    """eˣ.

    >>> float(exp(0.0)), float(exp(-np.inf))
    (1.0, 0.0)
    """
    # Beyond these the result is 0 or ∞ already. NaN passes: it is neither.
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    n, r = _reduced(x)
    # Two factors: 2ⁿ alone may be no normal number. The first product is exact, so a
    # subnormal result is rounded once.
    half = (0.5 * n + _ROUND) - _ROUND
    return (1.0 + _expm1_of_reduced(r)) * _power_of_two(half) * _power_of_two(n - half)


@exact
def expm1(x: float) -> float:
    """eˣ − 1.

    >>> float(expm1(0.0)), float(expm1(1e-20)), float(expm1(-np.inf)), float(expm1(800.0))
    (0.0, 1e-20, -1.0, inf)
    """
    v = 710.0 if x > 710.0 else x
    v = -50.0 if v < -50.0 else v  # −1 to the last bit
    n, r = _reduced(v)
    half = (0.5 * n + _ROUND) - _ROUND
    low, high = _power_of_two(half), _power_of_two(n - half)
    # (2ⁿ⁄²·p + (2ⁿ⁄² − 2⁻ⁿ⁄²))·2ⁿ⁄²: exactly p for n = 0.
    y = (low * _expm1_of_reduced(r) + (low - _power_of_two(half - n))) * high
    return x if abs(x) < 1e-17 else y  # a zero keeps its sign


@exact
def log1p(x: float) -> float:
    """log(1 + x).

    >>> float(log1p(0.0)), float(log1p(-1.0)), float(log1p(np.inf)), float(log1p(-2.0))
    (0.0, -inf, inf, nan)
    """
    inside = (x > -1.0) & (x < np.inf)
    v = x if inside else 0.0
    u = 1.0 + v
    lost = min(v, 1.0) - (u - max(v, 1.0))  # u + lost = 1 + v exactly (Dekker)
    # u = 2ᵏ·m with √½ ≤ m < √2, so that log m never cancels k·ln 2
    bits = _bits(u) + _TO_ONE
    k = _float((bits >> 52) | _WHOLE_BITS) - _WHOLE
    m = _float((bits & _FRACTION) + _ROOT_HALF)
    f = (m - 1.0) + 0.5 * lost * _power_of_two(1.0 - k)  # 2⁻ᵏ is out of range for k = 1024
    square = 0.5 * f * f
    s = f / (2.0 + f)
    tail = s * (square + _artanh_tail(s * s)) + k * _LN2_LOW
    y = k * _LN2_HIGH + (f - (square - tail))
    # A zero keeps its sign. Asking for x ≠ 0 in `inside` costs 3.1 ns
    # instead of 0.97: LLVM then compares bit patterns.
    y = x if abs(x) < 1e-17 else y
    outer = np.nan if x < -1.0 else x  # ∞ or NaN
    outer = -np.inf if x == -1.0 else outer
    return y if inside else outer


@exact
def _artanh_tail(z: float) -> float:
    """2·artanh(s)/s − 2 at z = s², for s ≤ 3 − 2√2; within 1e-17 before rounding.

    chebyfit of that over z, 7 terms.
    """
    z2 = z * z
    low = (0.666666666666667 + z * 0.39999999999899505) + z2 * (
        0.28571428625975487 + z * 0.2222221113479508
    )
    high = (0.18182889125261723 + z * 0.15331721600556042) + z2 * 0.14616449685043406
    return z * (low + z2 * z2 * high)


@exact
def sigmoid(x: float) -> float:
    """The logistic function 1/(1 + e⁻ˣ), to full relative accuracy at both ends.

    >>> float(sigmoid(0.0)), float(sigmoid(800.0)), float(sigmoid(-800.0))
    (0.5, 1.0, 0.0)
    """
    e = exp(-abs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


@exact
def tanh(x: float) -> float:
    """The hyperbolic tangent; odd to the last bit.

    >>> float(tanh(-0.0)), float(tanh(np.inf)), float(tanh(-20.0))
    (-0.0, 1.0, -1.0)
    """
    a = abs(x)
    n, r = _reduced(-2.0 * (20.0 if a > 20.0 else a))  # tanh 20 rounds to 1
    power = _power_of_two(n)
    # Exactly p(r) for n = 0, so small arguments keep their relative accuracy.
    E = power * _expm1_of_reduced(r) + (power - 1.0)
    y = -E / (2.0 + E)
    y = -y if x < 0.0 else y
    return x if a < 1e-8 else y  # x³/3 is lost, and a zero keeps its sign


@exact
def exp_into(x: np.ndarray, out: np.ndarray) -> None:
    """out ← exp(x); both (n,) float64. Arrays that overlap are not vectorised."""
    for i in range(x.shape[0]):
        out[i] = exp(x[i])


@exact
def expm1_into(x: np.ndarray, out: np.ndarray) -> None:
    """out ← eˣ − 1; both (n,) float64, as for `exp_into`."""
    for i in range(x.shape[0]):
        out[i] = expm1(x[i])


@exact
def log1p_into(x: np.ndarray, out: np.ndarray) -> None:
    """out ← log(1 + x); both (n,) float64, as for `exp_into`."""
    for i in range(x.shape[0]):
        out[i] = log1p(x[i])


@exact
def sigmoid_into(x: np.ndarray, out: np.ndarray) -> None:
    """out ← 1/(1 + e⁻ˣ); both (n,) float64, as for `exp_into`."""
    for i in range(x.shape[0]):
        out[i] = sigmoid(x[i])


@exact
def tanh_into(x: np.ndarray, out: np.ndarray) -> None:
    """out ← tanh(x); both (n,) float64, as for `exp_into`."""
    for i in range(x.shape[0]):
        out[i] = tanh(x[i])
