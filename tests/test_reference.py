"""The reference mirrors the kernels."""

import inspect

import pytest

from fastreg import kernels, reference


def _signature(function):
    function = getattr(function, "py_func", function)
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_reference_has_the_names_of_the_kernels():
    own = {
        name
        for name, value in vars(reference).items()
        if inspect.isfunction(value) and value.__module__ == reference.__name__
    }
    public = {name for name in own if not name.startswith("_")}
    assert public == set(kernels.__all__)


@pytest.mark.parametrize("name", kernels.__all__)
def test_reference_has_the_signature_of_the_kernel(name):
    assert _signature(getattr(reference, name)) == _signature(getattr(kernels, name))


def test_reference_imports_numpy_and_tuple_types_only():
    source = inspect.getsource(reference)
    imported = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert not [line for line in imported if "kernels" in line or "solvers" in line]
