"""Penalties as the certificate sees them: NumPy code of its own, under the names of
`fastreg.penalties`, so that a slip there cannot certify itself."""

from fastreg.certificate.penalties import bounded, l1
from fastreg.certificate.penalties.operations import (
    dual_part,
    dual_projection,
    dual_value,
    in_units,
    nearest_subgradient,
    penalty_value,
)

__all__ = [
    "bounded",
    "dual_part",
    "dual_projection",
    "dual_value",
    "in_units",
    "l1",
    "nearest_subgradient",
    "penalty_value",
]
