"""The jitted steps of training: a batch forward and back, then one sweep that updates θ.

θ, the activations and the signals are vectors of which layers are views, so that one machine code
serves every architecture. Products are BLAS's; what lies between is one sweep each:

    Z ← φ(Z + b),   Δ ← Δ ∘ φ′,   (θ, moments) ← optimiser(θ, clip(∇ + λ₂W/M)), prox of L1

The activation is a number and no type: its four loops are a hundredth of the code, which a type
would have compiled for each of them. float32 stays float32 but within tanh and the logistic.
"""

from typing import NamedTuple

import numpy as np

from fastreg import elementary
from fastreg._jit import exact, inner

TANH, LOGISTIC, RELU, IDENTITY = 0, 1, 2, 3  # as `layers.ACTIVATIONS` lists them
DESCENT, ADAM = 0, 1
_DECAY, _SQUARES, _TINY = 0.9, 0.999, 1e-8  # Adam's (Kingma & Ba 2015)


class Net(NamedTuple):
    """An architecture, and room for `capacity` rows in it.

    sizes : (L + 1,) int64
    kind : TANH, LOGISTIC, RELU or IDENTITY
    acts, deltas : (capacity·Σ sizes,) of the type of θ, overwritten
    """

    sizes: np.ndarray
    kind: int
    acts: np.ndarray
    deltas: np.ndarray
    capacity: int


class Rows(NamedTuple):
    """X (m, n), Y (m, k) of the type of θ, weights (m,) float64 of mean 1, and the order of an
    epoch (m,) int64."""

    X: np.ndarray
    Y: np.ndarray
    weights: np.ndarray
    order: np.ndarray


class Rule(NamedTuple):
    """A step: DESCENT or ADAM, η, momentum, λ₂/M and λ₁/M of each layer (L,), the weight of the
    orthogonal penalty, and the longest gradient, 0 for any."""

    optimiser: int
    eta: float
    momentum: float
    l2: np.ndarray
    l1: np.ndarray
    orthogonal: float
    clip: float


@inner
def _layer(buffer, sizes, layer, capacity, count):
    """(count, sizes[layer]) view of a buffer with room for `capacity` rows of each layer."""
    start = 0
    for k in range(layer):
        start += sizes[k] * capacity
    return buffer[start : start + count * sizes[layer]].reshape((count, sizes[layer]))


@inner
def _flat(buffer, sizes, layer, capacity, count):
    start = 0
    for k in range(layer):
        start += sizes[k] * capacity
    return buffer[start : start + count * sizes[layer]]


@inner
def _weights(theta, sizes, layer):
    """(W, b) into `layer`, views of θ or of its gradient."""
    start = 0
    for k in range(layer - 1):
        start += (sizes[k] + 1) * sizes[k + 1]
    a, b = sizes[layer - 1], sizes[layer]
    end = start + a * b
    return theta[start:end].reshape((a, b)), theta[end : end + b]


@inner
def _add_rows(Z, b):
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            Z[i, j] += b[j]


@inner
def _activate(kind, z):
    """z ← φ(z)."""
    if kind == TANH:
        for i in range(z.shape[0]):
            z[i] = elementary.tanh(z[i])
    elif kind == LOGISTIC:
        for i in range(z.shape[0]):
            z[i] = elementary.sigmoid(z[i])
    elif kind == RELU:
        for i in range(z.shape[0]):
            z[i] = z[i] if z[i] > 0 else z.dtype.type(0)


@inner
def _slope(kind, a):
    """φ′ at a = φ(z)."""
    one = type(a)(1)
    if kind == TANH:
        return one - a * a
    if kind == LOGISTIC:
        return a * (one - a)
    return one if kind == IDENTITY or a > 0 else type(a)(0)


@inner
def _times_slope(kind, a, d):
    """d ← d ∘ φ′."""
    if kind == TANH:
        for i in range(d.shape[0]):
            d[i] *= d.dtype.type(1) - a[i] * a[i]
    elif kind == LOGISTIC:
        for i in range(d.shape[0]):
            d[i] *= a[i] * (d.dtype.type(1) - a[i])
    elif kind == RELU:
        for i in range(d.shape[0]):
            d[i] = d[i] if a[i] > 0 else d.dtype.type(0)


@inner
def _forward(theta, net, count):
    sizes, acts, capacity = net.sizes, net.acts, net.capacity
    depth = sizes.shape[0] - 1
    for layer in range(1, depth + 1):
        W, b = _weights(theta, sizes, layer)
        Z = _layer(acts, sizes, layer, capacity, count)
        np.dot(_layer(acts, sizes, layer - 1, capacity, count), W, Z)
        _add_rows(Z, b)
        if layer < depth:
            _activate(net.kind, _flat(acts, sizes, layer, capacity, count))


@inner
def _residuals(data, first, whole, out, D):
    """D ← diag(w)(out − Y)/whole; Σ w ‖out − Y‖²."""
    total, scale = 0.0, 1.0 / whole
    for i in range(D.shape[0]):
        row = data.order[first + i]
        share = D.dtype.type(scale * data.weights[row])
        for j in range(D.shape[1]):
            r = out[i, j] - data.Y[row, j]
            D[i, j] = share * r
            total += data.weights[row] * np.float64(r) * np.float64(r)
    return total


@inner
def _backward(theta, gradient, net, count, whole, omega):
    """The gradient of the data, and ω times that of Ω (`calculus.jacobian_penalty`), whose
    products with Δ are added to those of the activations before BLAS sees either."""
    sizes, acts, deltas, capacity = net.sizes, net.acts, net.deltas, net.capacity
    depth = sizes.shape[0] - 1
    for layer in range(depth, 0, -1):
        W, _ = _weights(theta, sizes, layer)
        G, g = _weights(gradient, sizes, layer)
        A = _layer(acts, sizes, layer - 1, capacity, count)
        D = _layer(deltas, sizes, layer, capacity, count)
        if layer > 1:
            U = _layer(deltas, sizes, layer - 1, capacity, count)
            np.dot(D, W.T, U)
            _times_slope(
                net.kind,
                _flat(acts, sizes, layer - 1, capacity, count),
                _flat(deltas, sizes, layer - 1, capacity, count),
            )
            if omega != 0.0 and layer < depth:
                _add_jacobian(net.kind, A, U, D, omega / whole)
        np.dot(A.T, D, G)
        for j in range(D.shape[1]):
            g[j] = 0
        for i in range(D.shape[0]):
            for j in range(D.shape[1]):
                g[j] += D[i, j]


@inner
def _add_jacobian(kind, A, U, D, share):
    """A += 4ω/N · U∘φ′∘(s − 1)/‖δ‖², row by row, with share = ω/N."""
    for i in range(A.shape[0]):
        behind, before = 0.0, 0.0
        for j in range(D.shape[1]):
            behind += np.float64(D[i, j]) * np.float64(D[i, j])
        for j in range(U.shape[1]):
            before += np.float64(U[i, j]) * np.float64(U[i, j])
        if behind > 0.0:
            factor = 4.0 * share * (before / behind - 1.0) / behind
            for j in range(A.shape[1]):
                A[i, j] += factor * U[i, j] * _slope(kind, A[i, j])


@inner
def _add_orthogonal(theta, gradient, sizes, beta):
    """gradient += 4β W(WᵀW − I), from hidden layer to hidden layer, on the smaller side."""
    depth = sizes.shape[0] - 1
    for layer in range(2, depth):
        W, _ = _weights(theta, sizes, layer)
        G, _ = _weights(gradient, sizes, layer)
        tall = W.shape[0] >= W.shape[1]
        defect = np.dot(W.T, W) if tall else np.dot(W, W.T)
        for j in range(defect.shape[0]):
            defect[j, j] -= 1
        pull = np.dot(W, defect) if tall else np.dot(defect, W)
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                G[i, j] += W.dtype.type(4.0 * beta) * pull[i, j]


@inner
def _adam(theta, gradient, m, v, l2, scale, eta):
    """m ← .9m + .1g, v ← .999v + .001g², θ ← θ − η m/(√v + ε).

    Of slices: with bounds `start` and `end` the loop stays scalar, 2.9 ns an entry, not 0.4.
    """
    kind = theta.dtype.type
    a, b, tiny = kind(_DECAY), kind(_SQUARES), kind(_TINY)
    c, d = kind(1.0 - _DECAY), kind(1.0 - _SQUARES)
    ridge, factor, rate = kind(l2), kind(scale), kind(eta)
    for i in range(theta.shape[0]):
        g = factor * (gradient[i] + ridge * theta[i])
        m[i] = a * m[i] + c * g
        v[i] = b * v[i] + d * (g * g)
        theta[i] -= rate * m[i] / (np.sqrt(v[i]) + tiny)


@inner
def _descend(theta, gradient, v, l2, l1, scale, eta, momentum):
    """v ← μv − ηg, θ ← prox(θ + v)."""
    kind = theta.dtype.type
    ridge, rate, mu = kind(l2), kind(eta * scale), kind(momentum)
    limit = kind(eta * l1)
    for i in range(theta.shape[0]):
        v[i] = mu * v[i] - rate * (gradient[i] + ridge * theta[i])
        w = theta[i] + v[i]
        theta[i] = w - min(max(w, -limit), limit)


@inner
def _shrinkage(theta, gradient, sizes, l2, clip):
    """What the gradient, to which λ₂W/M is added for good, is to be multiplied by."""
    start = 0
    for layer in range(1, sizes.shape[0]):
        end = start + sizes[layer - 1] * sizes[layer]
        _add_ridge(theta[start:end], gradient[start:end], l2[layer - 1])
        start = end + sizes[layer]
    norm = np.sqrt(np.dot(gradient, gradient))
    return min(1.0, clip / norm) if norm > 0.0 else 1.0


@inner
def _add_ridge(theta, gradient, l2):
    ridge = theta.dtype.type(l2)
    for i in range(theta.shape[0]):
        gradient[i] += ridge * theta[i]


@inner
def _step(theta, gradient, first, second, sizes, rate, rule):
    """One sweep of θ, weights and biases of each layer apart: no penalty touches the latter."""
    clipped = rule.clip > 0.0
    scale = _shrinkage(theta, gradient, sizes, rule.l2, rule.clip) if clipped else 1.0
    start = 0
    for part in range(2 * (sizes.shape[0] - 1)):
        layer, is_weights = part // 2, part % 2 == 0
        end = start + sizes[layer + 1] * (sizes[layer] if is_weights else 1)
        ridge = rule.l2[layer] if is_weights and not clipped else 0.0
        lasso = rule.l1[layer] if is_weights else 0.0
        t, g, m = theta[start:end], gradient[start:end], first[start:end]
        if rule.optimiser == ADAM:
            _adam(t, g, m, second[start:end], ridge, scale, rate)
        else:
            _descend(t, g, m, ridge, lasso, scale, rate, rule.momentum)
        start = end


@inner
def _data_gradient(theta, gradient, data, begin, count, whole, net, omega):
    """Σ w ‖r‖² of `count` rows from `begin` on; `gradient` ← their part of that of `whole` rows."""
    depth = net.sizes.shape[0] - 1
    A = _layer(net.acts, net.sizes, 0, net.capacity, count)
    for i in range(count):
        row = data.order[begin + i]
        for j in range(A.shape[1]):
            A[i, j] = data.X[row, j]
    _forward(theta, net, count)
    out = _layer(net.acts, net.sizes, depth, net.capacity, count)
    D = _layer(net.deltas, net.sizes, depth, net.capacity, count)
    total = _residuals(data, begin, whole, out, D)
    _backward(theta, gradient, net, count, whole, omega)
    return total


@exact
def data_gradient(theta, gradient, data, begin, count, whole, net, omega):
    """Σ w ‖r‖² of `count` rows from `begin` on; `gradient` ← their part of that of `whole` rows.

    The arguments are those of `train`; count is at most net.capacity.
    """
    return _data_gradient(theta, gradient, data, begin, count, whole, net, omega)


@exact
def advance(theta, gradients, moments, sizes, step, rule):
    """One step along the sum of `gradients`, a list of parts (q, p), summed into the first."""
    gradient = gradients[0]
    for q in range(1, gradients.shape[0]):
        part = gradients[q]
        for i in range(part.shape[0]):
            gradient[i] += part[i]
    _advance(theta, gradient, moments, sizes, step, rule)


@inner
def _advance(theta, gradient, moments, sizes, step, rule):
    """Penalties on W, then the step with number `step`."""
    if rule.orthogonal != 0.0:
        _add_orthogonal(theta, gradient, sizes, rule.orthogonal)
    rate = rule.eta
    if rule.optimiser == ADAM:
        rate = rule.eta * np.sqrt(1.0 - _SQUARES**step) / (1.0 - _DECAY**step)
    _step(theta, gradient, moments[0], moments[1], sizes, rate, rule)


@exact
def train(theta, gradient, moments, data, net, first, last, step, rule, omega):
    """Steps over the batches `first` … `last` − 1 of the rows in their order.

    Parameters
    ----------
    theta : (p,) float32 or float64, changed in place
    gradient : (p,) of that type, overwritten
    moments : two (p,) of that type, first and second, kept up to date
    data : `Rows`
    net : `Net`, its capacity the rows of a step; the last may have fewer
    step : steps taken before, for Adam's correction
    rule : `Rule`
    omega : weight of Ω, 0 for none

    Returns
    -------
    Σ w ‖r‖² of these rows, each before the step that it takes part in.
    """
    total, m = 0.0, data.order.shape[0]
    for b in range(first, last):
        begin = b * net.capacity
        count = min(net.capacity, m - begin)
        total += _data_gradient(theta, gradient, data, begin, count, count, net, omega)
        step += 1
        _advance(theta, gradient, moments, net.sizes, step, rule)
    return total
