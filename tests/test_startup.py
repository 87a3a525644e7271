"""Importing is light, and what is compiled once is not compiled again."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import needs_jit

import fastreg


def python(program, **environment):
    """What a program prints. Bytecode is kept, as in an installed package: where Python may not
    keep it, a first fit compiles 80 modules of ours and none of an installed peer (0.3 s)."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_loads_nothing_heavy():
    heavy = ["numpy", "numba", "scipy", "sklearn", "matplotlib", "pandas", "rich", "pyarrow"]
    program = f"import sys, fastreg; print(*[m for m in {heavy!r} if m in sys.modules])"
    assert python(program) == []


def test_gradient_needs_no_scikit_learn_and_no_plotting():
    program = (
        "import sys, fastreg; fastreg.gradient([[1.0]], [1.0], [1.0], 1.0);"
        "print(*[m for m in ('sklearn', 'matplotlib', 'pandas', 'rich') if m in sys.modules])"
    )
    assert python(program) == []


def test_a_path_needs_no_scikit_learn():
    program = (
        "import sys, fastreg; fastreg.path([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], alphas=2);"
        "print(*[m for m in sys.modules if m.startswith('sklearn')])"
    )
    assert python(program) == []


def test_the_linear_path_loads_no_network():
    program = (
        "import sys, fastreg; fastreg.Lasso(alpha=0.1).fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]);"
        "print(*[m for m in sys.modules if m.startswith('fastreg.network')])"
    )
    assert python(program) == []


def test_the_network_is_there_without_an_import_of_its_own():
    program = (
        "import sys, fastreg; print('fastreg.network' in sys.modules, 'network' in dir(fastreg));"
        "print(fastreg.network.MLPRegressor.__name__)"
    )
    assert python(program) == ["False", "True", "MLPRegressor"]


def test_losses_are_there_without_an_import_of_their_own():
    program = (
        "import sys, fastreg; print('fastreg.losses' in sys.modules, 'losses' in dir(fastreg));"
        "print(fastreg.losses.Tweedie(1.5).power)"
    )
    assert python(program) == ["False", "True", "1.5"]


def test_a_fit_in_memory_loads_no_reader_of_tables():
    program = (
        "import sys, fastreg; fastreg.Lasso(alpha=0.1).fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]);"
        "print(*[m for m in sys.modules if m.startswith('fastreg.sources.')])"
    )
    assert not {name.rpartition(".")[2] for name in python(program)} & {
        "cluster",
        "csv_files",
        "encoding",
        "formats",
        "opening",
        "tables",
    }


@pytest.mark.thorough
def test_loading_leaves_the_collector_as_it_was():
    """On stays on, off stays off, and what a program froze stays frozen."""
    program = (
        "import gc, fastreg; {before}; fastreg.Lasso;"
        "print(gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    for before, found in (
        ("pass", ["True", "False"]),
        ("gc.disable()", ["False", "False"]),
        ("gc.freeze()", ["True", "True"]),
    ):
        assert python(program.format(before=before)) == found


def test_every_public_name_resolves():
    for name in fastreg.__all__:
        assert getattr(fastreg, name) is not None
    assert set(fastreg.__all__) <= set(dir(fastreg))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = fastreg.nothing


FIRST_FIT = (
    "import time; start = time.perf_counter()\n"
    "import numpy as np\n"
    "from {library} import Lasso\n"
    "X = np.random.default_rng(0).standard_normal((1000, 20))\n"
    "Lasso(alpha=0.1).fit(X, X[:, 0])\n"
    "print(time.perf_counter() - start)"
)

# What Numba takes for two functions of NumPy. A cold first fit takes 3.2 to 3.8 times that (Zen 3,
# 2.4 GHz: 14 to 18 s against 3.8 to 5.7), and 7.7 to 8.7 s on a Zen 4.
YARDSTICK = (
    "import time, numba, numpy as np\n"
    "start = time.perf_counter()\n"
    "numba.njit(lambda a: np.median(a) + np.sort(a)[0])(np.arange(9.0))\n"
    "print(time.perf_counter() - start)"
)


@needs_jit
@pytest.mark.timed
@pytest.mark.thorough
def test_first_fit_is_quick(tmp_path):
    """Cached within 0.5 s of scikit-learn's own first fit, imports included, or of half of it where
    that alone takes more than a second: both import pandas where there is one (0.3 s). Cold under
    10 s, or where the machine is slow 4 yardsticks and scikit-learn's. Each the least of some."""
    ours, theirs = (FIRST_FIT.format(library=name) for name in ("fastreg", "sklearn.linear_model"))
    cold, yardsticks = [], []
    for empty in ("a", "b"):
        cold.append(float(python(ours, NUMBA_CACHE_DIR=str(tmp_path / empty))[0]))
        yardsticks.append(float(python(YARDSTICK)[0]))
        if min(cold) < 10.0:
            break
    seconds: dict[str, list[float]] = {ours: [], theirs: []}
    for _ in range(6):  # in turn: the speed of a machine drifts
        for each, found in seconds.items():
            found.append(float(python(each, NUMBA_CACHE_DIR=str(tmp_path / "a"))[0]))
        cached, peer = map(min, seconds.values())
        if len(seconds[ours]) > 2 and cached < peer + 0.5:
            break
    assert cached < peer + max(0.5, 0.5 * peer)
    assert min(cold) < max(10.0, 4.0 * min(yardsticks) + peer)


@needs_jit
@pytest.mark.timed
@pytest.mark.thorough
@pytest.mark.parametrize(
    "fit",
    [
        "LogisticRegression().fit(X, y > 1)",
        "LogisticRegression(l1_ratio=1.0).fit(X, np.arange(200) % 4)",
        "PoissonRegressor().fit(X, y)",
        "GammaRegressor().fit(X, y)",
        "TweedieRegressor(power=1.5).fit(X, y)",
        "TweedieRegressor(power=3.0).fit(X, y)",
        "NegativeBinomialRegressor().fit(X, np.floor(3 * y))",
    ],
)
def test_a_first_fit_of_each_family_is_as_quick_as_that_of_a_ridge(fit):
    """Within 0.3 s, cached, in a new process, the least of some by turns."""
    program = (
        "import time; start = time.perf_counter()\n"
        "import numpy as np, fastreg\n"
        "X = np.random.default_rng(0).standard_normal((200, 5)); y = np.exp(X[:, 0])\n"
        "fastreg.{}\n"
        "print(time.perf_counter() - start)"
    )
    programs = [program.format(each) for each in ("Ridge().fit(X, y)", fit)]
    for each in programs:
        python(each)
    seconds = np.full(2, np.inf)
    for _ in range(5):
        seconds = np.minimum(seconds, [float(python(each)[0]) for each in programs])
        if seconds[1] < seconds[0] + 0.3:
            break
    assert seconds[1] < seconds[0] + 0.3


@needs_jit
@pytest.mark.thorough
def test_warmup_leaves_nothing_to_compile(tmp_path, capsys):
    from fastreg import warming

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warming, "PARTS", {"gaussian small": None, "poisson small": None})
        patch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        assert list(fastreg.warmup("gaussian", processes=1)) == ["gaussian small"]
    kernels = sorted(tmp_path.rglob("*.nbc"))
    assert len(kernels) >= 2
    python(
        "import numpy as np, fastreg; X = np.eye(9); fastreg.Lasso(alpha=0.01).fit(X, X[:, 0])",
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert sorted(tmp_path.rglob("*.nbc")) == kernels


def test_warmup_takes_every_family():
    """Families of one loss share their kernels, so that none is compiled twice."""
    from fastreg import warming

    for name in warming.FAMILIES:
        parts = warming._names(name)
        assert len(parts) == 5 and set(parts) <= set(warming.PARTS)
    assert warming._names(["tweedie", "inverse_gaussian"]) == warming._names("inverse_gaussian")
    assert warming._names(None) == list(warming.PARTS)


@needs_jit
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("family", "fit"),
    [
        ("gamma", "GammaRegressor().fit(X, y)"),
        ("inverse_gaussian", "TweedieRegressor(power=3.0).fit(X, y)"),
        ("tweedie", "TweedieRegressor(power=1.7, alpha=0.1, l1_ratio=1.0).fit(X, y)"),
        ("negative_binomial", "NegativeBinomialRegressor(theta=3.0).fit(X, y)"),
        ("squared_hinge", "LinearSVC().fit(X, y > 1)"),
    ],
)
def test_warmup_compiles_what_a_fit_of_the_family_takes(family, fit, tmp_path):
    from fastreg import warming

    part, place = f"{warming._ALIKE.get(family, family)} small", {"NUMBA_CACHE_DIR": str(tmp_path)}
    python(f"from fastreg.warming import PARTS; PARTS[{part!r}]()", **place)
    kernels = sorted(tmp_path.rglob("*.nbc"))
    data = "X = np.random.default_rng(1).standard_normal((30, 4)); y = np.exp(X[:, 0])"
    python(f"import numpy as np, fastreg; {data}; fastreg.{fit}", **place)
    assert kernels and sorted(tmp_path.rglob("*.nbc")) == kernels


def test_warmup_refuses_what_it_does_not_know(monkeypatch):
    with pytest.raises(ValueError, match=r"families must be of gaussian, .* negative_binomial"):
        fastreg.warmup("cauchy")
    with pytest.raises(ValueError, match="processes must be a positive integer"):
        fastreg.warmup(processes=0)
    monkeypatch.setattr("fastreg._jit.cache.cache_directory", lambda: None)
    with pytest.raises(OSError, match="set NUMBA_CACHE_DIR"):
        fastreg.warmup()


class Terminal:
    """What stderr is."""

    def __init__(self, is_terminal):
        self.is_terminal, self.lines = is_terminal, []

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.lines.append(text)


def test_compiling_is_told_once_for_a_machine_and_only_on_a_terminal(tmp_path, monkeypatch):
    from fastreg._jit.compiling import Notice

    for is_terminal in (False, True):
        monkeypatch.setattr(sys, "stderr", Terminal(is_terminal))
        first, second = Notice(), Notice()
        first.tell(tmp_path)
        first.tell(tmp_path)
        second.tell(tmp_path)
        assert len(sys.stderr.lines) == is_terminal
    assert sys.stderr.lines[0].startswith("fastreg: compiling, once for this machine")
    monkeypatch.setattr(sys, "stderr", None)
    Notice().tell(tmp_path)


@needs_jit
@pytest.mark.thorough
def test_the_collector_rests_while_kernels_compile_and_only_then():
    program = (
        "import gc, fastreg, numpy as np\n"
        "from fastreg._jit import jit\n"
        "seen = []\n"
        "gc.callbacks.append(lambda phase, info: seen.append(phase))\n"
        "fastreg.Lasso; seen.clear()\n"
        "X = np.eye(9); fastreg.Lasso(alpha=0.01).fit(X, X[:, 0])\n"
        "print(gc.isenabled(), len(seen) < 100)"
    )
    assert python(program, FASTREG_CACHE="0") == ["True", "True"]
