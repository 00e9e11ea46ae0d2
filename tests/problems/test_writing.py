"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from problems.trace_file import save_trace
from problems.writing import write_bytes, write_text


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_bytes_are_written(tmp_path, kind):
    write_bytes(kind(tmp_path / "a"), b"\0\r\n")
    assert (tmp_path / "a").read_bytes() == b"\0\r\n"


def test_text_is_utf8_with_its_line_breaks(tmp_path):
    write_text(tmp_path / "a", "ŷ\n")
    assert (tmp_path / "a").read_bytes() == "ŷ\n".encode()


def test_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text("a", "text")
    assert names(tmp_path) == ["a"]


def test_file_is_replaced(tmp_path):
    write_text(tmp_path / "a", "old and longer")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_link_is_followed(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_what_is_no_regular_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"  # not /dev/null: a mistake here would replace it for the whole machine
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert pipe.is_fifo()
    assert os.read(reader, 10) == b"text"
    os.close(reader)


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["OSError", "interrupt"])
def test_failure_leaves_the_target_and_nothing_else(tmp_path, monkeypatch, call, error):
    def fail(*_, **__):
        raise error

    write_text(tmp_path / "a", "old")
    monkeypatch.setattr(call, fail)
    with pytest.raises(type(error)):
        write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_failure_while_saving_a_trace_leaves_nothing(trace, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (tmp_path / "missing").stat())
    with pytest.raises(OSError, match=r"trace.npz"):
        save_trace(trace(), tmp_path / "trace.npz")
    assert names(tmp_path) == []


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "a", "text")
    assert names(tmp_path) == []


def test_folder_in_the_way(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"):
        write_text(tmp_path / "a", "text")
    assert names(tmp_path) == ["a"]


def test_long_name(tmp_path):
    write_text(tmp_path / ("a" * 255), "text")
    assert names(tmp_path) == ["a" * 255]
