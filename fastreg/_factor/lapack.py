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
    capsule, api = module.__pyx_capi__[name], ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    address = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return ctypes.CFUNCTYPE(None)(address)


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
