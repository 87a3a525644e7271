"""Files: whole or not at all, with the permissions that they had, and never exchanged unnoticed."""

from __future__ import annotations

import os

import numpy as np
import pytest

import fastreg
from fastreg import checkpoints
from fastreg._files import Mark, marks, write_whole

unix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are of Unix")


def mode(path):
    return path.stat().st_mode & 0o777


@unix
@pytest.mark.parametrize("before", [0o600, 0o640, 0o604, 0o755])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, before):
    model = fastreg.Ridge().fit(np.eye(3), np.arange(3.0))
    writers = {
        "m.npz": lambda path: fastreg.save_model(model, path),
        "m.json": lambda path: fastreg.save_model(model, path),
        "sums.npz": lambda path: checkpoints.write(path, {"format": "x"}, {"a": np.ones(2)}),
    }
    for name, write in writers.items():
        path = tmp_path / name
        write(path)
        path.chmod(before)
        write(path)
        assert mode(path) == before, name


@unix
def test_a_new_file_has_the_permissions_of_the_process(tmp_path):
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"")
        write_whole(tmp_path / "private", b"", mode=0o600)
    finally:
        os.umask(old)
    assert (mode(tmp_path / "new"), mode(tmp_path / "private")) == (0o640, 0o600)


@unix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_root_leaves_a_file_to_its_owner(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(b"old")
    path.chmod(0o660)
    os.chown(path, 54321, 54322)
    write_whole(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, mode(path)) == (54321, 54322, 0o660)


@unix
def test_permissions_of_a_group_are_not_those_of_another(tmp_path, monkeypatch):
    path = tmp_path / "m"
    path.write_bytes(b"old")
    path.chmod(0o664)

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "chown", refused)
    write_whole(path, b"new")
    assert mode(path) == 0o604


def replaced(path):
    path.with_name("other").write_bytes(path.read_bytes())
    os.replace(path.with_name("other"), path)


def touched(path):
    os.utime(path, ns=(0, 0))


CHANGES = {
    "was replaced": replaced,
    "grew from 5 to 6 bytes": lambda path: path.write_bytes(b"123456"),
    "shrank from 5 to 1 bytes": lambda path: path.write_bytes(b"1"),
    "was written to": touched,
    "was removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("words", CHANGES)
def test_a_mark_says_what_changed(tmp_path, words):
    path = tmp_path / "data"
    path.write_bytes(b"12345")
    mark = Mark.of(path)
    mark.check()
    CHANGES[words](path)
    with pytest.raises(OSError, match=f"data {words} since it was opened"):
        mark.check()


def test_a_folder_has_the_marks_of_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/1", "2"):
        (tmp_path / name).write_bytes(b"")
    assert [mark.path.name for mark in marks([tmp_path])] == ["2", "1"]
