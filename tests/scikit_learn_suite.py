"""scikit-learn's own tests of linear models, with fastreg's classes in place of its own.

    python -m tests.scikit_learn_suite              all that concern one of those classes
    python -m tests.scikit_learn_suite -k Ridge     arguments go to pytest

The tests are those of the scikit-learn that is installed. What fails on purpose is listed in
`scikit_learn_exceptions.toml` with its reason: names as pytest has them, `*` for any characters.
The exit status is 0 if nothing else fails, and every entry has a test that fails, unless rounding
decides that.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sklearn
import sklearn.linear_model
from sklearn._loss import HalfGammaLoss, HalfPoissonLoss, HalfTweedieLoss

import fastreg

MODULES = (
    "sklearn.linear_model.tests.test_base",
    "sklearn.linear_model.tests.test_common",
    "sklearn.linear_model.tests.test_coordinate_descent",
    "sklearn.linear_model.tests.test_logistic",
    "sklearn.linear_model._glm.tests.test_glm",
    "sklearn.linear_model.tests.test_ridge",
    "sklearn.linear_model.tests.test_sparse_coordinate_descent",
    "sklearn.tests.test_metaestimators_metadata_routing",
)
NAMES = (
    "ElasticNet", "ElasticNetCV", "GammaRegressor", "Lasso", "LassoCV", "LinearRegression",
    "LogisticRegression", "LogisticRegressionCV", "PoissonRegressor", "Ridge", "RidgeCV",
    "TweedieRegressor", "enet_path", "lasso_path",
)  # fmt: skip
OURS = [getattr(fastreg, name) for name in NAMES]
EXCEPTIONS = Path(__file__).with_name("scikit_learn_exceptions.toml")


class Swap:
    """A pytest plugin: the test modules get fastreg's names where they import scikit-learn's."""

    def __init__(self) -> None:
        self.own = {name: getattr(sklearn.linear_model, name) for name in NAMES}
        self.failed: dict[str, str] = {}
        self.passed: set[str] = set()
        self.names: dict[str, str] = {}  # "module::test[case]" of each test

    def pytest_collection(self) -> None:
        for name, value in zip(NAMES, OURS, strict=True):
            setattr(sklearn.linear_model, name, value)
        # Tests of generalised models ask an estimator for its loss, to compute with it.
        fastreg.PoissonRegressor._get_loss = lambda self, **_: HalfPoissonLoss()
        fastreg.GammaRegressor._get_loss = lambda self, **_: HalfGammaLoss()
        fastreg.TweedieRegressor._get_loss = lambda self, **_: HalfTweedieLoss(self.power)

    def pytest_collection_finish(self) -> None:
        """What scikit-learn itself imports from now on is its own."""
        for name, value in self.own.items():
            setattr(sklearn.linear_model, name, value)

    def pytest_collection_modifyitems(self, config: Any, items: list[pytest.Function]) -> None:
        kept = [item for item in items if concerns(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
        for item in items:
            self.names[item.nodeid] = f"{item.module.__name__.rpartition('.')[2]}::{item.name}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = self.names[report.nodeid]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed[name] = str(report.longrepr if crash is None else crash.message)
        elif report.when == "call" and report.passed:
            self.passed.add(name)


def concerns(item: pytest.Function) -> bool:
    """Whether a test, its parameters or a function of its module that it calls is about `OURS`."""
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(map(_is_ours, given)) or _mentions(item.function, set())


def _is_ours(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(_is_ours, value.values() if isinstance(value, dict) else value))
    if isinstance(value, types.FunctionType) and value not in OURS:
        return _mentions(value, set())
    return value in OURS if isinstance(value, type) else type(value) in OURS


def _mentions(function: types.FunctionType, seen: set[types.FunctionType]) -> bool:
    seen.add(function)
    found = [function.__globals__.get(name) for name in _names(function.__code__)]
    inner = (each for each in found if isinstance(each, types.FunctionType) and each not in seen)
    same = (each for each in inner if each.__module__ == function.__module__)
    return any(each is ours for each in found for ours in OURS) or any(
        _mentions(each, seen) for each in same
    )


def _names(code: types.CodeType) -> set[str]:
    nested = (each for each in code.co_consts if isinstance(each, types.CodeType))
    return set(code.co_names).union(*map(_names, nested))


@dataclass(frozen=True)
class Entry:
    """Tests that fail on purpose."""

    tests: str
    reason: str
    varies: bool = False  # whether which of them fail differs from one machine to another

    def covers(self, test: str) -> bool:
        parts = map(re.escape, self.tests.split("*"))
        return re.fullmatch(".*".join(parts), test) is not None


def entries() -> list[Entry]:
    listed = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))["exceptions"]
    return [
        Entry(tests, each["reason"], each.get("varies", False))
        for each in listed
        for tests in each["tests"]
    ]


def run(arguments: list[str]) -> Swap:
    """The outcome of every test."""
    os.environ.setdefault("SKLEARN_SEED", "0")  # else scikit-learn draws one
    swap = Swap()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "pytest.ini")
        empty.write_text("[pytest]\n")
        quiet = ["-c", str(empty), "-p", "no:cacheprovider", "-q", "-rN", "--tb=no"]
        pytest.main([*quiet, "--pyargs", *MODULES, *arguments], plugins=[swap])
    return swap


def main(arguments: list[str]) -> int:
    swap, listed = run(arguments), entries()
    covered = {test for test in swap.failed if any(each.covers(test) for each in listed)}
    unknown = sorted(swap.failed.keys() - covered)
    stale = [each.tests for each in listed if _passes(each, swap)]
    for each in listed:
        if count := sum(map(each.covers, swap.failed)):
            print(f"on purpose, {count}: {each.tests}\n    {each.reason}")
    for test in unknown:
        print(f"FAILED {test}\n    {swap.failed[test]}")
    for tests in stale:
        print(f"LISTED, and passes: {tests}")
    print(
        f"scikit-learn {sklearn.__version__}: {len(swap.passed)} passed, {len(covered)} failed on "
        f"purpose, {len(unknown)} otherwise"
    )
    return int(bool(unknown or stale or not swap.passed))


def _passes(entry: Entry, swap: Swap) -> bool:
    passed, failed = (any(map(entry.covers, names)) for names in (swap.passed, swap.failed))
    return passed and not failed and not entry.varies


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
