"""The density of Tweedie amounts: against its series in 50 digits (`fixtures/tweedie.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest

from fastreg.certificate import losses
from fastreg.losses import Tweedie

ROWS = json.loads((Path(__file__).parent / "fixtures" / "tweedie.json").read_text("utf-8"))


@pytest.mark.parametrize("power", sorted({row[0] for row in ROWS}))
def test_log_density_has_nine_digits(power):
    """Beside the density, or 1; its two terms, which cancel, are up to 300 times as large."""
    loss = Tweedie(power)
    for _, y, mean, scale, right in (row for row in ROWS if row[0] == power):
        constant = losses.log_constant(loss, np.array([y]), np.ones(1), scale)
        lost = losses.value(loss, np.array([[np.log(mean)]]), np.array([[y]]))[0] / scale
        size = max(1.0, abs(right))
        assert abs(float((constant - lost)[0]) - right) <= 1e-9 * size, (y, scale)
