"""The roofline: its cases are right, its formulas are, and table, file and figure come out."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.sparse
from conftest import matrix, needs_jit

from benchmarks import cases, roofline, roofline_figure, text

QUICK = roofline.cases("quick")
# float32 is summed in float64 by fastreg, and in float32 by NumPy.
TOLERANCE = {"float64": 1e-11, "float32": 1e-4}


@pytest.fixture
def fast(monkeypatch):
    """Measure little: a small yardstick, and no pause after a product."""
    monkeypatch.setattr(roofline, "LEAST_CALLS", 1)
    monkeypatch.setattr(roofline, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(roofline, "PAUSE", 0.0)
    monkeypatch.setattr(roofline, "_stream", lambda: np.ones(1 << 16))
    monkeypatch.setattr(roofline, "SQUARE", 64)
    monkeypatch.setattr(roofline, "_square", lambda: (np.ones((64, 64)), np.empty((64, 64))))


def fabricated(size="full"):
    """A measurement of every case, with figures out of the air."""
    out = []
    for k, bound in enumerate(roofline.cases(size).values()):
        turns = {name: np.array([1.0, 2.0, 3.0]) for name in ("kernel", "reference")}
        turns["bandwidth"], turns["peak"] = np.array([5e10, 7e10, 6e10]), np.full(3, 2e11)
        limit = bound.limit(6e10, 2e11)
        turns["kernel"] = turns["kernel"] * limit * (0.6 + 0.01 * k)
        if bound.reference is None:
            del turns["reference"]
        else:
            turns["reference"] = turns["reference"] * limit
        out.append(roofline._summary(bound, turns))
    return out


@needs_jit
@pytest.mark.parametrize("name", QUICK)
def test_kernel_agrees_with_reference(name):
    bound = QUICK[name]
    data = bound.make()
    result = np.array(bound.run(data))
    if bound.reference is not None:
        error = cases.difference(result, bound.reference(data))
        assert error <= TOLERANCE[bound.dtype]
    np.testing.assert_allclose(bound.run(data), result, rtol=1e-12, atol=1e-12)


def test_both_sizes_have_the_same_cases():
    full = roofline.cases("full")
    assert list(full) == list(QUICK)
    assert len({bound.name for bound in full.values()}) == len(full)
    for name, bound in full.items():
        assert bound.bytes > 50 * QUICK[name].bytes
        assert bound.bytes < 0.9e9


def test_every_kernel_has_a_case():
    assert {bound.kernel for bound in QUICK.values()} == set(roofline.KERNELS)


def test_bytes_and_flops_by_hand():
    full = roofline.cases("full")

    def costs(name):
        return full[name].bytes, full[name].flops

    # 10⁸ entries; y is 1.6 MB, θ and the gradient 4 kB each.
    assert costs("gradient C float64 tall") == (800_000_000 + 1_600_000 + 8_000, 400_000_000)
    assert costs("gradient F float32 tall") == (400_000_000 + 1_600_000 + 8_000, 400_000_000)
    # 5·10⁷ entries of 12 bytes, 500 001 pointers, the vector, the product.
    sparse = 600_000_000 + 4_000_008 + 4_000_000 + 400_000
    assert costs("project CSR float64 text") == (sparse, 100_000_000)
    # 200 000 × 200: a symmetric product.
    assert costs("cross_gram C float64 gram-tall") == (320_000_000 + 320_000, 8_000_000_000)
    assert costs("update vector float64 theta") == (240_000_000, 90_000_000)


@pytest.mark.parametrize("storage", ["CSR", "CSC"])
def test_sparse_data_are_as_the_bytes_say(storage):
    shape = (300, 400)
    data = roofline.regression(storage, "float64", shape)
    held = data.storage
    parts = (held.data, held.indices, held.indptr)
    assert sum(part.nbytes for part in parts) == roofline.extent(storage, "float64", shape).matrix
    rows = data.X.tocsr()
    assert all(
        len(set(rows.indices[a:b])) == roofline.STORED for a, b in itertools.pairwise(rows.indptr)
    )
    counts = np.sort(np.bincount(rows.indices, minlength=400))
    assert counts[-1] > 4 * counts[200]  # a few columns are popular


def test_dense_data_have_their_storage():
    for storage, flag in (("C", "C_CONTIGUOUS"), ("F", "F_CONTIGUOUS")):
        data = roofline.regression(storage, "float32", (40, 30))
        assert data.X.flags[flag] and data.X.dtype == data.plain_y.dtype == np.float32
        assert data.y.dtype == np.float64


@pytest.mark.parametrize("chunks", [1, 2, 64])
def test_bandwidth_kernels_read_everything(chunks):
    a = np.arange(64 * 4 * 5.0)
    for kernel in (roofline._sum_of_one_stream, roofline._sum_of_four_streams):
        assert roofline.read(kernel, a, chunks) == a.sum()


def test_limit_is_the_slower_of_two():
    bound = dataclasses.replace(next(iter(QUICK.values())), bytes=100, flops=1000)
    assert bound.limit(50.0, 1000.0) == 2.0
    assert bound.limit(50.0, 100.0) == 10.0


def test_medians_are_of_ratios_within_a_round():
    bound = dataclasses.replace(next(iter(QUICK.values())), bytes=100, flops=1)
    turns = {
        "bandwidth": np.array([100.0, 50.0, 100.0]),  # limits of 1 s, 2 s, 1 s
        "peak": np.full(3, 1e9),
        "kernel": np.array([1.5, 3.0, 9.0]),
        "reference": np.array([3.0, 6.0, 9.0]),
    }
    found = roofline._summary(bound, turns)
    assert (found.seconds, found.limit, found.ratio) == (1.5, 1.0, 1.5)
    assert (found.reference_ratio, found.speedup) == (3.0, 2.0)
    assert found.bound_by == "memory"


@needs_jit
@pytest.mark.usefixtures("fast")
def test_command_line(capsys, tmp_path):
    saved, figure = tmp_path / "r.json", tmp_path / "r.png"
    picked = ["--only", "update", "predict C", "--rounds", "2"]
    roofline.main([*picked, "--json", str(saved), "--figure", str(figure)])
    printed = capsys.readouterr().out
    results = roofline.load(saved)
    names = [b.name for b in QUICK.values() if "update" in b.case or "predict C" in b.case]
    assert [each.name for each in results] == names
    assert roofline.table(results) in printed and "cpu:" in printed
    assert all(each.ratio > 0 and each.speedup > 0 for each in results)
    assert figure.read_bytes().startswith(b"\x89PNG")


@needs_jit
@pytest.mark.usefixtures("fast")
def test_without_reference():
    result = roofline.measure(next(iter(QUICK.values())), 1, reference=False)
    assert result.speedup is result.reference_ratio is result.reference_seconds is None
    assert roofline.line(result).count("–") == 3


def test_unknown_name_is_refused():
    with pytest.raises(SystemExit, match="no case"):
        roofline.selected("quick", ["nothing of the kind"])


def test_table_has_every_case():
    text = roofline.table(fabricated()).splitlines()
    names = [bound.name for bound in roofline.cases("full").values()]
    assert all(line.startswith(name) for line, name in zip(text[1:], names, strict=True))
    assert len({len(line) for line in text}) == 1


@pytest.mark.thorough
def test_figure_is_the_same_every_time(tmp_path):
    results = fabricated()
    for name in ("a.png", "b.png"):
        roofline_figure.draw(results, tmp_path / name)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second and first.startswith(b"\x89PNG")


def test_labels_are_pushed_apart():
    placed = roofline_figure.spread([0.0, 1.0, 1.5, 20.0], 5.0)
    assert np.all(np.diff(placed) >= 5.0 - 1e-12)
    assert placed[3] == 20.0 and np.mean(placed[:3]) == pytest.approx(2.5 / 3)


def test_readers_see_the_same_cases():
    from benchmarks import asv_roofline

    assert asv_roofline.Roofline.params == (tuple(QUICK), roofline.SIZES)


@needs_jit
def test_real_matrices_are_repeated_and_measured(tmp_path, capsys, fast):
    X = scipy.sparse.csr_array(matrix(40, 30))
    scipy.sparse.save_npz(tmp_path / "small.npz", X)
    np.savez(tmp_path / "dense.npz", X=np.ones(3))
    taller = text.repeated(text.load(tmp_path / "small.npz"), 1000)
    assert taller.nnz >= 1000 and taller.nnz % X.nnz == 0
    np.testing.assert_array_equal(taller[40:80].toarray(), X.toarray())
    text.main([str(tmp_path), "--entries", "1000", "--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and "project CSC small" in lines[5]
