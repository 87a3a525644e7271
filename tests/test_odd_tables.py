"""A small batch of the attack of `tests.odd_tables`, and the attack watched while it fails."""

import numpy as np
import pytest
from conftest import needs_jit

from tests import odd_tables

pytest.importorskip("pyarrow")
pytestmark = needs_jit  # half a minute of plain Python without
COUNT = 120


@pytest.mark.thorough
def test_no_table_is_misread_in_silence():
    failed = odd_tables.run(range(COUNT))
    assert not failed, failed


@pytest.mark.parametrize("name", ["thousands", "marked", "foreign_dates", "keys"])
def test_a_misread_column_would_be_noticed(name, rng):
    column = getattr(odd_tables, name)(rng, 60)
    levels = {f"a={text}": np.array([t == text for t in column.texts]) for text in column.texts}
    names = list(levels)
    found = odd_tables.compare({"a": column}, np.column_stack(list(levels.values())), names, {})
    assert len(found) == 1 and "a is misread" in found[0]


def test_a_table_can_be_attacked_again(capsys):
    assert odd_tables.main(["--only", "3"]) == 0
    assert "0 of" in capsys.readouterr().out
