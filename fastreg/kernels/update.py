"""Sweeps of θ: the update of gradient descent, slopes and distances of a penalty."""

import functools

import numpy as np

from fastreg import penalties
from fastreg._jit import at, jit


@functools.partial(jit, exact=True)  # why: see `rows._residuals`
def update(theta, gradient, eta, l2, penalty):
    """One sweep of θ: measure where it stands, then step, shrink and prox.

        θ_j ← prox_{η p_j}( θ_j − η (g_j + l2_j θ_j) )

    Parameters
    ----------
    theta : (n,) float64, changed in place
    gradient : (n,) float64, the data gradient g at θ
    eta : float, step length
    l2 : float or (n,) float64
    penalty : tuple of `fastreg.penalties`

    Returns
    -------
    (P, ‖∇‖²) at the θ before the step: P = ½ Σ l2_j θ_j² + p(θ), and the squared length of
    the shortest subgradient, which is ‖∇J‖² where J is smooth.
    """
    value = 0.0
    square = 0.0
    for j in range(theta.shape[0]):
        w = theta[j]
        ridge = at(l2, j) * w
        g = gradient[j] + ridge
        value += 0.5 * ridge * w + penalties.value(penalty, j, w)
        shortest = penalties.distance(penalty, j, w, g)
        square += shortest * shortest
        theta[j] = penalties.prox(penalty, j, w - eta * g, eta)
    return value, square


@jit
def slopes(penalty, columns, beta):
    """p_j′(β_k) for β_k ≠ 0 of column j = columns[k], shape of β."""
    out = np.empty(beta.shape[0])
    for k in range(beta.shape[0]):
        out[k] = penalties.slope(penalty, columns[k], beta[k])
    return out


@jit
def distances(penalty, theta, gradient):
    """min │gradient_j + s│ over s in ∂p_j(θ_j), (n,): how far each is from optimal."""
    out = np.empty(theta.shape[0])
    for j in range(theta.shape[0]):
        out[j] = penalties.distance(penalty, j, theta[j], gradient[j])
    return out
