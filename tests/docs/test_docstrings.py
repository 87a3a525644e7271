"""Public docstrings are valid numpydoc, and equal things have equal texts."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
from collections import defaultdict

import pytest
from sklearn.base import BaseEstimator

import fastreg
import fastreg.network
from fastreg.linear_model.state import fitted_attributes

docscrape = pytest.importorskip("numpydoc.docscrape")
validate = pytest.importorskip("numpydoc.validate")

IGNORED = {
    "GL01": "the summary begins on the line of the quotes, as in the whole package",
    "ES01": "a summary may be all there is to say",
    "SA01": "a method has its class to see",
    "EX01": "a method has the example of its class; classes and functions have a test below",
}
NOUNS = ("A", "An", "The", "What", "Whether")  # what a verb does not begin with
# Parameters and attributes that mean several things in estimators, and how many.
TEXTS = {
    "alpha": 3, "alphas": 4, "alpha_bounds": 2, "bounds": 2, "cv": 6, "eps": 2, "l1_ratio": 5,
    "max_features": 2, "max_iter": 4, "penalty": 3, "random_state": 2, "rule": 2, "scoring": 2,
    "solver": 2, "tol": 7, "verbose": 3, "warm_start": 2,
    "alpha_": 4, "classes_": 3, "cv_certificate_": 4, "equal_error_": 2, "error_": 3,
    "error_gradient_": 3, "history_": 3, "intercept_": 2, "n_iter_": 4, "scores_": 2,
}  # fmt: skip


def members(kind: type) -> list[str]:
    """Public methods and properties that a class has from this package."""
    documented = (property, functools.cached_property, classmethod, staticmethod)
    own = [each for each in kind.__mro__ if each.__module__.startswith("fastreg")]
    found = {
        name
        for each in own
        for name, value in vars(each).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, documented))
    }
    return sorted(found)


PUBLIC = {
    name: getattr(module, name)
    for module in (fastreg, fastreg.network)
    for name in module.__all__
    if name != "ConvergenceWarning"  # scikit-learn's
}
CLASSES = {name: each for name, each in PUBLIC.items() if inspect.isclass(each)}
ESTIMATORS = {name: each for name, each in CLASSES.items() if issubclass(each, BaseEstimator)}
RESULTS = {name: each for name, each in CLASSES.items() if dataclasses.is_dataclass(each)}
MEMBERS = {
    f"{name}.{member}": getattr(each, member)
    for name, each in CLASSES.items()
    for member in members(each)
}
CALLABLES = {
    name: each
    for name, each in (PUBLIC | MEMBERS).items()
    if callable(each) and name not in RESULTS and each is not fastreg.DivergenceError
}


def path_of(name: str) -> str:
    """Where numpydoc finds it."""
    owner, _, member = name.partition(".")
    found = PUBLIC[owner]
    return ".".join(filter(None, (found.__module__, found.__qualname__, member)))


def read(each) -> docscrape.NumpyDocString:
    return docscrape.NumpyDocString(inspect.getdoc(each) or "")


def entries(each, section: str) -> dict[str, tuple[str, str]]:
    """name: (type, description), with the stars of a signature."""
    return {one.name: (one.type, " ".join(one.desc)) for one in read(each)[section]}


@pytest.mark.parametrize("name", sorted(PUBLIC | MEMBERS))
def test_it_is_valid_numpydoc(name):
    ignored = IGNORED.keys() | ({"PR01"} if name in RESULTS else set())  # nobody builds a result
    found = validate.validate(path_of(name))["errors"]
    assert [error for error in found if error[0] not in ignored] == []


@pytest.mark.parametrize("name", sorted(CALLABLES.keys() - {"get_num_threads"}))
def test_each_parameter_has_the_default_of_the_signature(name):
    listed = entries(CALLABLES[name], "Parameters")
    types = {key.lstrip("*"): kind for key, (kind, _) in listed.items()}
    for parameter in inspect.signature(CALLABLES[name]).parameters.values():
        if parameter.name == "self":
            continue
        _, given, default = types[parameter.name].partition(", default=")
        assert bool(given) == (parameter.default is not parameter.empty), parameter.name
        if given:
            assert ast.literal_eval(default) == parameter.default, parameter.name


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_lists_all_that_a_fit_sets(name):
    assert entries(ESTIMATORS[name], "Attributes").keys() == fitted_attributes(ESTIMATORS[name])


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_lists_its_fields(name):
    fields = [each.name for each in dataclasses.fields(RESULTS[name])]
    assert list(entries(RESULTS[name], "Attributes")) == fields


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_classes_and_functions_begin_with_a_verb_and_have_an_example(name):
    found = read(PUBLIC[name])
    (summary,) = found["Summary"]
    assert len(summary) < 80 and summary.split()[0] not in NOUNS
    assert found["Examples"]


@pytest.mark.parametrize("name", sorted(ESTIMATORS.keys() - {"StabilitySelection"}))
def test_an_estimator_states_what_it_minimises(name):
    assert re.search(r"minimises.*::", " ".join(read(ESTIMATORS[name])["Notes"]))


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_equal_things_have_equal_texts(section):
    texts = defaultdict(set)
    for name in fastreg.__all__:
        if name in ESTIMATORS:
            for key, (_, text) in entries(ESTIMATORS[name], section).items():
                texts[key].add(text)
    found = {name: len(each) for name, each in texts.items() if len(each) > 1}
    assert found == {name: count for name, count in TEXTS.items() if name in texts}
