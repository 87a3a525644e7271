"""Separable penalties p(w) = Σ_j p_j(w_j): what needs a proximal step.

The ridge term ½ Σ l2_j w_j² is no penalty here: it is smooth, changes only the
curvature, and is an argument of its own to kernels and solvers.

| penalty | p_j(w) | slope, w ≠ 0 | prox of step t at z |
|---|---|---|---|
| `L1` | l1_j·│w│ | l1_j·sign(w) | sign(z)·max(│z│ − t·l1_j, 0) |
| `Bounded` | l1_j·│w│, ∞ outside [low_j, high_j] | l1_j·sign(w) | the same, clipped to the bounds |

A penalty is a NamedTuple of scalars or (n,) arrays with eight `operations` registered
for its class, one a file. No kernel and no solver names a penalty. Each is linear on segments,
which end at breakpoints: on a segment the objective is quadratic, and a Newton step finds its
minimum.
"""

from fastreg._jit import at
from fastreg.penalties.bounded import Bounded, non_negative
from fastreg.penalties.l1 import L1
from fastreg.penalties.operations import (
    as_bounded,
    critical_strength,
    distance,
    is_absolute,
    is_zero,
    prox,
    rescale,
    segment,
    slope,
    times,
    value,
)

__all__ = [
    "L1",
    "Bounded",
    "as_bounded",
    "at",
    "critical_strength",
    "distance",
    "is_absolute",
    "is_zero",
    "non_negative",
    "prox",
    "rescale",
    "segment",
    "slope",
    "times",
    "value",
]
