"""The gallery's table of vanishing gradients, in direction and order of magnitude."""

import runpy
from pathlib import Path

import pytest
from conftest import needs_jit

SCRIPT = Path(__file__).resolve().parents[2] / "docs/examples/vanishing_gradients.py"


@needs_jit
@pytest.mark.thorough
def test_the_table(tmp_path, capsys):
    figure = tmp_path / "figure.png"
    runpy.run_path(str(SCRIPT))["main"](["--seeds", "1", "--output", str(figure)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    start, end, saturated, error = (
        [float(row[k].rstrip("%")) for row in rows] for k in (-4, -3, -2, -1)
    )
    mean_alone = 1.42
    assert all(r < 1e-4 for r in start[:3]) and all(r < 0.05 for r in start[3:7])
    assert min(start[7:]) > 50
    for stuck in (0, 1, 4):
        assert error[stuck] > mean_alone
    assert end[0] < 1e-4 and end[1] < 1e-30 and end[4] < 1e-30
    for mended in (2, 3, 5, 6):
        assert error[mended] < 0.3 and 0.1 < end[mended] < 10
    assert end[7] > 10 and saturated[7] > 30
    assert end[8] < 50 and end[9] < 10 and max(saturated[8:]) < 5
    assert error[8] < error[7]
    assert figure.stat().st_size > 20_000
