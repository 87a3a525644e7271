"""θ as one vector: where each layer's weights and biases stand in it, and how it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
ACTIVATIONS = ("tanh", "logistic", "relu", "identity")
INITS = ("auto", "glorot", "he", "orthogonal")


@dataclass(frozen=True)
class Layout:
    """Layers of `sizes` units, the input and the output among them: W_1, b_1, W_2, b_2, … in θ,
    W_l (sizes[l − 1], sizes[l]) in C order."""

    sizes: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Number of weight matrices."""
        return len(self.sizes) - 1

    @property
    def length(self) -> int:
        """Entries of θ."""
        return sum((a + 1) * b for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def split(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Views: the W_l and the b_l."""
        weights, biases, start = [], [], 0
        for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            weights.append(theta[start : start + a * b].reshape(a, b))
            biases.append(theta[start + a * b : start + (a + 1) * b])
            start += (a + 1) * b
        return weights, biases

    def join(self, weights: list[Array], biases: list[Array]) -> Array:
        """θ of copies of these."""
        pairs = zip(weights, biases, strict=True)
        return np.concatenate([np.ravel(each) for pair in pairs for each in pair])


def initial(layout: Layout, activation: str, init: Any, rng: np.random.RandomState) -> Array:
    """θ with biases of zero and independent weights.

    Parameters
    ----------
    init : "glorot", uniform of variance 2/(a + b) for W (a, b); "he", normal of variance 2/a;
        "orthogonal", orthonormal rows or columns; a number, normal of that standard deviation;
        "auto", "he" for relu and "glorot" otherwise
    """
    kind = ("he" if activation == "relu" else "glorot") if isinstance(init, str) and (
        init == "auto"
    ) else init  # fmt: skip
    theta = np.zeros(layout.length)
    for W in layout.split(theta)[0]:
        a, b = W.shape
        if kind == "glorot":
            bound = np.sqrt(6.0 / (a + b))
            W[:] = rng.uniform(-bound, bound, (a, b))
        elif kind == "he":
            W[:] = rng.normal(0.0, np.sqrt(2.0 / a), (a, b))
        elif kind == "orthogonal":
            tall = rng.normal(size=(max(a, b), min(a, b)))
            Q, R = np.linalg.qr(tall)
            Q = Q * np.sign(np.diag(R))  # uniform over all such matrices (Mezzadri 2007)
            W[:] = Q if a >= b else Q.T
        else:
            W[:] = rng.normal(0.0, float(kind), (a, b))
    return theta
