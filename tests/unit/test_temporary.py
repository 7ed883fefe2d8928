"""Files that a run lays where its workers and its results are."""

import stat
from pathlib import Path

import pytest

from pinlite.machine import temporary


@pytest.fixture
def own():
    with temporary.folder() as folder:
        yield Path(folder)


def names(file):
    return file.stat().st_nlink


def test_what_the_run_made_itself_gets_a_second_name(own):
    made = own / "made"
    made.write_text("made")
    temporary.lay(made, own / "laid")
    assert (names(made), (own / "laid").read_text()) == (2, "made")


@pytest.mark.parametrize("how", ["elsewhere", "linked", "kept"])
def test_what_is_not_the_runs_is_copied(own, tmp_path, how):
    file = tmp_path / "file"
    file.write_text("the user's")
    given = file
    if how == "linked":
        given = own / "link"
        given.symlink_to(file)
    elif how == "kept":
        # A store's files have a name in the run's folder, and can't be written to.
        file.chmod(0o444)
        given = own / "kept"
        given.hardlink_to(file)
    before = names(file), stat.S_IMODE(file.stat().st_mode)
    temporary.lay(given, own / "laid")
    (own / "laid").chmod(0o600)
    assert (own / "laid").read_text() == "the user's"
    assert not (own / "laid").is_symlink()
    assert (names(file), stat.S_IMODE(file.stat().st_mode)) == before
