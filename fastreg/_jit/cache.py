"""Machine code on disk, keyed by everything that shaped it.

Numba's own cache stamps the file that defines a kernel. A kernel here also holds
the code of penalties, losses and storages from other files, so after an edit or an
upgrade that cache would go on running the old machine code. This one

- keys every entry by a digest of all files that may hold jitted code, the compiler
  settings, the processor and the signature (`docs/decisions/0002-cache-key.md`);
- reads an entry only where nobody else could have written it (`fastreg._owners`): it is
  unpickled, which runs what is in it;
- checks an entry's SHA-256 before using it, and compiles when anything is wrong;
- writes entries whole (a temporary file, then a rename), so processes may share it, and
  for their owner alone;
- never stores a kernel specialised for a type defined outside this package, whose
  source it cannot watch.

`FASTREG_CACHE=0` turns it off; `NUMBA_CACHE_DIR` moves it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import types
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from fastreg._files import write_whole
from fastreg._jit.compiling import notice, rest
from fastreg._owners import (
    UntrustedError,
    check_folder,
    check_way,
    make_private,
    read_trusted,
    trusted_users,
)

PACKAGE = Path(__file__).resolve().parent.parent

# Jitted code may stand in these files and in no others: `attach` refuses the rest,
# so the digest covers all of it, and an edit to the command line recompiles nothing.
JITTED = (
    "_jit/*.py",
    "elementary.py",
    "losses/*.py",
    "penalties/*.py",
    "design/*.py",
    "kernels/*.py",
    "certificate/small/*.py",
    "certificate/small/losses/*.py",
    "network/kernels.py",
)

_DIGEST_BYTES = hashlib.sha256().digest_size


@functools.cache
def jitted_sources() -> tuple[Path, ...]:
    """The files that may hold jitted code, sorted."""
    return tuple(sorted(path for pattern in JITTED for path in PACKAGE.glob(pattern)))


@functools.cache
def package_digest() -> bytes:
    """SHA-256 over the names and contents of `jitted_sources()`; about 1 ms, once."""
    digest = hashlib.sha256()
    for path in jitted_sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE)} {len(content)}\n".encode())
        digest.update(content)
    return digest.digest()


@functools.cache
def cache_directory() -> Path | None:
    """The first writable of: NUMBA_CACHE_DIR, the package's __pycache__, the user's cache. None if
    there is none, or others could write there too, which is said."""
    if os.environ.get("FASTREG_CACHE", "1").lower() in {"0", "off", "false", "no"}:
        return None
    for place in _places():
        directory = place / "fastreg-jit"
        try:
            make_private(directory)
            with tempfile.TemporaryFile(dir=directory):
                pass
            _check(directory)
        except UntrustedError as error:
            _tell(f"{error}: no machine code is read from {directory}, or kept there")
            return None
        except OSError:
            continue
        return directory
    return None


def _places() -> Iterator[Path]:
    if config.CACHE_DIR:
        yield Path(config.CACHE_DIR).absolute()
    yield PACKAGE / "__pycache__"
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    # Left as it is where there is neither HOME nor an entry for the user, as in containers.
    place = Path(home or os.path.expanduser("~/.cache"))
    if place.is_absolute():
        yield place


@functools.cache
def _users() -> frozenset[int]:
    return trusted_users(PACKAGE)


def _check(directory: Path) -> None:
    """Raise UntrustedError if others could put code there."""
    # Who can write beside the package's modules needs no cache to run their code.
    if PACKAGE not in directory.parents:
        check_way(directory.parent, _users())
    check_folder(directory, _users())


@functools.cache
def _tell(fault: str) -> None:
    """Say once that kernels are compiled in memory."""
    message = f"{fault}; kernels are compiled in memory"
    try:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:  # made an error by a filter: a fit must not fail by its cache
        sys.stderr.write(f"fastreg: {message}\n")


def attach(dispatcher: Any) -> None:
    """Give a Numba dispatcher this cache; refuse one defined where no digest sees it."""
    if is_covered(dispatcher.py_func):
        package_digest()  # of the sources as they are imported, not as they may be edited later
        dispatcher._cache = DiskCache(dispatcher.py_func)


def is_covered(function: Any) -> bool:
    """Whether the digest sees a function's source.

    Raises
    ------
    RuntimeError
        It does not, and the function is the package's own.
    """
    covered = Path(function.__code__.co_filename).resolve() in jitted_sources()
    if not covered and function.__module__.startswith("fastreg."):
        raise RuntimeError(
            f"{function.__module__} may not hold jitted code: "
            f"the cache key covers only {', '.join(JITTED)}"
        )
    return covered


class DiskCache(_Cache):  # type: ignore[misc]
    """One kernel's entries: the interface Numba's dispatcher asks of a cache."""

    def __init__(self, function: Any) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(cache_directory())

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing to do: a stale entry has another key."""

    def load_overload(self, signature: Any, target_context: Any) -> CompileResult | None:
        with rest:  # the first look for a kernel loads all that Numba knows
            target_context.refresh()
        path = self._path(signature, target_context.codegen())
        found = None if path is None else self._read(path, target_context)
        if found is None:
            notice.tell(cache_directory())
        return found

    def _read(self, path: Path, target_context: Any) -> CompileResult | None:
        """An entry, None where there is none that can be trusted.

        Any fault, whatever its type, means: compile. An answer must never hang on a file.
        """
        try:
            entry = read_trusted(path, _users())
            payload = entry[_DIGEST_BYTES:]
            if hashlib.sha256(payload).digest() != entry[:_DIGEST_BYTES]:
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except UntrustedError as error:
            _tell(f"{error}: it is not read")
        except Exception:
            pass
        return None

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        path = self._path(signature, result.codegen)
        if path is None or result.lifted or result.library.has_dynamic_globals:
            return
        try:
            payload = dumps(result._reduce())
            write_whole(path, hashlib.sha256(payload).digest() + payload, mode=0o600)
        except Exception:
            return

    def _path(self, signature: Any, codegen: Any) -> Path | None:
        directory = cache_directory() if self._enabled else None
        if directory is None or any(map(_is_foreign, signature)):
            return None
        key = hashlib.sha256(package_digest())
        key.update(repr((self._name, signature, codegen.magic_tuple(), _environment())).encode())
        return directory / f"{self._name}-{key.hexdigest()[:40]}.nbc"


@functools.cache
def _environment() -> tuple[Any, ...]:
    """What else decides the machine code, or whether a stored entry can be read."""
    return (
        sys.version_info[:3],
        platform.machine(),
        numba.__version__,
        np.__version__,
        config.BOUNDSCHECK,
        config.OPT,
        config.LOOP_VECTORIZE,
        config.SLP_VECTORIZE,
        config.DISABLE_INTEL_SVML,
        llvmlite.__version__,
        config.DEBUGINFO_DEFAULT,
    )


def _is_foreign(numba_type: Any) -> bool:
    """Whether a type, or a part of it, belongs to a tuple class outside this package."""
    home = getattr(getattr(numba_type, "instance_class", None), "__module__", "fastreg.")
    if not home.startswith("fastreg."):
        return True
    return isinstance(numba_type, types.BaseTuple) and any(map(_is_foreign, numba_type))
