"""Tar streams to an engine and back: what is packed comes out the same, and nothing of a stranger's goes elsewhere."""

import io
import tarfile

import pytest

from pinlite.engine import written
from pinlite.engine.docker import archives
from pinlite.engine.docker.archives import Strange

PLENTY = 2**30
ME = (1000, 1001)


def stream(*entries, **files):
    """A tar of entries, each a TarInfo, and of files by name, in chunks of an odd size."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for entry in entries:
            tar.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    data = made.getvalue()
    return (data[start : start + 777] for start in range(0, len(data), 777))


def entry(name, kind=tarfile.DIRTYPE, **more):
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in more.items():
        setattr(made, key, value)
    return made


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_what_is_packed_comes_out_the_same(tmp_path, place):
    given = tmp_path / "given"
    (given / "saved" / "variables").mkdir(parents=True)
    (given / "saved" / ("x" * 150)).write_bytes(b"long")
    (given / "saved" / "variables" / "größe").write_bytes(bytes(1_500_000))
    (given / "saved" / "none").touch()
    (given / "m.onnx").write_bytes(b"\0\xff" * 256)
    paths = [("a/m.onnx", given / "m.onnx"), ("a/b/saved", given / "saved")]
    packed = b"".join(archives.packed(paths, ME))
    assert len(packed) % tarfile.BLOCKSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        found = {each.name: each for each in tar}
    assert [name for name in found if "xx" not in name] == [
        *("a", "a/m.onnx", "a/b", "a/b/saved", "a/b/saved/none", "a/b/saved/variables", "a/b/saved/variables/größe"),
    ]
    assert {(each.uid, each.gid) for each in found.values()} == {ME}
    assert {oct(each.mode) for each in found.values()} == {"0o755", "0o644"}
    assert archives.unpack(iter([packed]), place, PLENTY) is None
    for inside, path in paths:
        for each in [path, *path.rglob("*")]:
            out = place / inside / each.relative_to(path)
            assert out.is_dir() if each.is_dir() else out.read_bytes() == each.read_bytes()


def test_a_large_file_is_never_whole_in_memory(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    sizes = [len(chunk) for chunk in archives.packed([("large", large)], ME)]
    assert sum(sizes) > 100 * 2**20
    assert max(sizes) <= 2**20


def test_a_file_that_shrinks_is_told(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(3 * 2**20))
    packing = archives.packed([("file", file)], ME)
    next(packing)
    file.write_bytes(b"")
    with pytest.raises(OSError, match="became shorter"):
        list(packing)


@pytest.mark.parametrize(
    "strange",
    [
        entry("a/link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("a/hard", tarfile.LNKTYPE, linkname="/etc/passwd"),
        entry("a/hard", tarfile.LNKTYPE, linkname="../outside"),
        entry("a/pipe", tarfile.FIFOTYPE),
        entry("a/device", tarfile.CHRTYPE, devmajor=1, devminor=3),
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(place, strange):
    (place.parent / "outside").write_text("ours")
    with pytest.raises(Strange, match=r"its output '\w+' is neither a file nor a folder"):
        archives.unpack(stream(entry("a"), strange), place, PLENTY)
    assert [path.name for path in place.rglob("*")] == ["a"]


@pytest.mark.parametrize("name", ["/tmp/out", "../out", "a/../../out"])
def test_nothing_is_written_elsewhere(place, name):
    with pytest.raises(Strange, match="strange name"):
        archives.unpack(stream(**{name: b"x"}), place, PLENTY)
    assert [*place.iterdir()] == []
    assert not (place.parent / "out").exists()


def test_a_file_does_not_come_twice(place):
    with pytest.raises(FileExistsError):
        archives.unpack(_twice(), place, PLENTY)
    assert (place / "a").read_bytes() == b"1"


def _twice():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for data in (b"1", b"2"):
            one = entry("a", tarfile.REGTYPE, size=1)
            tar.addfile(one, io.BytesIO(data))
    return [made.getvalue()]


def test_a_file_of_two_names_is_there_twice(place):
    data = (
        b"".join(stream(a=b"shared"))[: 2 * tarfile.BLOCKSIZE]
        + entry("b", tarfile.LNKTYPE, linkname="a").tobuf()
        + archives.END
    )
    assert archives.unpack([data], place, PLENTY) is None
    assert (place / "b").read_bytes() == b"shared"


def test_too_much_is_not_written(place):
    found = archives.unpack(stream(a=bytes(600), b=bytes(600)), place, 1000)
    assert found == written.too_large(1000)
    assert not (place / "b").exists()


def test_a_file_that_claims_too_much_is_not_waited_for(place):
    head = entry("a", tarfile.REGTYPE, size=2**40).tobuf()
    assert archives.unpack(iter([head]), place, PLENTY) == written.too_large(PLENTY)
    assert [*place.iterdir()] == []


def test_files_without_end_and_folders_too_deep_are_too_much(place, monkeypatch):
    monkeypatch.setattr(written, "MOST_FILES", 5)
    found = archives.unpack(stream(*(entry(f"f{number}") for number in range(9))), place, PLENTY)
    assert found.what == "more than 5 files"
    deep = [entry("/".join("d" * depth)) for depth in range(1, 19)]
    monkeypatch.setattr(written, "MOST_FILES", 100)
    assert archives.unpack(stream(*deep), place, PLENTY).what == "folders more than 16 deep"
    assert len([*place.rglob("d")]) == 16


@pytest.mark.parametrize("data", [b"no tar at all" * 99, b"".join(stream(a=bytes(5000)))[:3000]])
def test_what_is_no_stream_is_told(place, data):
    with pytest.raises(Strange, match="do not come as a tar stream"):
        archives.unpack([data], place, PLENTY)


def test_an_empty_stream_has_nothing(place):
    assert archives.unpack([archives.END], place, PLENTY) is None
    assert [*place.iterdir()] == []
