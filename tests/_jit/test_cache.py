"""Machine code on disk: never stale, never trusted blindly, never needed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg._jit import cache, exact, inner, jit

pytestmark = needs_jit
PACKAGE = Path(fastreg.__file__).parent
PROGRAM = """
import numpy as np
from fastreg import kernels, penalties
theta = np.array([3.0])
kernels.update(theta, np.zeros(1), 1.0, 0.0, penalties.L1(1.0))
u = kernels.update
print(float(theta[0]), sum(u._cache_hits.values()), sum(u._cache_misses.values()))
"""


def run(root, program=PROGRAM, **environment):
    """(θ, cache hits, cache misses) of a fresh process that imports fastreg from `root`."""
    variables = {
        k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "FASTREG_CACHE")
    }
    variables |= {"PYTHONPATH": str(root), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=variables,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(float(each) for each in done.stdout.split())


@pytest.fixture
def installed(tmp_path):
    """A copy of the package, with no machine code beside it."""
    shutil.copytree(PACKAGE, tmp_path / "fastreg", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def entries(root):
    return sorted((root / "fastreg" / "__pycache__" / "fastreg-jit").glob("*.nbc"))


def test_editing_a_penalty_recompiles(installed):
    assert run(installed) == (2.0, 0, 1)
    assert run(installed) == (2.0, 1, 0)
    source = installed / "fastreg" / "penalties.py"
    text = source.read_text()
    changed = text.replace("return z - threshold\n", "return z - 2.0 * threshold\n", 1)
    assert changed != text
    stamp = source.stat()
    source.write_text(changed)
    os.utime(source, (stamp.st_atime, stamp.st_mtime))  # as an installer may leave it
    for compiled in (installed / "fastreg" / "__pycache__").glob("penalties*.pyc"):
        compiled.unlink()  # Python's own cache goes by the time stamp
    assert run(installed) == (1.0, 0, 1)
    assert run(installed) == (1.0, 1, 0)


def test_editing_the_command_line_recompiles_nothing(installed):
    run(installed)
    with (installed / "fastreg" / "linear_model" / "base.py").open("a") as stream:
        stream.write("\n# edited\n")
    assert run(installed) == (2.0, 1, 0)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_a_damaged_entry_is_compiled_again(installed, damage):
    run(installed)
    for path in entries(installed):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(
            {
                "truncate": content[:middle],
                "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
                "empty": b"",
                "foreign": b"\x80\x04N." * 20,
            }[damage]
        )
    assert run(installed) == (2.0, 0, 1)
    assert run(installed) == (2.0, 1, 0)  # and the entry has been mended


def test_no_writable_place_means_compiling_in_memory(installed):
    (installed / "blocked").write_text("a file where a folder is wanted")
    (installed / "fastreg" / "__pycache__").mkdir(exist_ok=True)
    (installed / "fastreg" / "__pycache__" / "fastreg-jit").write_text("")
    blocked = str(installed / "blocked")
    found = run(installed, XDG_CACHE_HOME=blocked, HOME=blocked, LOCALAPPDATA=blocked)
    assert found == (2.0, 0, 1)


def test_the_switch_turns_it_off(installed):
    assert run(installed, FASTREG_CACHE="0") == (2.0, 0, 1)
    assert not entries(installed)


def test_bounds_checks_have_entries_of_their_own(installed):
    """A cache that ignored the setting would silently run unchecked code."""
    run(installed)
    assert run(installed, NUMBA_BOUNDSCHECK="1") == (2.0, 0, 1)


def test_bounds_checks_do_check(installed):
    program = """
import numpy as np
from fastreg import kernels, penalties
try:
    kernels.update(np.ones(3), np.ones(2), 1.0, 0.0, penalties.L1(1.0))
except IndexError:
    print(1)
"""
    assert run(installed, program, NUMBA_BOUNDSCHECK="1") == (1.0,)


def test_another_cache_directory(installed, tmp_path):
    run(installed, NUMBA_CACHE_DIR=str(tmp_path / "elsewhere"))
    assert not entries(installed)
    assert list((tmp_path / "elsewhere").rglob("*.nbc"))


def test_every_jitted_module_is_in_the_key():
    sources = set(cache.jitted_sources())
    for path in PACKAGE.rglob("*.py"):
        if (
            re.search("^@(jit|exact|inner)$", path.read_text(), re.MULTILINE)
            and path.parent.name != "_jit"
        ):
            assert path.resolve() in sources, path


@pytest.mark.parametrize("decorator", [jit, exact, inner])
def test_a_kernel_outside_the_key_is_refused(decorator):
    def kernel(x):
        return x

    kernel.__module__ = "fastreg.solvers.somewhere"
    with pytest.raises(RuntimeError, match=r"fastreg\.solvers\.somewhere may not hold jitted code"):
        decorator(kernel)


def test_a_foreign_type_is_never_stored():
    from typing import NamedTuple

    class Foreign(NamedTuple):
        x: float

    assert cache._is_foreign(numba.typeof(Foreign(1.0)))
    assert cache._is_foreign(numba.typeof((1.0, (Foreign(1.0), 2))))
    assert not cache._is_foreign(numba.typeof(fastreg.penalties.L1(1.0)))
    assert not cache._is_foreign(numba.typeof(np.ones(3)))
