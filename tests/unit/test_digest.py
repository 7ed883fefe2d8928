import hashlib
import os

import pytest

from pinlite import digest


def test_canonical_json_is_one_text_whatever_the_order_of_keys():
    text = digest.canonical_json({"b": [1, 2.5, None, True], "a": {"z": "é", "y": ""}})
    assert text == '{"a":{"y":"","z":"é"},"b":[1,2.5,null,true]}'.encode()
    assert text == digest.canonical_json({"a": {"y": "", "z": "é"}, "b": [1, 2.5, None, True]})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_what_is_no_number(number):
    with pytest.raises(ValueError, match="JSON compliant"):
        digest.canonical_json({"x": number})


def test_a_digest_is_the_lower_case_hex_of_sha256(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    wanted = hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert digest.of_bytes(b"abc" * 100_000) == digest.of_file(path) == digest.of_path(path) == wanted


@pytest.fixture
def tree(tmp_path):
    def make(name, files):
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / name

    return make


FILES = {"a.py": "a", "b/c.txt": "c", "b-d": "d"}


def test_a_tree_counts_by_paths_and_contents_alone(tree):
    first = tree("first", FILES)
    second = tree("second", dict(reversed(FILES.items())))
    os.utime(second / "a.py", (0, 0))
    (second / "a.py").chmod(0o600)
    (second / "empty").mkdir()
    assert digest.of_tree(first) == digest.of_path(second)


@pytest.mark.parametrize(
    "change", [{"a.py": "A"}, {"b/c.txt": ""}, {"new": ""}], ids=["another content", "an emptied file", "a new file"]
)
def test_a_tree_with_another_content_has_another_digest(tree, change):
    assert digest.of_tree(tree("first", FILES)) != digest.of_tree(tree("second", FILES | change))


def test_a_renamed_file_gives_another_digest(tree):
    assert digest.of_tree(tree("first", {"a": "x"})) != digest.of_tree(tree("second", {"b": "x"}))


def test_a_file_can_not_move_its_content_into_its_name(tree):
    assert digest.of_tree(tree("first", {"a": "b", "c": "d"})) != digest.of_tree(tree("second", {"a": "", "bc": "d"}))


def test_bytecode_does_not_count(tree):
    before = digest.of_tree(tree("first", FILES))
    assert digest.of_tree(tree("first", {"b/__pycache__/a.cpython-38.pyc": "x"})) == before


def test_files_below_come_sorted_by_their_posix_path(tree):
    folder = tree("first", FILES)
    assert [path.relative_to(folder).as_posix() for path in digest.files_below(folder)] == ["a.py", "b-d", "b/c.txt"]
