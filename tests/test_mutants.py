"""The mutants: where operators are found, and that what tests say is told."""

import os

import pytest

from tests import mutants

SOURCE = """def larger(a, b):
    # a < b, says a comment
    return (a  # <
            < b) or a + 1 > b and "é" != a
"""


def test_every_operator_is_turned_once_and_no_comment(tmp_path):
    path = tmp_path / "larger.py"
    path.write_text(SOURCE, encoding="utf-8")
    found = sorted(mutants.mutants_of(path), key=lambda each: each.place)
    assert [(each.old, each.new) for each in found] == [
        ("<", "<="), ("or", "and"), ("+", "-"), (">", ">="), ("and", "or"),
    ]  # fmt: skip
    for each in found:
        changed = each.source()
        compile(changed, "larger.py", "exec")
        assert changed != SOURCE and "# a < b, says a comment" in changed


@pytest.mark.thorough
@pytest.mark.skipif(os.name == "nt", reason="process groups differ")
def test_what_is_missed_is_told_from_what_is_noticed(tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    for folder in (tmp_path, copy):
        folder.mkdir(exist_ok=True)
        (folder / "larger.py").write_text("def larger(a, b):\n    return a > b\n")
    (copy / "test_larger.py").write_text(
        "from larger import larger\n\ndef test_it():\n    assert larger(2, 1)\n"
    )
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    (mutant,) = mutants.mutants_of(tmp_path / "larger.py")
    assert mutants.run(copy) == 0
    assert mutants.verdict(copy, mutant) == "MISSED"
    (copy / "test_larger.py").write_text(
        "from larger import larger\n\ndef test_it():\n    assert not larger(1, 1)\n"
    )
    assert mutants.verdict(copy, mutant) == "noticed"
    assert mutants.run(copy) == 0  # the copy is as it was
