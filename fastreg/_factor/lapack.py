"""LAPACK and BLAS by address, on parts of matrices in place: SciPy's wrappers copy these."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
import scipy.linalg.cython_blas
import scipy.linalg.cython_lapack

Array = np.ndarray


@functools.cache
def _routine(name: str) -> Any:
    """The routine that SciPy exports to compiled code, without the GIL."""
    module = scipy.linalg.cython_lapack
    if name not in module.__pyx_capi__:
        module = scipy.linalg.cython_blas
    capsule = module.__pyx_capi__[name]
    signature = _api("PyCapsule_GetName", ctypes.c_char_p, ctypes.py_object)(capsule)
    pointer = _api("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    return ctypes.CFUNCTYPE(None)(pointer(capsule, signature))


def _api(name: str, result: Any, *arguments: Any) -> Any:
    """A function of Python's C interface, with types that nobody else sees."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def call(name: str, *arguments: Any) -> None:
    """Call a routine: texts, integers and floats by reference, arrays by their first entry.

    An array is in Fortran's order, or a part of one that is; the leading dimension goes with it.
    """
    _routine(name)(*map(_reference, arguments))


def leading(A: Array) -> int:
    """Distance of two columns in entries."""
    return max(1, A.strides[1] // A.itemsize)


def _reference(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, str):
        return ctypes.c_char_p(value.encode())
    if isinstance(value, float):
        return ctypes.byref(ctypes.c_double(value))
    if isinstance(value, int):
        return ctypes.byref(ctypes.c_int(value))
    return ctypes.byref(value)
