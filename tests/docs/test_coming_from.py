"""What the pages for users of other packages say, against those packages: names, scales, blocks."""

from __future__ import annotations

import functools
import inspect
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from conftest import needs_jit

import fastreg
import fastreg.paths
from tests.docs import other_packages, pages

pytestmark = needs_jit


def run(page: str) -> dict[str, Any]:
    """What the blocks of a page define; each but the first, of the data, asserts something."""
    scope: dict[str, Any] = {}
    first, *others = pages.code(other_packages.text_of(page), "python")
    exec(first, scope)
    for block in others:
        assert "assert" in block, block
        exec(block, scope)
    return scope


def data_of(page: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(pages.code(other_packages.text_of(page), "python")[0], scope)
    return scope


def tight(function: Any, **options: Any) -> Any:
    """A function, or class, fitted as far as rounding goes unless told otherwise."""
    takes = inspect.signature(function).parameters
    wanted = {"tol": 1e-12, "max_iter": 100_000} | options
    return functools.partial(function, **{k: v for k, v in wanted.items() if k in takes})


def all_tight(module: Any, names: list[str]) -> dict[str, Any]:
    return {name: tight(getattr(module, name)) for name in names if name[0] != "_"}


OURS = all_tight(fastreg, ["LinearRegression", "Ridge", "Lasso", "ElasticNet"])
OURS |= all_tight(fastreg, ["LogisticRegression", "LinearSVC"])
OURS |= all_tight(fastreg, ["PoissonRegressor", "GammaRegressor", "TweedieRegressor"])
OURS |= all_tight(fastreg, ["NegativeBinomialRegressor", "path"])
OURS |= {name: functools.partial(getattr(fastreg, name), tol=1e-12)
         for name in ("lasso_path", "enet_path")}  # fmt: skip
IN_SCOPE = {name: getattr(fastreg, name) for name in fastreg.__all__}


@functools.cache
def example(kind: type) -> Any:
    """A fitted instance of a class of fastreg, or scikit-learn."""
    X = np.random.default_rng(0).standard_normal((30, 2))
    classes = any(name in kind.__name__ for name in ("Logistic", "SVC"))
    y = (X[:, 0] > 0).astype(int) if classes else 1.0 + np.arange(30.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind().fit(X, y)


def check_names(page: str, theirs: dict[str, Any], make: Any = example) -> None:
    """Each row of the table of names is true on both sides."""
    found = other_packages.rows(other_packages.section(other_packages.text_of(page), "Names"))
    assert len(found) > 10
    for row in found:
        their, our = row[:2]
        for span in other_packages.spans(their):
            other_packages.check(span, theirs, make)
        for span in other_packages.spans(our):
            other_packages.check(span, IN_SCOPE, example)


def check_scales(page: str, theirs: dict[str, Any], rtol: float = 1e-6) -> int:
    """Each pair of the table of scales gives equal coefficients; how many there are."""
    scope, count = data_of(page), 0
    for row in other_packages.rows(other_packages.section(other_packages.text_of(page), "Scales")):
        if len(row) != 2 or not (row[0].startswith("`") and row[1].startswith("`")):
            continue
        (their,), (our,) = map(other_packages.spans, row)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of how far the others went
            a = eval(their, scope | theirs)
        other_packages.assert_same(a, eval(our, scope | OURS), f"{their} and {our}", rtol)
        count += 1
    return count


def missing_of(page: str) -> list[str]:
    """The names that a page says fastreg has not."""
    lines = re.findall(
        r"^- (.*?): not in fastreg",
        other_packages.section(other_packages.text_of(page), "Not in fastreg"),
        re.M,
    )
    return [span for line in lines for span in other_packages.spans(line)]


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9),
    reason="the page speaks of scikit-learn 1.9",
)
class TestScikitLearn:
    page = "scikit-learn"

    def test_its_blocks_run(self):
        run(self.page)

    def test_its_names_and_defaults_are_those_of_both(self):
        linear_model, svm = map(pytest.importorskip, ("sklearn.linear_model", "sklearn.svm"))
        check_names(self.page, vars(svm) | vars(linear_model))

    def test_other_defaults_are_equal(self):
        from sklearn import linear_model, svm

        theirs = vars(svm) | vars(linear_model)
        said = {
            other_packages.named(span)[:2]
            for row in other_packages.rows(
                other_packages.section(other_packages.text_of(self.page), "Names")
            )
            for span in other_packages.spans(row[0])
        }
        for name in set(fastreg.__all__) & set(theirs):
            kinds = theirs[name], getattr(fastreg, name)
            a, b = (inspect.signature(kind).parameters for kind in kinds)
            for shared in set(a) & set(b):
                if a[shared].default != b[shared].default:
                    assert (name, shared) in said, (name, a[shared], b[shared])

    def test_its_scales_give_the_same_minimisers(self):
        import sklearn.linear_model as theirs
        from sklearn.svm import LinearSVC

        scope = all_tight(theirs, ["Ridge", "Lasso", "ElasticNet"])
        scope |= {"LinearRegression": theirs.LinearRegression, "LinearSVC": tight(LinearSVC)}
        regressors = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")
        for name in ("LogisticRegression", *regressors):
            scope[name] = tight(getattr(theirs, name), solver="newton-cholesky")
        for name in ("lasso_path", "enet_path"):
            scope[name] = functools.partial(getattr(theirs, name), tol=1e-12)
        assert check_scales(self.page, scope) == 37

    def test_what_is_not_in_fastreg_is_in_scikit_learn(self):
        import sklearn.linear_model as theirs

        names = missing_of(self.page)
        assert len(names) > 15
        for name in names:
            assert hasattr(theirs, name) and name not in fastreg.__all__


def fitted_by_statsmodels() -> dict[str, Any]:
    """Results to look for names on, which their classes have not all."""
    import statsmodels.api as sm

    X, y = np.random.default_rng(0).standard_normal((30, 2)), np.arange(30) % 2
    models = {"RegressionResults": sm.OLS(y, X).fit(), "GLMResults": sm.GLM(y, X).fit()}
    return models | {"LogitResults": sm.Logit(y, X).fit(disp=0)}


class TestStatsmodels:
    page = "statsmodels"

    @pytest.fixture(autouse=True)
    def _api(self):
        self.api = pytest.importorskip("statsmodels.api")

    def test_its_blocks_run(self):
        run(self.page)

    def test_its_names_and_defaults_are_those_of_both(self):
        check_names(self.page, vars(self.api) | fitted_by_statsmodels())

    def test_its_scales_give_the_same_minimisers(self):
        assert check_scales(self.page, {}) == 26

    def test_what_is_not_in_fastreg_is_in_statsmodels(self):
        names = missing_of(self.page)
        assert len(names) > 15
        for name in names:
            other_packages.check(name, vars(self.api), example)
            assert name not in fastreg.__all__


class TestGlum:
    page = "glum"

    @pytest.fixture(autouse=True)
    def _glum(self):
        self.glum = pytest.importorskip("glum")

    def test_its_blocks_run(self):
        run(self.page)

    def test_its_names_and_defaults_are_those_of_both(self):
        def fitted(kind: type) -> Any:
            rng = np.random.default_rng(0)
            X, noise = rng.standard_normal((30, 2)), rng.standard_normal(30)
            return kind(l1_ratio=0.5, n_alphas=3).fit(X, noise)

        check_names(self.page, vars(self.glum), fitted)

    def test_its_scales_give_the_same_minimisers(self):
        model = functools.partial(
            self.glum.GeneralizedLinearRegressor, gradient_tol=1e-12, max_iter=10_000
        )
        assert check_scales(self.page, {"GeneralizedLinearRegressor": model}) == 25

    def test_what_is_not_in_fastreg_is_in_glum(self):
        names = missing_of(self.page)
        assert len(names) > 2
        for name in names:
            assert hasattr(self.glum, name) and name not in fastreg.__all__


RECORDED = Path(__file__).resolve().parents[1] / "fixtures" / "glmnet.json"
SCRIPT = RECORDED.with_name("glmnet_vignette.R")


def write_stand_ins(folder: Path) -> None:
    """Data that scikit-learn has, in place of the vignette's, which belongs to glmnet."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    np.savetxt(folder / "quickstart.txt", np.c_[X, y / 64.0][:440])
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:560, [1, 4, 8, 9, 11, 14, 17, 18]]
    unit = 2.0 ** np.ceil(np.log2(X.std(axis=0)))
    np.savetxt(folder / "binomial.txt", np.c_[X / unit, y[:560]])


def by_r(folder: Path, *stand_ins: Path) -> dict[str, Any]:
    """What the R of the page computes now."""
    page = other_packages.FOLDER / "glmnet.md"
    command = ["Rscript", str(SCRIPT), str(page), str(folder / "r.json"), *map(str, stand_ins)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return json.loads((folder / "r.json").read_text(encoding="utf-8"))


def has_r() -> bool:
    """Whether R is there, with the packages of the page."""
    if shutil.which("Rscript") is None:
        return False
    program = "library(glmnet); library(MASS); library(statmod)"
    return subprocess.run(["Rscript", "-e", program], capture_output=True).returncode == 0


LIVE = [pytest.param(name, marks=pytest.mark.thorough) for name in ("stand-ins", "vignette")]


@pytest.fixture(scope="module", params=["recorded", *LIVE])
def r(request, tmp_path_factory):
    """Numbers of R: those recorded, the same computed now, or those of the vignette's own data."""
    folder = tmp_path_factory.mktemp("glmnet")
    write_stand_ins(folder)
    if request.param == "recorded":
        found = json.loads(RECORDED.read_text(encoding="utf-8"))
    elif not has_r():
        pytest.skip("there is no R with glmnet, MASS and statmod")
    else:
        found = by_r(folder, *([folder] if request.param == "stand-ins" else []))
    return folder, found


def array_of(recorded: dict[str, Any]) -> np.ndarray:
    return np.array(recorded["by_column"], float).reshape(recorded["shape"], order="F")


def normal(r_code: str) -> str:
    return r_code.replace("'", '"').replace(" ", "")


class TestGlmnet:
    page = "glmnet"
    text = other_packages.text_of("glmnet")

    def run(self, folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 1 << 10) -> Any:
        monkeypatch.chdir(folder)
        scope: dict[str, Any] = {}
        for block in pages.code(self.text, "python")[:count]:
            exec(block, scope)
        return scope

    def test_recorded_numbers_are_of_this_page(self, r):
        assert r[1]["blocks"] == [block.rstrip("\n") for block in pages.code(self.text, "r")]

    def test_its_blocks_give_the_numbers_of_r(self, r, monkeypatch):
        folder, recorded = r
        scope = self.run(folder, monkeypatch)
        found = recorded["values"]
        assert len(found) > 50
        for name, value in found.items():
            own = np.squeeze(scope[f"{name}_" if name == "lambda" else name] * 1.0)
            expected = np.squeeze(array_of(value))
            assert own.shape == expected.shape, name
            off = np.abs(own - expected).max() / np.abs(expected).max()
            assert off <= 1e-6, f"{name}: off by {off:.1e} of the largest"

    def test_each_block_has_a_twin_that_computes_something(self):
        r_blocks, python_blocks = (pages.code(self.text, name) for name in ("r", "python"))
        found = json.loads(RECORDED.read_text(encoding="utf-8"))["values"]
        assert len(r_blocks) == len(python_blocks)
        for block in r_blocks[1:]:
            assert set(re.findall(r"^(\w+) <-", block, re.M)) & set(found), block

    def test_its_scales_give_the_same_minimisers(self, r, monkeypatch):
        folder, recorded = r
        scope, seen = self.run(folder, monkeypatch, 1), set()
        for row in other_packages.rows(other_packages.section(self.text, "Scales")):
            (their,), (our,) = map(other_packages.spans, row)
            intercept, *coefs = array_of(recorded["scales"][their])
            path = np.squeeze(np.vstack([coefs, intercept]))
            own = np.squeeze(other_packages.answer(eval(our, scope | OURS)))
            assert own.shape == path.shape, their
            off = np.abs(own - path).max() / np.abs(path).max()
            assert off <= 1e-6, f"{their} and {our}: off by {off:.1e}"
            seen.add(their)
        assert seen == set(recorded["scales"]) and len(seen) == 32

    def test_its_names_and_defaults_are_those_of_both(self, r):
        _, recorded = r
        found = other_packages.rows(other_packages.section(self.text, "Names"))
        assert len(found) > 30
        for row in found:
            for span in other_packages.spans(row[0]):
                name, _, part = span.partition("$")
                if part:
                    assert part in recorded["parts"][name], span
                    continue
                name, argument, default = re.fullmatch(
                    r"([\w.]+?)(?:\(([\w.]+)(?:=(.*))?\))?", span
                ).groups()
                takes = recorded["defaults"][name]
                assert argument is None or argument in takes, span
                assert default is None or normal(default) == normal(takes[argument]), span
            for span in other_packages.spans(row[1]):
                other_packages.check(span, IN_SCOPE | {"Selected": fastreg.paths.Selected}, example)

    def test_what_is_not_in_fastreg_is_in_glmnet(self, r):
        defaults, names = r[1]["defaults"], missing_of(self.page)
        assert len(names) > 9
        for name in names:
            function, argument, _ = other_packages.named(name)
            if function in defaults:
                assert argument is None or argument in defaults[function]
                assert argument not in inspect.signature(fastreg.path).parameters
            else:
                assert f'"{function}"' in defaults["glmnet"]["family"]
                with pytest.raises(ValueError, match="family must be one of"):
                    fastreg.path([[0.0], [1.0]], [0.0, 1.0], family=function)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """(X, y) of either family, and the numbers of R."""
    folder = tmp_path_factory.mktemp("stand-ins")
    write_stand_ins(folder)
    tables = [np.loadtxt(folder / f"{name}.txt") for name in ("quickstart", "binomial")]
    values = json.loads(RECORDED.read_text(encoding="utf-8"))["values"]
    found = {name: array_of(value) for name, value in values.items()}
    return [(each[:, :-1], each[:, -1]) for each in tables], found


class TestGlmnetWithoutStandardize:
    """What `standardize=True` has to give, by factors and copies: numbers of R."""

    def test_a_lasso_has_deviations_for_factors(self, stand_ins):
        ((X, y), _), r = stand_ins
        found = fastreg.path(X, y, alphas=100, eps=1e-4, penalty_factor=X.std(axis=0), tol=1e-12)
        np.testing.assert_allclose(found.alphas, r["lambda"], rtol=1e-9)
        np.testing.assert_allclose(found.coefs, r["beta"], atol=1e-6 * np.abs(r["beta"]).max())
        np.testing.assert_allclose(found.explained, r["dev_ratio"], atol=1e-6)
        np.testing.assert_allclose(found.null_deviance, r["nulldev"])

    def test_an_elastic_net_has_scaled_columns_and_the_unit_of_y(self, stand_ins):
        ((X, y), _), r = stand_ins
        w = np.repeat([1.0, 2.0], [50, len(y) - 50])
        spread = np.sqrt(np.cov(np.c_[X, y].T, aweights=w, ddof=0).diagonal())
        share = 0.2 + 0.8 / spread[-1]
        found = fastreg.path(
            X / spread[:-1], y, l1_ratio=0.2 / share, sample_weight=w, alphas=20, eps=1e-4,
            tol=1e-12,
        )  # fmt: skip
        np.testing.assert_allclose(found.alphas / share, r["lambda_w"], rtol=1e-9)
        coefs = found.coefs / spread[:-1, None]
        np.testing.assert_allclose(coefs, r["beta_w"], atol=1e-6 * np.abs(coefs).max())

    def test_bounds_are_in_the_units_of_x(self, stand_ins):
        ((X, y), _), r = stand_ins
        found = fastreg.path(
            X, y, alphas=r["lambda"], bounds=(-0.7, 0.5), penalty_factor=X.std(axis=0), tol=1e-12
        )
        np.testing.assert_allclose(found.coefs, r["beta_b"], atol=1e-6)

    def test_classes(self, stand_ins):
        (_, (X, y)), r = stand_ins
        found = fastreg.path(
            X, y, family="binomial", alphas=r["blambda"], penalty_factor=X.std(axis=0), tol=1e-12
        )
        np.testing.assert_allclose(found.coefs, r["bbeta"], atol=1e-6 * np.abs(r["bbeta"]).max())
        np.testing.assert_allclose(found.explained, r["bdev"], atol=1e-6)
