"""Numbers, dates, texts with many values and missing ones, from Parquet, in one command."""

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg.cli import main

pytest.importorskip("pyarrow")
flights = pytest.importorskip("benchmarks.flights")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("flights") / "flights.parquet"
    flights.write(path, rows=30_000, tails=400)
    return path


@needs_jit
def test_one_command_from_a_table_to_a_model(path, capsys):
    saved = path.with_name("delay.npz")
    options = ["--target", "arr_delay", "--missing", "indicator", "--standardize"]
    options += ["--cv", "5", "--save", str(saved)]
    assert main(["fit", str(path), "--model", "lasso", *options]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "Parquet" in out and "reached" in out
    model = fastreg.load_model(saved)
    coef = dict(zip(model.feature_names_in_, model.coef_, strict=True))
    assert coef["carrier=C0003"] == pytest.approx(8.0, abs=2.0)
    assert coef["dest=D0040"] == pytest.approx(-9.0, abs=3.0)
    late, early = (
        np.mean([coef[f"time_hour hour={h}"] for h in hours]) for hours in ((20, 21), (2, 3))
    )
    assert late - early == pytest.approx(0.8 * 18, abs=3.0)
    assert coef["year"] == 0.0 and "tailnum=(missing)" in coef
    assert main(["predict", str(saved), str(path), "--out", str(path.with_name("p.csv"))]) == 0
    predicted = np.loadtxt(path.with_name("p.csv"), skiprows=1)
    assert predicted.tobytes() == model.predict(path).tobytes() and len(predicted) == 30_000
    capsys.readouterr()


def test_the_same_from_blocks(path):
    whole = fastreg.read(path, "arr_delay", missing="indicator")
    assert whole.fits and whole.is_sparse
    found = fastreg.Ridge().fit(whole)
    blocks = fastreg.read(path, "arr_delay", missing="indicator", memory=0)
    assert not blocks.fits
    streamed = fastreg.Ridge().fit(blocks)
    np.testing.assert_allclose(streamed.coef_, found.coef_, atol=1e-7)
