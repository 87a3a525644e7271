"""J, ∇J and ∇²J·v of a network in NumPy: the formulas, the oracle of the kernels, the referee.

Forward and back (Rumelhart, Hinton & Williams 1986), with w̄ the weights of the rows over their sum:

    Δ_L = diag(w̄)(Z_L − Y),   Δ_l = (Δ_{l+1} W_{l+1}ᵀ) ∘ φ′(Z_l)
    ∇W_l = A_{l−1}ᵀ Δ_l + λ_l W_l/M,   ∇b_l = Δ_lᵀ 1

The product of the Hessian with a vector is the derivative of these lines along it (Pearlmutter,
Neural Computation 6, 1994), exact, for about the price of two gradients. Everything but that
also takes complex θ, of which the imaginary part is a derivative to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastreg.network.layers import Layout

Array = np.ndarray


def activate(name: str, Z: Array) -> Array:
    """φ(Z)."""
    if name == "tanh":
        return np.tanh(Z)
    if name == "logistic":
        return 0.5 * (1.0 + np.tanh(0.5 * Z))
    return Z * (Z.real > 0.0) if name == "relu" else Z


def slope(name: str, A: Array) -> Array:
    """φ′(Z) at A = φ(Z)."""
    if name == "tanh":
        return 1.0 - A * A
    if name == "logistic":
        return A * (1.0 - A)
    return (A.real > 0.0).astype(float) if name == "relu" else np.ones_like(A)


def curvature(name: str, A: Array) -> Array:
    """φ″(Z) at A = φ(Z)."""
    if name == "tanh":
        return -2.0 * A * (1.0 - A * A)
    if name == "logistic":
        return A * (1.0 - A) * (1.0 - 2.0 * A)
    return np.zeros_like(A)


def forward(name: str, weights: list[Array], biases: list[Array], X: Array) -> list[Array]:
    """A_0 = X, …, A_L = Z_L."""
    found = [X]
    for l, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        Z = found[-1] @ W + b
        found.append(activate(name, Z) if l < len(weights) else Z)
    return found


class Signals(NamedTuple):
    """A_0 … A_L, where A_L = Z_L, and Δ_1 … Δ_L."""

    activations: list[Array]
    deltas: list[Array]


@dataclass(frozen=True, eq=False)
class Objective:
    """J for one set of rows.

    Parameters
    ----------
    X, Y : (m, n), (m, k)
    weights : (m,) or None for ones
    layout : Layout from n to k
    activation : of the hidden layers
    l2 : (L,) (1 − ρ)·λ_l
    orthogonal : β, of β Σ ‖WᵀW − I‖² over the matrices between hidden layers
    """

    X: Array
    Y: Array
    weights: Array | None
    layout: Layout
    activation: str
    l2: Array
    orthogonal: float = 0.0

    @property
    def total(self) -> float:
        """M, the sum of the weights."""
        return float(len(self.X) if self.weights is None else self.weights.sum())

    @property
    def share(self) -> Array:
        """(m, 1): w̄."""
        ones = np.ones(len(self.X)) if self.weights is None else self.weights
        return ones[:, None] / self.total

    def forward(self, theta: Array) -> list[Array]:
        """A_0 … A_L."""
        return forward(self.activation, *self.layout.split(theta), self.X)

    def signals(self, theta: Array) -> Signals:
        W, A = self.layout.split(theta)[0], self.forward(theta)
        deltas = [self.share * (A[-1] - self.Y)]
        for l in range(self.layout.depth - 1, 0, -1):
            deltas.insert(0, (deltas[0] @ W[l].T) * slope(self.activation, A[l]))
        return Signals(A, deltas)

    def value(self, theta: Array) -> float:
        """J(θ), without the part of L1."""
        W = self.layout.split(theta)[0]
        data = 0.5 * np.sum(self.share * (self.forward(theta)[-1] - self.Y) ** 2)
        ridge = sum(0.5 * l2 * np.sum(w * w) for l2, w in zip(self.l2, W, strict=True))
        apart = sum(np.sum(defect(w) ** 2) for w in between(W))
        return data + ridge / self.total + self.orthogonal * apart

    def gradients(self, theta: Array) -> tuple[Array, Array]:
        """(of the data, of the penalties), both like θ."""
        A, deltas = self.signals(theta)
        W, b = self.layout.split(theta)
        data = self.layout.join(
            [a.T @ d for a, d in zip(A[:-1], deltas, strict=True)], [d.sum(axis=0) for d in deltas]
        )
        penalties = [
            l2 / self.total * w + self.orthogonal * each
            for l2, w, each in zip(self.l2, W, orthogonality(W), strict=True)
        ]
        return data, self.layout.join(penalties, [np.zeros_like(each) for each in b])

    def gradient(self, theta: Array) -> Array:
        data, penalties = self.gradients(theta)
        return data + penalties

    def times_hessian(self, theta: Array, v: Array) -> Array:
        """∇²J(θ)·v; the orthogonal penalty is left out."""
        A, deltas = self.signals(theta)
        (W, _), (V, u) = self.layout.split(theta), self.layout.split(v)
        L, name = self.layout.depth, self.activation
        dA, dZ = [np.zeros_like(self.X)], []
        for l in range(L):
            dZ.append(dA[l] @ W[l] + A[l] @ V[l] + u[l])
            dA.append(slope(name, A[l + 1]) * dZ[l] if l + 1 < L else dZ[l])
        dD = [self.share * dA[L]]
        for l in range(L - 1, 0, -1):
            back, change = deltas[l] @ W[l].T, dD[0] @ W[l].T + deltas[l] @ V[l].T
            dD.insert(0, change * slope(name, A[l]) + back * curvature(name, A[l]) * dZ[l - 1])
        return self.layout.join(
            [
                dA[l].T @ deltas[l] + A[l].T @ dD[l] + self.l2[l] / self.total * V[l]
                for l in range(L)
            ],
            [d.sum(axis=0) for d in dD],
        )


def between(weights: list[Array]) -> list[Array]:
    """The matrices from one hidden layer to the next."""
    return weights[1:-1]


def defect(W: Array) -> Array:
    """WᵀW − I, or WWᵀ − I if that is smaller."""
    G = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    return G - np.eye(len(G))


def orthogonality(weights: list[Array]) -> list[Array]:
    """The gradients of Σ ‖defect(W)‖² over the matrices between hidden layers; else zero."""
    out = [np.zeros_like(W) for W in weights]
    for l in range(1, len(weights) - 1):
        W = weights[l]
        out[l] = 4.0 * (W @ defect(W) if W.shape[0] >= W.shape[1] else defect(W) @ W)
    return out


def jacobian_penalty(
    activation: str, W: list[Array], signals: Signals
) -> tuple[float, list[Array]]:
    """(Ω, its gradients) with x and δ held (Pascanu, Mikolov & Bengio 2013, §3.3).

    For W from one hidden layer to the next, Δ behind it and P = φ′ before it,
    U = (ΔWᵀ)∘P, s_i = ‖u_i‖²/‖δ_i‖²:

        Ω = Σ mean_i (s_i − 1)²,   ∂Ω/∂W = 4/N [U∘P∘((s − 1)/‖δ‖²)]ᵀ Δ

    Rows without a signal count for nothing.
    """
    A, deltas = signals
    value, gradients = 0.0, [np.zeros_like(each) for each in W]
    for l in range(1, len(W) - 1):
        P, D = slope(activation, A[l]), deltas[l]
        U = (D @ W[l].T) * P
        square = np.sum(D * D, axis=1, keepdims=True)
        live = square > 0.0
        inverse = np.where(live, 1.0 / np.where(live, square, 1.0), 0.0)
        excess = np.where(live, np.sum(U * U, axis=1, keepdims=True) * inverse - 1.0, 0.0)
        value += float(np.mean(excess**2))
        gradients[l] = 4.0 / len(D) * (U * P * (excess * inverse)).T @ D
    return value, gradients
