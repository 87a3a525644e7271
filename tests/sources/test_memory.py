"""What a fit of blocks holds beyond the interpreter: docs/decisions/0011-blocks.md."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_jit

from fastreg.sources.blocks import BLOCK_BYTES

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
import fastreg

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

folder, target = Path(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
X = rng.standard_normal((2000, 5))
fastreg.LassoCV(cv=4).fit(fastreg.read(X, X[:, 0], memory=0))  # machine code
if target == "y":
    import pyarrow.dataset, pyarrow.parquet
source = fastreg.read(folder, target, memory=0)
before = peak()
fastreg.LassoCV(cv=4).fit(source)
print(json.dumps(peak() - before))
"""
M, N = 500_000, 100  # 400 MB


def beyond(path, target):
    command = [sys.executable, "-c", SCRIPT, str(path), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@needs_jit
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("kind", ["npy", "parquet"])
@pytest.mark.thorough
def test_a_fit_holds_three_blocks_and_moments(kind, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, N))
    y = X[:, 0] + rng.standard_normal(M)
    contract = 3 * BLOCK_BYTES + 8 * (4 + 3) * N * N
    if kind == "npy":
        np.save(tmp_path / "X.npy", X)
        np.save(tmp_path / "y.npy", y)
        found = beyond(tmp_path / "X.npy", tmp_path / "y.npy")
        contract += 8 * M
    else:
        pa = pytest.importorskip("pyarrow")
        pq = pytest.importorskip("pyarrow.parquet")
        columns = {f"x{j}": X[:, j] for j in range(N)} | {"y": y}
        pq.write_table(pa.table(columns), tmp_path / "d.parquet", row_group_size=50_000)
        found = beyond(tmp_path / "d.parquet", "y")
        contract += 6 * 8 * 50_000 * (N + 1)  # what pyarrow holds of a row group
    assert found < 1.25 * contract + (16 << 20) < X.nbytes
