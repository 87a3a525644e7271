"""What is registered for every loss: value and derivative at a prediction z for a target y."""

from fastreg._jit import operation


@operation
def value(loss, z, y):
    """ℓ(z, y), in units of the objective before division by the total weight."""


@operation
def derivative(loss, z, y):
    """∂ℓ/∂z."""
