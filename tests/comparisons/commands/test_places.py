"""Where commands write: what cannot be written to is refused in one line, and nothing is left behind."""

from __future__ import annotations

import pytest

from comparisons.commands.places import check_folder, check_trace, check_writable
from comparisons.commands.refusals import BadRequest


def test_asking_for_a_folder_leaves_nothing_behind(tmp_path):
    (tmp_path / "there").mkdir()
    check_folder("-o", str(tmp_path / "there" / "a" / "b"))
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_folder_refused_on_the_way_leaves_nothing_behind(tmp_path):
    with pytest.raises(BadRequest, match="name a folder that can be written"):
        check_folder("-o", str(tmp_path / "a" / ("x" * 300)))
    assert not list(tmp_path.iterdir())


def test_file_is_refused_as_a_folder(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadRequest, match="is a file"):
        check_folder("-o", str(tmp_path / "taken"))


def test_folder_that_cannot_be_written_is_refused():
    with pytest.raises(BadRequest, match="name a folder that can be written"):
        check_folder("-o", "/dev/null/report")


def refusal(check, path):
    with pytest.raises(BadRequest) as refused:
        check("-o", str(path))
    return refused.value.message


def test_a_link_that_leads_nowhere_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.zarr").symlink_to("missing")
    dead = "-o: link.zarr is a link to missing, which does not exist; name a folder"
    assert refusal(check_folder, "link.zarr") == refusal(check_folder, "link.zarr/below") == dead
    assert refusal(check_trace, "link.zarr") == dead
    assert [path.name for path in tmp_path.iterdir()] == ["link.zarr"]


def test_a_link_to_a_file_that_can_be_made_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("missing")
    check_writable("-o", str(tmp_path / "link"))


@pytest.mark.parametrize("target", ["no/where", "link.npz"], ids=["no-folder", "in-a-circle"])
def test_a_link_to_what_cannot_be_made_is_no_file(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.npz").symlink_to(target)
    dead = f"-o: link.npz is a link to {target}, which cannot be made; name a file"
    assert refusal(check_writable, "link.npz") == refusal(check_trace, "link.npz") == dead


@pytest.mark.parametrize("name", ["x.txt", "x", "x.npz.gz", ".npz"])
def test_a_trace_is_named_by_how_it_is_kept(tmp_path, name):
    said = refusal(check_trace, tmp_path / name)
    assert f"{name} ends neither in .npz, a file that is written at the end, nor in .zarr, a folder" in said
    assert not list(tmp_path.iterdir())
