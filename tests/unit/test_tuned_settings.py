"""What is chosen, in pinlite.toml."""

import tomllib
from pathlib import Path

import pytest

from pinlite.errors import UsageError
from pinlite.options import keyed_method, words_of_method
from pinlite.schema.recipe import PostTrainingQuantization
from pinlite.tuning import settings

WRITTEN = """\
# Ours.
source = "net.py:build"   # the small one
ranges = "kl"

input = [
  "x=1x3",
]
"""


def test_a_file_keeps_all_but_what_is_chosen():
    file = Path("pinlite.toml")
    file.write_text(WRITTEN)
    settings.write(file, {"ranges": None, "equalize": True, "keep-float": ["Conv_1", "Gemm_2"]})
    text = file.read_text()
    kept = [line for line in WRITTEN.splitlines() if line and "ranges" not in line]
    assert [line for line in text.splitlines() if line in kept] == kept
    assert tomllib.loads(text) == {
        "source": "net.py:build",
        "input": ["x=1x3"],
        "equalize": True,
        "keep-float": ["Conv_1", "Gemm_2"],
    }


def test_a_new_file_has_its_paths_from_its_own_folder(tmp_path):
    folder = Path("models")
    folder.mkdir()
    given = {"source": "models/net.py:build", "calibration": "random", "data": str(tmp_path), "seed": 3}
    settings.write(folder / "pinlite.toml", given)
    assert tomllib.loads((folder / "pinlite.toml").read_text()) == given | {"source": "net.py:build"}
    assert [path.name for path in folder.iterdir()] == ["pinlite.toml"]


def test_a_folder_that_is_missing_is_an_error():
    with pytest.raises(UsageError, match="can't be written"):
        settings.write(Path("nowhere", "pinlite.toml"), {"equalize": True})


def test_a_method_in_the_words_of_the_command_line():
    method = PostTrainingQuantization(ranges="mse", equalize=True, keep_float=("Conv_1", "Conv_2", "Conv_3"))
    assert words_of_method(method) == "--ranges mse --equalize --keep-float Conv_1 and 2 more"
    assert words_of_method(PostTrainingQuantization()) == "as usual"
    assert keyed_method(method)["correct-bias"] is None
