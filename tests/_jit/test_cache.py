"""Machine code on disk: never stale, never trusted blindly, never needed."""

import hashlib
import os
import pickle
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg._jit import cache, exact, inner, jit

pytestmark = [needs_jit, pytest.mark.thorough]  # processes that compile
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
    source = installed / "fastreg" / "penalties" / "l1.py"
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


unix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are of Unix")
STRANGER = 54321


def give_away(path):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(path, STRANGER, -1)


def opened_to_all(path):
    path.chmod(path.stat().st_mode | 0o022)


def moved_and_linked(path):
    """A link that another user could turn elsewhere."""
    path.rename(path.with_name("aside"))
    path.symlink_to(path.with_name("aside"))
    opened_to_all(path.parent)


UNSAFE = {
    "an entry of another user": ("entry", give_away),
    "an entry that others can write": ("entry", opened_to_all),
    "an entry that is a link": ("entry", moved_and_linked),
    "a folder of another user": ("folder", give_away),
    "a folder that others can write": ("folder", opened_to_all),
    "a folder that others can replace": ("above", opened_to_all),
    "a folder that another user can replace": ("above", give_away),
    "a link that others can turn": ("folder", moved_and_linked),
}


@unix
@pytest.mark.parametrize("kind", UNSAFE)
def test_code_that_others_could_have_written_is_never_loaded(installed, kind):
    above = installed / "above"
    folder, trace = above / "fastreg-jit", installed / "run"
    assert run(installed, NUMBA_CACHE_DIR=str(above)) == (2.0, 0, 1)
    assert run(installed, NUMBA_CACHE_DIR=str(above)) == (2.0, 1, 0)  # as it is, it is loaded
    for entry in folder.glob("*.nbc"):  # what an attacker would plant
        payload = pickle.dumps(Planted(str(trace)))
        entry.write_bytes(hashlib.sha256(payload).digest() + payload)
        place, spoil = UNSAFE[kind]
        if place == "entry":
            spoil(entry)
    if place != "entry":
        spoil({"folder": folder, "above": above}[place])
    assert run(installed, NUMBA_CACHE_DIR=str(above)) == (2.0, 0, 1)
    assert not trace.exists()


class Planted:
    """Runs when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


@unix
def test_folders_and_entries_are_private(installed):
    old = os.umask(0)
    try:
        run(installed, NUMBA_CACHE_DIR=str(installed / "new" / "place"))
    finally:
        os.umask(old)
    made = [*(installed / "new").rglob("*"), installed / "new"]
    assert [path for path in made if path.suffix == ".nbc"]
    assert not [path for path in made if path.stat().st_mode & 0o077]


@unix
def test_a_shared_folder_with_the_sticky_bit_serves(installed):
    shared = installed / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert run(installed, NUMBA_CACHE_DIR=str(shared)) == (2.0, 0, 1)
    assert run(installed, NUMBA_CACHE_DIR=str(shared)) == (2.0, 1, 0)
    assert stat.S_IMODE((shared / "fastreg-jit").stat().st_mode) == 0o700


@unix
def test_it_is_said_once_that_a_folder_is_not_used(installed):
    shared = installed / "shared"
    (shared / "fastreg-jit").mkdir(parents=True)
    (shared / "fastreg-jit").chmod(0o777)
    program = (
        PROGRAM + "kernels.update(theta.astype('f4'), np.zeros(1), 1.0, 0.0, penalties.L1(1.0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": str(shared)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("others can write to") == 1
    assert f"{shared}/fastreg-jit (chmod go-w)" in done.stderr
    assert done.stderr.count("kernels are compiled in memory") == 1


@pytest.mark.parametrize("place", ["nowhere", "named"])
def test_a_user_without_a_home_fits(monkeypatch, tmp_path, place):
    """As in containers: neither HOME nor an entry in the list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE", "HOMEPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "blocked" / "package")
    (tmp_path / "blocked").write_text("a file where a folder is wanted")
    monkeypatch.setattr(cache, "_users", lambda: frozenset({os.geteuid()}))
    named = tmp_path / "named"
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(named) if place == "named" else "")
    found = cache.cache_directory.__wrapped__()
    assert found == (named / "fastreg-jit" if place == "named" else None)
