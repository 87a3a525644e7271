"""The gallery's classifier: what it prints, and that its answers are certified."""

import re
import runpy
import warnings
from pathlib import Path

from conftest import needs_jit

SCRIPT = Path(__file__).resolve().parents[2] / "docs/examples/breast_cancer.py"


@needs_jit
def test_breast_cancer(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runpy.run_path(str(SCRIPT))["main"]()
    printed = capsys.readouterr().out
    assert "first to enter: worst" in printed
    count = int(re.search(r"chosen: C = \S+, (\d+) features", printed)[1])
    assert 5 <= count <= 15
    assert float(re.search(r"held-out deviance: (\S+)", printed)[1]) < 0.25
    ratios = [float(each) for each in re.findall(r"odds of malignant × (\S+)", printed)]
    assert len(ratios) == 5 and max(ratios) > 3.0
    assert len(re.findall(r"(fit|choice): .*reached", printed)) == 2 and "NOT" not in printed
