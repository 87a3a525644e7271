"""How much each feature is penalised: by factors given, and in units of its spread.

With x̃ = x/s and w̃ = s·w the penalty of standardised columns is one of the user's own:

    f (ρ│w̃│ + ½(1 − ρ) w̃²) = ρ (f s)│w│ + ½(1 − ρ)(f s²) w²

so that X is neither copied nor changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastreg.design import Design, deviations, merge, spreads
from fastreg.design.spreads import Spreads
from fastreg.penalties import L1, Bounded
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Factors:
    """l1, l2 : (n,) ≥ 0 factors of either part; kind : l1 (n,) ↦ the penalty"""

    l1: Array
    l2: Array
    kind: Callable[[Array], Any]

    def penalty(self, ratio: float) -> Any:
        """Of a share of L1, before its strength."""
        return self.kind(self.l1 * ratio)

    def ridge(self, ratio: float) -> Array:
        """(n, 1), before its strength."""
        return (self.l2 * (1.0 - ratio))[:, None]

    def standardised(self, spread: Array, fit_intercept: bool) -> Factors:
        """Of columns divided by their standard deviations (n,); constant ones stay at zero.

        Beside an intercept they vanish. Without one a bound holds them.
        """
        constant = spread == 0.0
        unit = np.where(constant, 1.0, spread)
        with np.errstate(over="ignore", under="ignore"):
            factors = self.l1 * unit, self.l2 * unit**2
        held = constant.any() and not fit_intercept
        return Factors(*factors, partial(_held, self.kind, constant) if held else self.kind)


def _held(kind: Callable[[Array], Any], columns: Array, l1: Array) -> Any:
    """The penalty with some columns (n,) bool held at zero."""
    penalty = kind(l1)
    ends = (-np.inf, np.inf) if isinstance(penalty, L1) else (penalty.low, penalty.high)
    return Bounded(l1, *(np.where(columns, 0.0, end) for end in ends))


def spread_of(X: Design, weights: Array | None) -> Array:
    """(n,) standard deviations of the columns of X, 0 of constant ones: one read of X."""
    return deviations(spreads(X, weights))


def spread_of_source(source: Source) -> Array:
    """The same of rows in blocks."""
    return deviations(source.reduce(partial(_of_block, source.layout), merge))


def _of_block(layout: Layout, block: Block, row: int) -> Spreads:
    rows = layout.check(block)
    try:
        return spreads(rows.X, rows.weights)
    except ValueError as error:
        raise ValueError(layout.fault(block) or str(error)) from None
