"""Who solves what: every solver says what it refuses, and one rule picks among the others.

| loss | penalty | shape | solver |
|---|---|---|---|
| squared | none or ridge | min(m, n) ≤ 6000 | "direct" |
| squared | none or ridge | larger both ways | "conjugate gradients" on the fused pass |
| squared | any | any | "working set" |
| any smooth one | any | any | "proximal Newton": `tangents`, quadratics that serve many points |

"direct" is an eigendecomposition for many points, else a factorisation, or conjugate gradients
where these are quicker; "working set" an active set on the Gram matrix of a few columns, from 8000
of them on "proximal gradient".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastreg.losses import Multinomial, traits
from fastreg.objectives import Objective
from fastreg.penalties import is_zero

# Side of the largest matrix a factorisation keeps: 6000² float64 are 288 MB.
DIRECT = 6000
Shape = tuple[int, int]
Refuses = Callable[[Objective, Shape], str | None]
FACTORISATIONS = ("direct", "gram", "orthogonal", "kernel")


@dataclass(frozen=True)
class Solver:
    """A name, and why it does not take a problem: a sentence, or None if it does."""

    name: str
    refuses: Refuses


def _for_ridges(objective: Objective, shape: Shape) -> str | None:
    return _for_squares(objective, shape) or (
        None if is_zero(objective.penalty) else "knows no penalty but the ridge"
    )


def _for_squares(objective: Objective, shape: Shape) -> str | None:
    name = type(objective.loss).__name__
    return None if traits(objective.loss).quadratic else f"knows no loss but squares, not {name}"


def _for_smooth(objective: Objective, shape: Shape) -> str | None:
    known, name = traits(objective.loss), type(objective.loss).__name__
    if known.quadratic:
        return "takes losses other than squares, which need one step"
    several = known.outputs > 1 and not isinstance(objective.loss, Multinomial)
    if several or not (known.smooth and known.separable):
        return (
            "needs a loss that is smooth, a sum over rows, of one output or multinomial: "
            f"{name} is not"
        )
    return None


SOLVERS = (
    *(Solver(name, _for_ridges) for name in (*FACTORISATIONS, "conjugate gradients")),
    Solver("working set", _for_squares),
    Solver("proximal gradient", _for_squares),
    Solver("proximal Newton", _for_smooth),
)
METHODS = ("auto", *(solver.name for solver in SOLVERS))


def select_solver(objective: Objective, shape: Shape, method: str = "auto") -> str:
    """The solver of an objective on X of a shape (m, n), or the one asked for.

    Raises
    ------
    ValueError
        There is no such method, or it refuses the objective; the message says why.

    Examples
    --------
    >>> import numpy as np
    >>> from fastreg.objectives import Objective
    >>> from fastreg.penalties import L1
    >>> from fastreg.solvers import select_solver
    >>> select_solver(Objective(np.ones((1, 1)), L1(0.0)), (1000, 20))
    'direct'
    >>> select_solver(Objective(np.zeros((1, 1)), L1(0.1)), (1000, 20))
    'working set'
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    by_name = {solver.name: solver for solver in SOLVERS}
    if method != "auto":
        reason = by_name[method].refuses(objective, shape)
        if reason:
            raise ValueError(f"method {method!r} {reason}")
        return method
    order = ("direct", "conjugate gradients") if min(shape) <= DIRECT else ("conjugate gradients",)
    for name in (*order, "working set", "proximal Newton"):
        if not by_name[name].refuses(objective, shape):
            return name
    reason = by_name["proximal Newton"].refuses(objective, shape)
    raise ValueError(f"no solver takes this objective: proximal Newton {reason}")
