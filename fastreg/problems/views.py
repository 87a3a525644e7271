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
    blocks ∂²F/∂b², (d,), or (d, q, q) of q intercepts."""

    value: Array
    slope: Array
    gradient: Array
    bend: Array | None = None


class Rows(NamedTuple):
    """What belongs to rows: target (m,), or (m, d) of d points, weights and offset, (m,) or None,
    and the loss."""

    y: Array
    weights: Array | None
    offset: Array | None
    loss: Any
    total: float  # Σ w


@dataclass(eq=False)
class View:
    """Columns of X (m, p) with the shift and the scale (p,) that standardise them.

    late : whether the shift is subtracted from products instead of entries at several points
    workspaces : those of the storage for 0, a plain vector, or d points; views may share them
    """

    storage: Any
    shift: Array | None
    scale: Array
    late: bool
    rows: Rows
    workspaces: dict[int, Workspace] = field(default_factory=dict)

    def look(self, betas: Array, levels: Array) -> Look:
        """At d points, β (p, d), b (d,): one fused pass, or one for each of a few with sparse
        columns."""
        d, y = betas.shape[1], self.rows.y
        if self.is_abreast(d):
            return self._pass(betas, levels, y, self.late)
        each = (y if y.ndim == 1 else np.ascontiguousarray(y[:, q]) for q in range(d))
        looks = [
            self._pass(np.ascontiguousarray(betas[:, q]), levels[q], own, False)
            for q, own in enumerate(each)
        ]
        values, slopes, gradients, _ = zip(*looks, strict=True)
        return Look(np.array(values), np.array(slopes), np.stack(gradients, axis=1))

    def is_abreast(self, d: int) -> bool:
        """Whether d points share a pass."""
        return d >= storages.abreast(self.storage)

    def predict(self, betas: Array, levels: Array) -> Array:
        """X'β + b, (m, d)."""
        out = np.empty((len(self.rows.y), betas.shape[1]))
        theta = betas * self.scale[:, None]
        kernels.predict(
            self.storage, theta, offset=levels, shift=self.shift, out=out,
            workspace=self._workspace(betas.shape[1]),
        )  # fmt: skip
        return out

    def _pass(self, betas: Array, levels: Any, y: Array, is_late: bool) -> Look:
        """β (p,) or (p, d)."""
        rows, many = self.rows, betas.ndim == 2
        scale = self.scale[:, None] if many else self.scale
        theta, out = betas * scale, np.empty(betas.shape)
        late = self.shift if is_late else None
        shift, offset = (self.shift, levels) if late is None else (None, levels - late @ theta)
        value, slope = kernels.gradient(
            self.storage, y, theta, offset=offset, shift=shift, weights=rows.weights,
            base=rows.offset, loss=rows.loss, scale=1.0 / rows.total, out=out,
            workspace=self._workspace(betas.shape[1] if many else 0),
        )  # fmt: skip
        with np.errstate(invalid="ignore", over="ignore"):  # of a step too long: P is infinite
            if late is not None:
                out -= np.multiply.outer(late, slope)
            out *= scale
        return Look(value, slope, out)

    def _workspace(self, d: int) -> Workspace:
        """That of a plain vector, and the last of several points, which fits most looks."""
        if d not in self.workspaces:
            for other in [k for k in self.workspaces if k and d]:
                del self.workspaces[other]
            self.workspaces[d] = Workspace(self.storage, d or None)
        return self.workspaces[d]
