import os

import pytest

from pinlite.engine import written

LIMIT = 2**20


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


def what(folder):
    found = written.excess((folder, folder / "missing"), LIMIT)
    return found and found.what


def test_what_is_within_the_limits_is_none(folder):
    (folder / "1").mkdir()
    (folder / "1" / "file").write_bytes(b"x" * (LIMIT // 2))
    (folder / "link").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    assert what(folder) is None


def test_files_count_together(folder):
    for name in "ab":
        (folder / name).write_bytes(b"x" * (LIMIT // 2))
    assert what(folder).startswith("more than its limit of ")


def test_a_sparse_file_counts_by_its_size(folder):
    (folder / "sparse").touch()
    os.truncate(folder / "sparse", LIMIT)
    assert (folder / "sparse").stat().st_blocks == 0
    assert what(folder).startswith("more than its limit of ")


def test_a_link_is_not_followed(folder, tmp_path):
    (tmp_path / "large").write_bytes(b"x" * LIMIT)
    (folder / "link").symlink_to(tmp_path / "large")
    (folder / "loop").symlink_to(folder)
    assert what(folder) is None


def test_many_files_are_too_many(folder):
    for number in range(written.MOST_FILES + 1):
        (folder / str(number)).touch()
    assert what(folder) == "more than 10000 files"


def test_a_path_that_is_too_long_can_not_be_looked_into(folder):
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    for _ in range(20):
        os.mkdir("d" * 255)  # noqa: PTH102  # the path would be too long
        os.chdir("d" * 255)
    os.fchdir(before)
    os.close(before)
    assert what(folder) == "a folder that can't be looked into (File name too long)"
    written.remove(folder)
    assert not folder.exists()


def test_what_can_not_be_written_is_removed_too(folder):
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch()
    (folder / "a" / "link").symlink_to(folder.parent)
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0o500)
    written.remove(folder)
    assert not folder.exists()
    assert not list(folder.parent.glob("out*"))
