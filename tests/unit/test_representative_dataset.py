"""Calibration samples: which are taken, and what is said of those that are not."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pinlite.conversion import representative_dataset
from pinlite.errors import UsageError
from pinlite.inputs import npz
from pinlite.options import resolve
from pinlite.schema.recipe import Calibration, InputSpec
from pinlite.stages.stage import Named

IMAGE = InputSpec(name="image", shape=(1, 3, 4, 4))
BATCH = InputSpec(name="batch", shape=(2, 3))
IDS = InputSpec(name="ids", shape=(1, 5), dtype="int64")
FACTOR = InputSpec(name="factor", shape=())


def arrays(*shape, dtype="float32"):
    return (np.arange(np.prod(shape)).reshape(shape) / 7).astype(dtype)


def read(path):
    return representative_dataset.read(Calibration(kind="arrays", text=str(path), path=Path(path)))


def fitted(given, *inputs):
    return representative_dataset.fitted(given, inputs, Calibration(kind="arrays", text="c.npz"))


def refusal(action, *arguments):
    with pytest.raises(UsageError) as raised:
        action(*arguments)
    assert "--calibration" in str(raised.value)
    assert raised.value.hint
    return str(raised.value)


@pytest.mark.parametrize(
    ("spec", "shape", "samples"),
    [
        (IMAGE, (5, 3, 4, 4), 5),
        (IMAGE, (5, 1, 3, 4, 4), 5),
        (BATCH, (6, 3), 3),
        (BATCH, (6, 2, 3), 6),
        (FACTOR, (4,), 4),
    ],
)
def test_samples_lie_along_the_first_axis_whole_or_joined_as_batches(spec, shape, samples):
    given = arrays(*shape)
    found = fitted({spec.name: given}, spec)[spec.name]
    assert found.shape == (samples, *spec.shape)
    np.testing.assert_array_equal(found.ravel(), given.ravel())


def test_inputs_are_told_apart_by_name_and_come_in_the_models_order():
    given = {"ids": arrays(3, 5, dtype="int64"), "image": arrays(3, 3, 4, 4)}
    assert list(fitted(given, IMAGE, IDS)) == ["image", "ids"]


@pytest.mark.parametrize(
    ("given", "inputs", "words"),
    [
        ({"picture": arrays(2, 3, 4, 4)}, [IMAGE], "named picture, the model's inputs are image"),
        ({"image": arrays(2, 3, 4, 4)}, [IMAGE, IDS], "image, ids"),
        ({"image": arrays(2, 4, 4, 3)}, [IMAGE], "'image' is 2x4x4x3 of float32, the input 1x3x4x4 of float32"),
        ({"image": arrays(2, 3, 4, 4, dtype="float64")}, [IMAGE], "of float64, the input"),
        ({"batch": arrays(5, 3)}, [BATCH], "'batch' is 5x3"),
        ({"image": arrays(2, 3, 4, 4), "ids": arrays(3, 5, dtype="int64")}, [IMAGE, IDS], "2 of image, 3 of ids"),
        ({"image": np.full((2, 3, 4, 4), 0.5, np.float32)}, [IMAGE], "'image' is 0.5 everywhere"),
    ],
)
def test_what_does_not_fit_is_named(given, inputs, words):
    assert words in refusal(fitted, given, *inputs)


def test_a_setting_and_integers_may_stay_the_same():
    fitted({"factor": np.ones(3, np.float32), "ids": np.ones((3, 5), np.int64)}, FACTOR, IDS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_finite_numbers_are_named(value):
    given = arrays(2, 3)
    given[1, 2] = value
    np.savez("c.npz", x=given)
    assert "'x' holds " + ("NaN" if np.isnan(value) else "infinities") in refusal(read, "c.npz")


def test_an_npz_and_a_folder_of_npy_files_are_read_alike():
    given = {"image": arrays(2, 3, 4, 4), "ids": arrays(2, 5, dtype="int64")}
    np.savez("c.npz", **given)
    Path("folder").mkdir()
    for name, array in given.items():
        np.save(f"folder/{name}.npy", array)
    for path in ("c.npz", "folder"):
        found = read(path)
        assert sorted(found) == sorted(given)
        for name, array in given.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not an .npz"), (b"PK nonsense", "not an .npz"), ("pickled", "not an .npz"), ("none", "no array")],
)
def test_what_is_no_file_of_arrays_is_refused(content, words):
    if content == "pickled":
        np.savez("c.npz", x=np.array([{}, 1], dtype=object))
    elif content == "none":
        np.savez("c.npz")
    else:
        Path("c.npz").write_bytes(content)
    assert words in refusal(read, "c.npz")


def test_arrays_without_elements_or_numbers_are_refused():
    np.savez("c.npz", x=np.zeros((0, 3), np.float32))
    assert "'x' is empty (0x3)" in refusal(read, "c.npz")
    np.savez("c.npz", x=np.array(["a", "b"]))
    assert "which are not numbers" in refusal(read, "c.npz")


def test_a_damaged_npy_file_is_named():
    Path("folder").mkdir()
    Path("folder/x.npy").write_bytes(b"nonsense")
    assert "x.npy" in refusal(read, "folder")


def test_the_same_arrays_are_written_to_the_same_bytes_under_any_name():
    given = {"file": arrays(2, 3), "a/b.c": arrays(2, 3)[::-1]}
    for name in ("one.npz", "other.npz"):
        npz.write(Path(name), given)
    assert Path("one.npz").read_bytes() == Path("other.npz").read_bytes()
    with np.load("one.npz") as read_back:
        assert read_back.files == list(given)
        np.testing.assert_array_equal(read_back["a/b.c"], given["a/b.c"])


def test_random_samples_are_the_seeds():
    made = [representative_dataset.random([IMAGE, IDS], seed) for seed in (0, 0, 1)]
    for name, dtype in (("image", "float32"), ("ids", "int64")):
        assert made[0][name].dtype == dtype
        np.testing.assert_array_equal(made[0][name], made[1][name])
        assert (made[0][name] != made[2][name]).any()
    assert fitted(made[0], IMAGE, IDS)


def test_random_ids_are_rows_of_what_they_choose_from():
    small = representative_dataset.random([IMAGE, IDS], 0, {"ids": 2})
    assert set(small["ids"].ravel()) == {0, 1}
    pixels = representative_dataset.random([IMAGE, IDS], 0, {"ids": representative_dataset.PIXELS_BELOW})
    assert pixels["ids"].max() > 200


def test_of_very_many_images_some_are_taken_at_even_distances():
    Path("photos").mkdir()
    for number in range(1200):
        Path(f"photos/{number:04}.png").touch()
    Path("photos/notes.txt").touch()
    found = representative_dataset.images(Path("photos"))
    assert len(found) == representative_dataset.MOST_IMAGES
    assert (found[0].name, found[-1].name) == ("0000.png", "1199.png")
    steps = np.diff([int(path.stem) for path in found])
    assert set(steps) == {2, 3}


def test_each_form_of_calibration_is_recognized(model_file):
    np.savez("c.npz", x=arrays(1))
    for folder, name in (("npys", "x.npy"), ("photos", "A.JPG")):
        Path(folder).mkdir()
        Path(folder, name).touch()
    kinds = {
        "random": "random",
        "c.npz": "arrays",
        "npys": "arrays",
        "photos": "images",
        "model.py:build": "python",
        "torchvision.models:resnet18": "python",
    }
    for text, kind in kinds.items():
        recipe = resolve({"source": f"{model_file}:build", "variant": ["int8"], "calibration": text})
        assert (recipe.calibration.kind, recipe.calibration.text) == (kind, text)


def test_random_samples_of_an_enormous_input_are_not_made():
    with pytest.raises(UsageError, match="32 samples of 1099511627776x4 take more than 4 GiB"):
        representative_dataset.random([InputSpec(name="x", shape=(2**40, 4))], 0)


@pytest.mark.parametrize(("shape", "dtype"), [((1, -4), "float32"), ((1, 4), "object"), ((1, 4), "<U3"), ((1, 4), "")])
def test_a_stage_reports_no_other_inputs_than_there_can_be(shape, dtype):
    assert Named(name="x", shape=(1, None), dtype="float32")
    with pytest.raises(ValidationError):
        Named(name="x", shape=shape, dtype=dtype)
