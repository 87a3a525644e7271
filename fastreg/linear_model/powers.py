"""The power and the link of a Tweedie regression: what one alpha and a choice of it share."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.design import Design
from fastreg.linear_model.regressors import GeneralizedRegressor
from fastreg.losses import Gamma, Poisson, Squared, Tweedie

Array = np.ndarray


class WithPower(GeneralizedRegressor):
    """An estimator with a power and a link; after a fit those of the fit count."""

    power: Any
    link: Any
    power_: float
    link_: str

    @property
    def _loss(self) -> Any:
        power, link = getattr(self, "power_", self.power), getattr(self, "link_", self.link)
        return tweedie_loss(float(power), link)

    @property
    def _name(self) -> str:
        return f"Tweedie(power={getattr(self, 'power_', self.power):g})"

    def _prepare(
        self, design: Design, y: Array, weights: Array | None, offset: Array | None
    ) -> None:
        self._note_power()

    def _source(self, X: Any, offset: Any) -> Any:
        self._note_power()
        return super()._source(X, offset)

    def _note_power(self) -> None:
        self.power_, self.link_ = float(self.power), link_of(float(self.power), self.link)


def link_of(power: float, link: str) -> str:
    """What "auto" stands for."""
    return ("identity" if power <= 0.0 else "log") if link == "auto" else link


def tweedie_loss(power: float, link: str) -> Any:
    """The loss of a power and a link.

    Raises
    ------
    ValueError
        No density has such a power, or the link is for another.
    """
    if 0.0 < power < 1.0:
        raise ValueError(f"power must be at most 0 or at least 1, got {power:g}: no density has it")
    link = link_of(power, link)
    if link == "log":
        named = {1.0: Poisson(), 2.0: Gamma()}
        return named[power] if power in named else Tweedie(float(power))
    if power != 0.0:
        raise ValueError(
            f"link='identity' is for power=0 alone, got power={power:g}: a mean must be above 0, "
            "which link='log' makes sure of"
        )
    return Squared()
