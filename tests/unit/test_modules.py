import pytest

from pinlite.errors import UsageError
from pinlite.inputs import dependencies, modules


def lay(folder, files):
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def collected(source, tmp_path):
    folder = modules.collect(source, tmp_path / "collected" / "source")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_module_comes_with_what_it_imports_from_beside_it(tmp_path):
    project = lay(
        tmp_path / "project",
        {
            "net.py": "import torch\nimport blocks\nfrom heads.big import Head\nimport absent, os.path\n",
            "blocks.py": "def f():\n    from late import g\n",
            "late.py": "import net\n",
            "heads/__init__.py": "",
            "heads/big.py": "import constants\nfrom . import deep\n",
            "heads/deep/__init__.py": "",
            "heads/table.json": "{}",
            "constants.py": "",
            "unused.py": "",
            "unused_package/__init__.py": "",
        },
    )
    assert collected(project / "net.py", tmp_path) == [
        "blocks.py",
        "constants.py",
        "heads/__init__.py",
        "heads/big.py",
        "heads/deep/__init__.py",
        "heads/table.json",
        "late.py",
        "net.py",
    ]


def test_no_secret_beside_it_is_copied(tmp_path):
    project = lay(
        tmp_path / "project",
        {
            "net.py": "import secrets_of_mine_in_text\nimport package\nimport data\n",
            "secrets_of_mine_in_text": "key",
            "id_rsa": "key",
            ".env": "TOKEN=1",
            "data/customers.csv": "x",
            "package/__init__.py": "",
            "package/.env": "TOKEN=1",
            "package/.git/config": "x",
            "package/__pycache__/a.cpython-311.pyc": "x",
        },
    )
    assert collected(project / "net.py", tmp_path) == ["net.py", "package/__init__.py"]


def test_files_that_the_code_names_come_too(tmp_path):
    code = """
import json, os
from pathlib import Path
import blocks

HERE = Path(__file__).parent
ANCHORS = json.loads((HERE / "anchors.json").read_text())
DEEP = (HERE / "data" / "deep" / "a.npy", Path("data") / "b.npy", os.path.join(os.path.dirname(__file__), "data", "c"))
LABELS = open("./labels.txt").read(), f"{HERE}/d.txt", os.path.dirname(__file__) + "/e.txt"
OTHERS = open(".env"), open("../above.txt"), open("link.txt"), open("data"), open("nowhere.txt")
ODD = "\\0", "\\ud800", "/", "."
"""
    files = ("anchors.json", "data/deep/a.npy", "data/b.npy", "data/c", "labels.txt", "d.txt", "e.txt", "of_blocks.txt")
    project = lay(
        tmp_path / "project",
        {
            "net.py": code,
            "blocks.py": "import package\nprint(open('of_blocks.txt'), 'package/table.txt')",
            "package/__init__.py": "",
            "package/table.txt": "",
            **dict.fromkeys(files, "x"),
            **dict.fromkeys(("data/other", ".env", "unnamed.txt", "../above.txt"), "KEY"),
        },
    )
    (project / "link.txt").symlink_to("../above.txt")
    wanted = [*files, "net.py", "blocks.py", "package/__init__.py", "package/table.txt"]
    assert collected(project / "net.py", tmp_path) == sorted(wanted)


def test_other_contents_of_a_named_file_are_another_dependency(tmp_path):
    project = lay(tmp_path / "project", {"net.py": "open('data/a.json'), open('b.json')", "data/a.json": "1"})
    found = {dependencies.digest_of("modules", project / "net.py")}
    for name, text in (("data/a.json", "2"), ("b.json", "2"), ("unnamed.json", "2")):
        (project / name).write_text(text)
        found.add(dependencies.digest_of("modules", project / "net.py"))
    assert len(found) == 3


def test_a_large_file_does_not_come_for_its_name(tmp_path):
    project = lay(tmp_path / "project", {"net.py": "open('large.bin')"})
    with (project / "large.bin").open("wb") as stream:
        stream.truncate(2**29 + 1)
    assert collected(project / "net.py", tmp_path) == ["net.py"]


def test_code_that_joins_without_end_is_read(tmp_path):
    joined, long = " / 'a'" * 500, "n" * 300
    project = lay(tmp_path / "project", {"net.py": f"x = a{joined}, open('{long}')", "a": ""})
    assert collected(project / "net.py", tmp_path) == ["a", "net.py"]


def test_a_package_comes_whole_under_its_name(tmp_path):
    project = lay(tmp_path / "project", {"nets/__init__.py": "", "nets/a/b.py": "", "nets/.env": "x", "other.py": ""})
    assert collected(project / "nets", tmp_path) == ["nets/__init__.py", "nets/a/b.py"]


@pytest.mark.parametrize("text", ["def broken(:\n", "print 'two'\n", "x = 1\0\n", "\xff"])
def test_what_is_no_python_is_left_to_the_export_to_say(tmp_path, text):
    project = lay(tmp_path / "project", {"net.py": "", "blocks.py": ""})
    (project / "net.py").write_text(text + "\nimport blocks\n", encoding="latin-1")
    assert collected(project / "net.py", tmp_path) == ["net.py"]


def test_code_that_python_warns_of_is_read_all_the_same(tmp_path):
    project = lay(tmp_path / "project", {"net.py": 'import blocks\nx = "\\d" if 1 is 1 else 2\n', "blocks.py": ""})
    assert collected(project / "net.py", tmp_path) == ["blocks.py", "net.py"]


def test_a_link_to_nowhere_in_a_package_is_no_trouble(tmp_path):
    project = lay(tmp_path / "project", {"nets/__init__.py": ""})
    (project / "nets" / "gone.py").symlink_to("nowhere.py")
    assert collected(project / "nets", tmp_path) == ["nets/__init__.py"]


def test_the_users_files_stay_as_they_are(tmp_path):
    project = lay(tmp_path / "project", {"net.py": "import blocks\n", "blocks.py": ""})
    (project / "net.py").chmod(0o400)
    collected(project / "net.py", tmp_path)
    assert sorted(path.name for path in project.iterdir()) == ["blocks.py", "net.py"]


def test_links_that_lead_out_are_left_out(tmp_path):
    (tmp_path / "secret.py").write_text("KEY = 1")
    project = lay(
        tmp_path / "project",
        {"net.py": "import package\nimport beside\nimport inner\n", "package/__init__.py": "", "package/deep/a.py": ""},
    )
    (project / "beside.py").symlink_to(tmp_path / "secret.py")
    (project / "inner.py").symlink_to("package/deep/a.py")
    (project / "package" / "secret.py").symlink_to("../../secret.py")
    (project / "package" / "folder").symlink_to(tmp_path)
    (project / "package" / "deep" / "b.py").symlink_to("a.py")
    assert collected(project / "net.py", tmp_path) == [
        "inner.py",
        "net.py",
        "package/__init__.py",
        "package/deep/a.py",
        "package/deep/b.py",
    ]


def test_a_file_that_imports_by_dots_is_a_part_of_its_package(tmp_path):
    project = lay(
        tmp_path,
        {
            "net.py": "from .blocks import Block\n",
            "pkg/__init__.py": "",
            "pkg/plain.py": "import blocks\n",
            "pkg/net.py": "from . import blocks\n",
            "pkg/sub/__init__.py": "",
            "pkg/sub/net.py": "def build():\n    from ..blocks import Block\n",
        },
    )
    assert modules.package_of(project / "pkg" / "plain.py") is None
    assert modules.package_of(project / "pkg" / "net.py") == (project / "pkg", "pkg.net")
    assert modules.package_of(project / "pkg" / "sub" / "net.py") == (project / "pkg", "pkg.sub.net")
    with pytest.raises(UsageError, match=r"net\.py imports from its own package, and its folder is none"):
        modules.package_of(project / "net.py")
