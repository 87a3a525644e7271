"""A stream that is killed: it goes on where it was, and counts nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg import SufficientStatistics
from fastreg.sources.arrays import Arrays
from fastreg.sources.streams import Stream

SCRIPT = """
import sys, time
import numpy as np
from fastreg import SufficientStatistics
from fastreg.sources.arrays import Arrays

class Slow(Arrays):
    def blocks(self, first=0):
        print("reading", first, flush=True)
        for block in super().blocks(first):
            time.sleep(0.004)
            yield block

rng = np.random.default_rng(0)
warm = rng.standard_normal((300, 5)) + 1e4
SufficientStatistics.collect(Arrays(warm, warm[:, 0], block_bytes=2000), cv=4)
folder = sys.argv[1]
X, y = np.load(folder + "/X.npy", mmap_mode="r"), np.load(folder + "/y.npy")
source = Slow(X, y, block_bytes=8 * X.shape[1] * 50)
SufficientStatistics.collect(source, cv=4, checkpoint=folder + "/sums.npz", every=0.0)
print("done", flush=True)
"""


def data(m=12_000, n=5):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n)) + 1e4
    return X, X[:, 0] + rng.standard_normal(m)


def source(X, y, rows=50):
    return Arrays(X, y, block_bytes=8 * X.shape[1] * rows)


def bits(stats):
    return [
        (part.count, part.weight, part.mean.tobytes(), part.scatter.tobytes())
        for part in stats._parts
    ]


@needs_jit
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.thorough
def test_killed_at_twenty_moments_it_ends_with_the_same_bits(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    expected = bits(SufficientStatistics.collect(source(X, y), cv=4))
    random.seed(0)
    begun, kills = [], 0
    while True:
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with process.stdout:
            begun.append(process.stdout.readline())
            if kills < 20:
                time.sleep(random.uniform(0.0, 0.05))
                process.send_signal(signal.SIGKILL)
                kills += 1
            rest = process.stdout.read()
        process.wait(timeout=60)
        if "done" in rest:
            break
    starts = [int(line.split()[1]) for line in begun if line.startswith("reading")]
    assert kills == 20 and len(starts) == len(begun) == 21
    assert starts == sorted(starts) and starts[-1] > 0  # it went on, and did not begin anew
    found = SufficientStatistics.load(tmp_path / "sums.npz")
    assert bits(found) == expected and found.n_samples == len(y)


def test_what_is_done_is_not_read_again(tmp_path):
    X, y = data(1000)
    path = tmp_path / "sums.npz"
    first = SufficientStatistics.collect(source(X, y), cv=3, checkpoint=path)

    class Gone(Arrays):
        def blocks(self, first=0):
            raise AssertionError("read again")

    gone = Gone(X, y, block_bytes=8 * X.shape[1] * 50)
    again = SufficientStatistics.collect(gone, cv=3, checkpoint=path)
    assert bits(again) == bits(first)
    assert bits(first) == bits(SufficientStatistics.collect(source(X, y), cv=3))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    X, y = data(1000)
    path = tmp_path / "sums.npz"
    SufficientStatistics.collect(source(X, y), cv=3, checkpoint=path)
    for other, cv in [(source(X, y), 4), (source(X, y, rows=60), 3), (source(X[:900], y[:900]), 3)]:
        with pytest.raises(ValueError, match="a checkpoint of other data, or of other folds"):
            SufficientStatistics.collect(other, cv=cv, checkpoint=path)
    SufficientStatistics(5).update(X, y).save(path)
    with pytest.raises(ValueError, match="a checkpoint of other data"):
        SufficientStatistics.collect(source(X, y), cv=3, checkpoint=path)


def test_a_damaged_checkpoint_is_refused_wherever_it_is_damaged(tmp_path):
    X, y = data(400)
    path = tmp_path / "sums.npz"
    SufficientStatistics.collect(source(X, y), cv=2, checkpoint=path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    sound = bits(SufficientStatistics.load(path))
    for at in rng.integers(0, len(content), 60):
        changed = content.copy()
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            found = SufficientStatistics.load(path)
        except ValueError:
            continue
        assert bits(found) == sound  # a bit that means nothing, such as a time in the archive
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="holds no fastreg statistics"):
        SufficientStatistics.collect(source(X, y), cv=2, checkpoint=path)


def test_a_fault_keeps_the_checkpoint_of_what_was_read(tmp_path):
    X, y = data(1000)
    broken = X.copy()
    broken[775] = np.nan
    path = tmp_path / "sums.npz"
    with pytest.raises(ValueError, match="row 775"):
        SufficientStatistics.collect(source(broken, y), cv=3, checkpoint=path, every=0.0)
    assert SufficientStatistics.load(path).n_samples == 750
    found = SufficientStatistics.collect(source(X, y), cv=3, checkpoint=path)
    assert bits(found) == bits(SufficientStatistics.collect(source(X, y), cv=3))


@pytest.mark.parametrize("kind", ["table", "stream"])
def test_blocks_without_rows_are_not_counted(kind, tmp_path):
    """Neither twice nor never: blocks of a table that lose every row, empty ones of a stream."""
    X, y = data(600)
    if kind == "table":
        tables = pytest.importorskip("fastreg.sources.tables")
        columns = pytest.importorskip("fastreg.sources.columns")
        pa = pytest.importorskip("pyarrow")
        lost = (np.arange(600) // 50) % 3 == 1
        given = pa.table({f"x{j}": np.where(lost, np.nan, X[:, j]) for j in range(5)} | {"y": y})
        options = columns.Options(missing="drop")
        kept = ~lost

        def made(base):
            return base(given, "y", None, options, block_bytes=8 * 5 * 50)

        base = tables.Table
    else:
        base = Stream
        some = [(X[i : i + 50], y[i : i + 50]) for i in range(0, 600, 50)]
        kept = np.ones(600, bool)

        def made(base):
            return base([block for one in some for block in ((X[:0], y[:0]), one)])

    class Broken(base):
        def blocks(self, first=0):
            for number, block in enumerate(super().blocks(first)):
                if number == 3:
                    raise RuntimeError("gone")
                yield block

    path = tmp_path / "sums.npz"
    expected = SufficientStatistics.collect(made(base), cv=4)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            SufficientStatistics.collect(made(Broken), cv=4, checkpoint=path, every=0.0)
    found = SufficientStatistics.collect(made(base), cv=4, checkpoint=path)
    assert bits(found) == bits(expected) and found.n_samples == kept.sum()


def test_statistics_stand_for_the_rows_of_a_fit(tmp_path):
    X, y = data(1000)
    stats = SufficientStatistics.collect(source(X, y), cv=5, checkpoint=tmp_path / "sums.npz")
    found = fastreg.LassoCV(cv=5).fit(SufficientStatistics.load(tmp_path / "sums.npz"))
    expected = fastreg.LassoCV(cv=5).fit(X, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(
        fastreg.Ridge().fit(stats).coef_, fastreg.Ridge().fit(X, y).coef_, rtol=1e-9
    )
    with pytest.raises(
        ValueError, match="cv=4 needs as many folds with rows of positive weight, statistics has 5"
    ):
        fastreg.LassoCV(cv=4).fit(stats)
    with pytest.raises(ValueError, match="leave-one-out needs the rows"):
        fastreg.RidgeCV().fit(stats)
    with pytest.raises(ValueError, match="cannot be fitted to statistics"):
        fastreg.AdaptiveLasso().fit(stats)
