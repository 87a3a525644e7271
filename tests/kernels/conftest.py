"""Which products of storages, penalties and options are for every day."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """A case that differs from the first of its test in more than one argument is thorough: every
    day meets each penalty, each option and each storage but the odd ones, not each with each."""
    first = {}
    for item in items:
        if HERE not in item.path.parents or not hasattr(item, "callspec"):
            continue
        own = _arguments(item)
        base = first.setdefault((item.path, item.cls, item.originalname), own)
        if sum(own[name] != base[name] for name in own) > 1:
            item.add_marker(pytest.mark.thorough)


def _arguments(item):
    """The values of a case, as text; those given together are one."""
    values = {name: repr(value) for name, value in item.callspec.params.items()}
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0]
        together = names.split(",") if isinstance(names, str) else names
        for other in together[1:]:
            values.pop(other.strip(), None)
    return values
