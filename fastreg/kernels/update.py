"""Sweeps of θ: the update of gradient descent, and what a penalty says of each entry."""

import numpy as np

from fastreg import penalties
from fastreg._jit import at, exact, inner, jit, lanes, part, read, total

_CHUNK = 512  # entries whose terms wait in 16 kB of cache to be added, eight at a time


@exact
def update(theta, gradient, eta, l2, penalty, momentum=0.0, previous=None):
    """One sweep of θ: measure where it stands, then step, shrink, prox and carry on.

        x⁺ = prox_{η p_j}( θ_j − η (g_j + l2_j θ_j) )
        θ_j ← x⁺ + μ (x⁺ − x_j),   x_j ← x⁺

    Parameters
    ----------
    theta : (n,) float64, the point at which the gradient was taken; changed in place
    gradient : (n,) float64, the data gradient g at θ
    eta : float, step length
    l2 : float or (n,) float64
    penalty : tuple of `fastreg.penalties`
    momentum : float μ, of Nesterov's method and FISTA
    previous : (n,) float64, x; changed in place. None without momentum: then x = θ

    Returns
    -------
    (P, ‖∇‖², ‖x⁺ − x‖², ⟨θ − x⁺, x⁺ − x⟩), the first two at the θ before the step: P = ½ Σ l2_j
    θ_j² + p(θ), and the squared length of the shortest subgradient, ‖∇J‖² where J is smooth.
    A positive last one says that momentum has carried θ too far: start again from x
    (O'Donoghue & Candès, Found. Comput. Math. 15, 2015).
    """
    n = theta.shape[0]
    terms = np.zeros((4, min(_CHUNK, (n + 7) // 8 * 8)))
    size = terms.shape[1]
    value, square, moved, turn = lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0)
    for start in range(0, n, size):
        stop = min(start + size, n)
        _sweep(
            theta[start:stop],
            gradient[start:stop],
            part(previous, start, stop),
            eta,
            l2,
            penalty,
            momentum,
            start,
            terms,
        )
        for k in range(0, size, 8):
            value = value + read(terms, (0, k))
            square = square + read(terms, (1, k))
            moved = moved + read(terms, (2, k))
            turn = turn + read(terms, (3, k))
    return total(value), total(square), total(moved), total(turn)


@inner
def _sweep(theta, gradient, previous, eta, l2, penalty, momentum, first, terms):
    """`update` of the coordinates from `first` on, their terms side by side, zeros beyond."""
    for k in range(theta.shape[0]):
        j = first + k
        w = theta[k]
        ridge = at(l2, j) * w
        g = gradient[k] + ridge
        shortest = penalties.distance(penalty, j, w, g)
        new = penalties.prox(penalty, j, w - eta * g, eta)
        old = w if previous is None else previous[k]
        terms[0, k] = 0.5 * ridge * w + penalties.value(penalty, j, w)
        terms[1, k] = shortest * shortest
        terms[2, k] = (new - old) * (new - old)
        terms[3, k] = (w - new) * (new - old)
        theta[k] = new + momentum * (new - old)
        if previous is not None:
            previous[k] = new
    for k in range(theta.shape[0], terms.shape[1]):
        for q in range(4):
            terms[q, k] = 0.0


@jit
def distances(penalty, theta, gradient):
    """min │gradient_j + s│ over s in ∂p_j(θ_j), (n,): how far each is from optimal."""
    out = np.empty(theta.shape[0])
    for j in range(theta.shape[0]):
        out[j] = penalties.distance(penalty, j, theta[j], gradient[j])
    return out


@jit
def critical_strength(penalty, correlations, factors):
    """(n,): largest multiple of factor_q·penalty that it takes to hold θ_j = 0 at any point q.

    Parameters
    ----------
    penalty : tuple of `fastreg.penalties`
    correlations : (n, d) float64, −gradient of the loss by θ at d points
    factors : (d,) float64 > 0

    Returns
    -------
    (n,) float64: above 1 where a coefficient of zero is not optimal at some point
    """
    n, d = correlations.shape
    out = np.zeros(n)
    for j in range(n):
        for q in range(d):
            held = penalties.critical_strength(penalty, j, -correlations[j, q]) / factors[q]
            out[j] = max(out[j], held)
    return out
