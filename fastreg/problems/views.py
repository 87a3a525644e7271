"""F and its gradient at several points in one read of columns of X."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fastreg import kernels
from fastreg.design import storages
from fastreg.kernels.rows import Workspace

Array = np.ndarray


class Look(NamedTuple):
    """F and ∂F/∂b at d points, (d,) each, ∂F/∂β, (n, d) or (p, d) of some columns, and of rows in
    blocks ∂²F/∂b²."""

    value: Array
    slope: Array
    gradient: Array
    bend: Array | None = None


class Rows(NamedTuple):
    """What belongs to rows: target (m,), weights and offset, (m,) or None, and the loss."""

    y: Array
    weights: Array | None
    offset: Array | None
    loss: Any
    total: float  # Σ w


@dataclass(eq=False)
class View:
    """Columns of X (m, p) with the shift and the scale (p,) that standardise them.

    late : whether the shift is subtracted from products instead of entries
    """

    storage: Any
    shift: Array | None
    scale: Array
    late: bool
    rows: Rows
    _work: dict[int, Workspace] = field(default_factory=dict)

    def look(self, betas: Array, levels: Array) -> Look:
        """At d points, β (p, d), b (d,): one fused pass, or one for each of a few with sparse
        columns."""
        d = betas.shape[1]
        if d >= storages.abreast(self.storage):
            return self._abreast(betas, levels)
        looks = [self._abreast(np.ascontiguousarray(betas[:, q]), levels[q]) for q in range(d)]
        values, slopes, gradients, _ = zip(*looks, strict=True)
        return Look(np.array(values), np.array(slopes), np.stack(gradients, axis=1))

    def predict(self, betas: Array, levels: Array) -> Array:
        """X'β + b, (m, d)."""
        out = np.empty((len(self.rows.y), betas.shape[1]))
        theta = betas * self.scale[:, None]
        kernels.predict(
            self.storage, theta, offset=levels, shift=self.shift, out=out,
            workspace=self._workspace(betas.shape[1]),
        )  # fmt: skip
        return out

    def _abreast(self, betas: Array, levels: Any) -> Look:
        """β (p,) or (p, d)."""
        rows, many = self.rows, betas.ndim == 2
        scale = self.scale[:, None] if many else self.scale
        theta, out = betas * scale, np.empty(betas.shape)
        late = self.shift if self.late else None
        shift, offset = (self.shift, levels) if late is None else (None, levels - late @ theta)
        value, slope = kernels.gradient(
            self.storage, rows.y, theta, offset=offset, shift=shift, weights=rows.weights,
            base=rows.offset, loss=rows.loss, scale=1.0 / rows.total, out=out,
            workspace=self._workspace(betas.shape[1] if many else 0),
        )  # fmt: skip
        with np.errstate(invalid="ignore", over="ignore"):  # of a step too long: P is infinite
            if late is not None:
                out -= np.multiply.outer(late, slope)
            out *= scale
        return Look(value, slope, out)

    def _workspace(self, d: int) -> Workspace:
        """The last one fits most looks."""
        if d not in self._work:
            self._work = {d: Workspace(self.storage, d or None)}
        return self._work[d]
