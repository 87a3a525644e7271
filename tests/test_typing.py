"""Types that an editor sees: `fit` gives the estimator, `predict` an array, `path` a `Path`."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import fastreg
from fastreg import network

ROOT = Path(__file__).parents[1]
RETURNS = {
    "fit": "Self",
    "partial_fit": "Self",
    "predict": "Array",
    "predict_proba": "Array",
    "predict_log_proba": "Array",
    "decision_function": "Array",
}
ESTIMATORS = [
    getattr(package, name)
    for package in (fastreg, network)
    for name in package.__all__
    if hasattr(getattr(package, name), "fit")
]


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_methods_say_what_they_return(kind):
    for name, returned in RETURNS.items():
        if hasattr(kind, name):
            assert inspect.signature(getattr(kind, name)).return_annotation == returned, name


def _mypy(text, folder):
    """What mypy says of a file, in its words."""
    pytest.importorskip("mypy")
    file = folder / "surface.py"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.mark.thorough
def test_mypy_agrees(tmp_path):
    text = (ROOT / "tests" / "typed_surface.py").read_text(encoding="utf-8")
    assert "error" not in _mypy(text, tmp_path)
    wrong = _mypy(text.replace("fit(X, y), fastreg.Lasso)", "fit(X, y), fastreg.Ridge)"), tmp_path)
    assert wrong.count("error") == 1 and 'of type "Lasso", not "Ridge"' in wrong.replace(
        "fastreg.linear_model.elastic_net.", ""
    )
