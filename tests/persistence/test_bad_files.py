"""Files that are broken or hostile: an error in words, never code that runs or half a model."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from saved import assert_same

import fastreg
from fastreg import load_model, network, save_model

SUFFIXES = [".npz", ".json"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((40, 5))
    return X, X @ [1.0, 0.5, 0.0, -2.0, 1 / 3] + 0.3 * rng.standard_normal(40)


@pytest.fixture(scope="module")
def odds(data):
    rng = np.random.default_rng(1)
    return data[0], (data[0][:, 0] + rng.logistic(size=40) > 0).astype(int)


class Bomb:
    """Leaves a trace if anybody unpickles it."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def _npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _archive_with(name, content, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def _huge_header():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,)}" % 10**15
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64


FOREIGN = {
    "empty.npz": b"",
    "text.npz": b"hello",
    "pickle.npz": pickle.dumps(Bomb()),
    "object.npz": _archive_with("model.npy", b""),
    "bomb.npz": _npz(model=np.array([Bomb()], dtype=object)),
    "bomb in coef.npz": _npz(model=np.zeros(2, np.uint8), coef=np.array([Bomb()], dtype=object)),
    "array.npz": np.lib.format.magic(1, 0),
    "foreign.npz": _npz(X=np.eye(2)),
    "compressed.npz": _archive_with("model.npy", b"0" * 10**6, zipfile.ZIP_DEFLATED),
    "header.npz": _npz(model=np.frombuffer(b"[1, 2", np.uint8)),
    "kind.npz": _npz(model=np.array(["text"])),
    "huge.npz": _archive_with("model.npy", _huge_header()),
    "empty.json": b"",
    "text.json": b"hello",
    "latin.json": b'{"format": "\xff"}',
    "list.json": b"[1, 2]",
    "foreign.json": b'{"coef": [1.0]}',
    "deep.json": b"[" * 200_000,
    "digits.json": b'{"version": ' + b"9" * 10_000 + b"}",
    "pickle.json": pickle.dumps(Bomb()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_and_hostile_files(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(FOREIGN[name])
    with pytest.raises(ValueError, match=r"is not a sound fastreg model: .") as caught:
        load_model(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files(suffix, data, tmp_path):
    path = tmp_path / f"m{suffix}"
    save_model(fastreg.Ridge().fit(*data), path)
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 2, 25).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="not a sound fastreg model"):
            load_model(path)


def _spoilt(path, state, change):
    spoilt = copy.deepcopy(state)
    change(spoilt)
    path.write_text(json.dumps(spoilt))
    return path


def _params(**values):
    return lambda s: s["params"].update(values)


def _set(**values):
    """Attributes, by their names without the last underscore."""
    return lambda s: s["attributes"].update({f"{key}_": each for key, each in values.items()})


def _of_certificate(**values):
    return lambda s: s["attributes"]["certificate_"]["Certificate"].update(values)


def _numbers(*values):
    return {"float64": list(values)}


CHANGES = {
    "version": (lambda s: s.update(version=3, fastreg="9.9"), "version 3, written by fastreg 9.9"),
    "version 0": (lambda s: s.update(version=0), "format version 0"),
    "version text": (lambda s: s.update(version="2"), "format version '2'"),
    "format": (lambda s: s.update(format="model"), "not written by fastreg"),
    "estimator": (lambda s: s.update(estimator="OLS"), "'OLS', which is none of fastreg's"),
    "another class": (lambda s: s.update(estimator="os.system"), "none of fastreg's"),
    "no estimator": (lambda s: s.update(estimator="gradient_report"), "none of fastreg's"),
    "private": (lambda s: s.update(estimator="_LinearRegressor"), "_LinearRegressor"),
    "unhashable": (lambda s: s.update(estimator=["Ridge"]), "estimator"),
    "another estimator": (lambda s: s.update(estimator="Lasso"), "not those of Lasso"),
    "foreign parameter": (_params(evil=1), "evil"),
    "missing parameter": (lambda s: s["params"].pop("alpha"), "alpha"),
    "parameter value": (_params(alpha=-1.0), "alpha"),
    "parameter type": (_params(tol="small"), "tol"),
    "parameter object": (_params(tol={"a": 1}), "parameter tol is not plain data"),
    "parameter certificate": (_params(solver={"L1": {"l1": 1.0}}), "solver"),
    "another object": (_params(tol={"Popen": {"args": "true"}}), "not plain data"),
    "other parts": (_params(tol={"L1": {"l2": 1.0}}), "other parts than a L1"),
    "tag": (_params(tol={"float": "1"}), "tol"),
    "hash": (_params(tol={"dict": [[[], 1.0]]}), "sound"),
    "entry": (_set(coef={"entry": "coef_"}), "coef_ is not plain data"),
    "params": (lambda s: s.update(params=[]), "params"),
    "attributes": (lambda s: s.pop("attributes"), "attributes is missing"),
    "no attributes": (lambda s: s.update(attributes={}), "attributes is missing"),
    "odd attribute": (_set(predict=1), "predict_ is no attribute"),
    "method": (lambda s: s["attributes"].update(predict=1), "predict is no attribute"),
    "features": (_set(n_features_in=4), "coef_ has shape"),
    "features type": (_set(n_features_in=True), "n_features_in_"),
    "features float": (_set(n_features_in=5.0), "n_features_in_"),
    "features negative": (_set(n_features_in=-5), "negative"),
    "names length": (_set(feature_names_in={"object": ["a"]}), "feature_names_in_"),
    "names repeated": (_set(feature_names_in={"object": ["a"] * 5}), "feature_names_in_"),
    "names type": (_set(feature_names_in={"object": [1, 2, 3, 4, 5]}), "feature_names_in_"),
    "encoding": (_set(encoding={"Encoding": {"columns": 3}}), "encoding"),
    "n_iter": (_set(n_iter="x"), "n_iter_"),
    "n_iter missing": (lambda s: s["attributes"].pop("n_iter_"), "n_iter_ is missing"),
    "certificate": (_set(certificate=1.0), "certificate_"),
    "converged": (_of_certificate(converged="yes"), "converged"),
    "converged though": (_of_certificate(converged=False), "its met says otherwise"),
    "passes": (_of_certificate(method=3), "method"),
    "gap shape": (_of_certificate(gap=_numbers(1.0, 2.0)), "has shape"),
    "coef shape": (_set(coef=_numbers([[1.0] * 5])), "coef_ has shape"),
    "coef ragged": (_set(coef=_numbers([1.0], 2.0)), "coef_"),
    "coef text": (_set(coef=_numbers(*"abcde")), "coef_"),
    "coef bools": (_set(coef={"bool": [True] * 5}), "coef_ should hold numbers"),
    "coef list": (_set(coef=["1.0"] * 5), "coef_"),
    "coef list of numbers": (_set(coef=[1.0] * 5), "coef_ should hold numbers, not list"),
    "gap list": (_of_certificate(gap=[1.0]), "certificate_.gap should hold numbers, not list"),
    "coef nan": (_set(coef=_numbers(*["nan"] * 5)), "coef_ holds NaN"),
    "coef none": (_set(coef=_numbers(*[None] * 5)), "coef_"),
    "coef huge": (_set(coef=_numbers(*[10**400] * 5)), "coef_"),
    "coef beyond": (_set(coef={"int8": [1, 2, 3, 4, 300]}), "coef_"),
    "coef huge shape": (_set(coef={"float64": [], "shape": [0, 10**30]}), "sound"),
    "coef negative shape": (_set(coef={"float64": [], "shape": [0, -1]}), "coef_ has shape"),
    "coef of another shape": (_set(coef=_numbers() | {"shape": [5]}), "coef_ has shape"),
    "coef missing": (lambda s: s["attributes"].pop("coef_"), "coef_ is missing"),
    "intercept shape": (_set(intercept=_numbers(1.0, 2.0)), "intercept_"),
    "intercept infinite": (_set(intercept={"float": "inf"}), "intercept_"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_states_that_do_not_fit_together(name, data, tmp_path):
    change, message = CHANGES[name]
    path = tmp_path / "m.json"
    save_model(fastreg.Ridge().fit(*data), path)
    _spoilt(path, json.loads(path.read_text()), change)
    with pytest.raises(ValueError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


OTHER_CHANGES = {
    "classes missing": (lambda s: s["attributes"].pop("classes_"), "classes_ is missing"),
    "one class": (_set(classes={"int64": [1]}), "labels, ascending"),
    "descending": (_set(classes={"int64": [1, 0]}), "labels, ascending"),
    "mixed": (_set(classes={"int64": [0, "a"]}), "classes_ holds 'a'"),
    "kind": (_set(classes={"void8": [0, 1]}), "classes_ is not plain data"),
    "too large": (_set(classes={"int8": [0, 300]}), "sound"),
    "coef of two": (_set(coef=_numbers([0.0] * 5, [0.0] * 5)), "2 rows for 2 classes"),
    "scores": (_set(scores=_numbers([1.0])), "scores_ has shape"),
    "scores missing": (lambda s: s["attributes"].pop("scores_"), "scores_ is missing"),
    "paths": (_set(coefs_paths={"float64": [[[[[1.0] * 5]] * 2]] * 3}), "coefs_paths_ has shape"),
    "other class": (_set(scores={"dict": [[0, {"float64": [[[1.0] * 2]] * 3}]]}), r"not of \[1\]"),
}


@pytest.mark.parametrize("name", OTHER_CHANGES)
def test_states_of_classifiers_that_do_not_fit_together(name, odds, tmp_path):
    change, message = OTHER_CHANGES[name]
    path = tmp_path / "m.json"
    save_model(fastreg.LogisticRegressionCV(Cs=2, cv=3).fit(*odds), path)
    _spoilt(path, json.loads(path.read_text()), change)
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_strengths_that_are_not_those_of_their_groups_are_refused(odds, tmp_path):
    path = tmp_path / "m.json"
    save_model(fastreg.AdaptiveLogisticRegression([0, 0, 1, 1, 1], cv=2, tol=1e-2).fit(*odds), path)
    state = json.loads(path.read_text())
    wrong = {"group_alphas": _numbers(1.0, 2.0), "history": 1.0, "error_gradient": _numbers(0.0)}
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=r"has shape|is not that of the groups"):
            load_model(_spoilt(path, state, _set(**{name: value})))


def test_a_network_whose_layers_do_not_meet_is_refused(data, tmp_path):
    path = tmp_path / "m.json"
    net = network.MLPRegressor(
        (2, 3), solver="lbfgs", activation="tanh", tol=1e-2, max_iter=2000, random_state=0
    )
    save_model(net.fit(*data), path)
    state = json.loads(path.read_text())
    for change in (
        _params(hidden_layer_sizes={"tuple": [3, 2]}),
        _params(hidden_layer_sizes=10**12),
        lambda s: s["attributes"]["coefs_"].pop(),
        lambda s: s["attributes"]["intercepts_"].reverse(),
        lambda s: s["attributes"].update(_flat=3),
        _set(n_layers=7),
        _set(n_outputs=2),
        _set(gradient_report={"GradientReport": {"history": [], "activation": "", "decay": 0.0}}),
    ):
        with pytest.raises(ValueError, match="not a sound fastreg model"):
            load_model(_spoilt(path, state, change))


def test_numbers_that_json_has_not_are_refused(data, tmp_path):
    path = tmp_path / "m.json"
    save_model(fastreg.Ridge().fit(*data), path)
    text = path.read_text()
    for word in ("NaN", "Infinity", "-Infinity"):
        path.write_text(text.replace('"alpha": 1.0', f'"alpha": {word}'))
        with pytest.raises(ValueError, match=f"{word} is no JSON"):
            load_model(path)


def _edited(path, change):
    """An archive whose arrays have been changed."""
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    path.write_bytes(_npz(**arrays))
    return path


ARCHIVES = {
    "complex": (lambda a: a.update(coef_=a["coef_"] * 1j), "has dtype complex128"),
    "other order": (lambda a: a.update(coef_=a["coef_"].astype(">f8")), "has dtype >f8"),
    "records": (lambda a: a.update(coef_=np.zeros(5, [("a", "f8")])), "has dtype"),
    "texts": (lambda a: a.update(coef_=np.array(["a"] * 5)), "has dtype <U1"),
    "missing": (lambda a: a.pop("coef_"), "array 'coef_' is missing"),
    "shape": (lambda a: a.update(coef_=a["coef_"][:4]), "coef_ has shape"),
    "model": (lambda a: a.update(model=a["model"].astype(float)), "its text has dtype"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_with_other_arrays(name, data, tmp_path):
    change, message = ARCHIVES[name]
    save_model(fastreg.Ridge().fit(*data), tmp_path / "m.npz")
    with pytest.raises(ValueError, match=message):
        load_model(_edited(tmp_path / "m.npz", change))


# ------------------------------------------------------------------ at random

OLD = Path(__file__).with_name("models_of_version_1")


@pytest.fixture(scope="module")
def models(data, odds):
    X, y = data
    path = fastreg.path(X, y, alphas=3)
    net = network.MLPRegressor((2,), max_iter=2, tol=0.0, random_state=0)
    return {
        "Ridge": fastreg.Ridge().fit(X, np.stack([y, -y], 1)),
        "LassoCV": fastreg.LassoCV(alphas=2, cv=2).fit(X, y),
        "RidgeCV": fastreg.RidgeCV(store_cv_results=True).fit(X[:6], y[:6]),
        "AdaptiveRidge": fastreg.AdaptiveRidge([0, 0, 1, 1, 1], cv=2, tol=1e-2).fit(X, y),
        "LogisticRegressionCV": fastreg.LogisticRegressionCV(Cs=2, cv=2).fit(*odds),
        "StabilitySelection": fastreg.StabilitySelection(n_pairs=2, random_state=0).fit(X, y),
        "MLPRegressor": net.fit(X, y),
        "MLPRegressorCV": network.MLPRegressorCV([1.0], estimator=net, cv=2).fit(X, y),
        "Path": path,
        "Relaxed": path.relax(),
    }


MODELS = ("Ridge", "LassoCV", "RidgeCV", "AdaptiveRidge", "LogisticRegressionCV", "MLPRegressor",
          "StabilitySelection", "MLPRegressorCV", "Path", "Relaxed")  # fmt: skip
POOL = (None, True, 0, -1, 7, 1e308, "inf", "nan", "x", [], {}, [[]], {"float64": [1.0]}, 10**30,
        {"dict": []}, {"L1": {"l1": 1.0}}, {"entry": "coef_"}, "Ridge")  # fmt: skip


def _places(value, path=()):
    """The ways to all values within one, this one among them."""
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(each, (*path, key))


def _edit(state, rng):
    """A copy with one value removed, repeated, or replaced by one of the pool or of the state."""
    state = copy.deepcopy(state)
    places = [*_places(state)][1:]
    *way, last = places[rng.integers(len(places))]
    owner = state
    for key in way:
        owner = owner[key]
    kind = rng.integers(4)
    if kind == 0:
        owner.pop(last)
    elif kind == 1:
        other = state
        for key in places[rng.integers(len(places))]:
            other = other[key]
        owner[last] = copy.deepcopy(other)
    elif kind == 2 and isinstance(owner, list):
        owner.append(owner[last])
    else:
        owner[last] = POOL[rng.integers(len(POOL))]
    return state


def _check_file(path, X):
    """Whether it loads. What loads is sound: it predicts, prints, and can be saved again."""
    try:
        model, told = load_model(path), ""
    except ValueError as error:
        told = str(error)
    if told:
        assert str(path) in told
        return False
    again = path.with_suffix(".again.json")
    save_model(model, again)
    assert_same(model, load_model(again))
    for told in (model, getattr(model, "certificate_", None), getattr(model, "cv_certificate_", 0)):
        assert str(told)
    if hasattr(model, "predict") and not hasattr(model, "feature_names_in_"):
        X = X[:, : getattr(model, "n_features_in_", 5)]
        found = _predicted(model, X)
        assert found is None or len(found) == len(X)
    return True


def _predicted(model, X):
    """None where numbers that were spoilt are too large to be added up, which is said in words."""
    with np.errstate(all="ignore"):
        try:
            return model.predict(X)
        except ValueError:
            return None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.thorough)])
def test_edited_values_end_in_words_or_in_a_model(name, count, models, data, tmp_path):
    path = tmp_path / "m.json"
    save_model(models[name], path)
    state, rng = json.loads(path.read_text()), np.random.default_rng(count)
    assert _check_file(path, data[0])
    refused = 0
    for _ in range(count):
        path.write_text(json.dumps(_edit(state, rng)))
        refused += not _check_file(path, data[0])
    assert refused > count / 4


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.thorough)])
def test_flipped_bytes_end_in_words_or_in_a_model(name, suffix, count, models, data, tmp_path):
    path = tmp_path / f"m{suffix}"
    save_model(models[name], path)
    content, rng = path.read_bytes(), np.random.default_rng(count)
    for place in rng.integers(0, len(content), count):
        broken = bytearray(content)
        broken[place] ^= 1 << rng.integers(8)
        path.write_bytes(broken)
        _check_file(path, data[0])


@pytest.mark.parametrize("name", sorted(each.name for each in OLD.glob("*.*")))
def test_files_of_version_1_that_were_edited(name, data, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / name
    content = (OLD / name).read_bytes()
    for _ in range(60):
        if path.suffix == ".json":
            path.write_text(json.dumps(_edit(json.loads(content), rng)))
        else:
            broken = bytearray(content)
            broken[rng.integers(len(content))] ^= 0xFF
            path.write_bytes(broken)
        _check_file(path, data[0])
