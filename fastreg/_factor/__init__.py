"""Dense factorisations that an interrupt ends within half a second, whatever their size.

LAPACK computes them in one call, during which Python sees no signal: 25 s for the eigenvectors of
a 4000 × 4000 matrix on one core. Here the same algorithms come in pieces of about a tenth of a
second, with LAPACK's own kernels inside. Up to a side of `WHOLE` they are LAPACK's one call.
"""

from fastreg._factor.orthogonal import pivoted, singular, triangular_factor
from fastreg._factor.symmetric import eigh, eigvalsh, least_norm
from fastreg._factor.triangular import (
    WHOLE,
    cholesky,
    definite,
    solve_cholesky,
    solve_triangular,
)

__all__ = [
    "WHOLE",
    "cholesky",
    "definite",
    "eigh",
    "eigvalsh",
    "least_norm",
    "pivoted",
    "singular",
    "solve_cholesky",
    "solve_triangular",
    "triangular_factor",
]
