"""Files that fastreg 0.1.0 has written in format version 1, with what their models predicted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from saved import assert_same
from sklearn.base import clone

from fastreg import load_model, save_model

HERE = Path(__file__).with_name("models_of_version_1")
KNOWN = json.loads((HERE / "predictions.json").read_text(encoding="utf-8"))
ROWS = np.array(KNOWN.pop("rows"))


def _rows(name):
    """Those of `predictions.json`, as the model had them."""
    if "table" in name:
        pd = pytest.importorskip("pandas")
        return pd.DataFrame({"a": ROWS[:, 0], "city": np.where(ROWS[:, 1] > 0, "Bonn", "Köln")})
    if name == "lasso.json":
        return pytest.importorskip("pandas").DataFrame(ROWS, columns=["a", "größe", "c"])
    return ROWS


def _said(model, rows):
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)


def _stored(file):
    """The coefficients and intercepts of a file, read without fastreg."""
    if file.suffix == ".npz":
        with np.load(file) as archive:
            found = {key: archive[key] for key in archive.files}
    else:
        found = json.loads(file.read_text(encoding="utf-8"))["arrays"]
    return {f"{key}_": np.array(found[key]) for key in ("coef", "intercept")}


@pytest.mark.parametrize("name", KNOWN)
def test_it_predicts_what_it_did(name, tmp_path):
    model = load_model(HERE / name)
    known = KNOWN[name]
    for key, stored in _stored(HERE / name).items():
        assert np.array_equal(getattr(model, key), stored), key
    # Predictions were recorded with NumPy 2.4; an older one sums products in another order.
    rtol = 0.0 if np.lib.NumpyVersion(np.__version__) >= "2.4.0" else 1e-14
    np.testing.assert_allclose(_said(model, _rows(name)), known["predicted"], rtol=rtol)
    fitted = {key: type(each).__name__ for key, each in vars(model).items() if key.endswith("_")}
    assert fitted == known["attributes"]
    for suffix in (".npz", ".json"):  # and is written in the format of today
        save_model(model, tmp_path / f"m{suffix}")
        again = load_model(tmp_path / f"m{suffix}")
        assert_same(model, again)
        assert_same(clone(model), clone(again))


def test_a_class_that_version_1_did_not_have_is_refused(tmp_path):
    state = json.loads((HERE / "ridge.json").read_text())
    (tmp_path / "m.json").write_text(json.dumps(state | {"estimator": "LassoCV"}))
    with pytest.raises(ValueError, match="'LassoCV', which version 1 does not have"):
        load_model(tmp_path / "m.json")
