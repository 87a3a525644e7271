"""Minus the log-likelihood of K classes with probabilities p = softmax(z); of shares y too.

ℓ = log Σ_k e^{z_k} − Σ_k y_k z_k,   ∂ℓ/∂z = p − y,   ∂²ℓ/∂z² = diag(p) − ppᵀ

It takes K predictions a row: `kernels.softmax` has its value and slopes.
"""

from typing import NamedTuple

from fastreg.losses.operations import Traits, domain, steepest, traits


class Multinomial(NamedTuple):
    """The multinomial loss of K classes, shares y (K,) ≥ 0 of sum 1.

    classes : K
    """

    classes: int


@traits.register(Multinomial)
def _(loss):
    return Traits(outputs=loss.classes, affine=True)


@domain.register(Multinomial)
def _(loss):
    return 0.0, 1.0


@steepest.register(Multinomial)
def _(loss):
    return 0.5
