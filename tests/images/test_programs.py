"""The stage programs' own tests, each file under the Python 3.8 and the pins of its image."""

import os
import subprocess
from pathlib import Path

import pytest

from pinlite import images
from pinlite.engine import VenvEngine
from pinlite.events import ignore

HERE = Path(__file__).parent
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/test_*.py"))


@pytest.fixture(scope="session")
def environments():
    return VenvEngine().ensure(images.toolchain().values(), ignore)


@pytest.mark.parametrize("file", FILES)
def test_stage_programs(environments, file):
    path = HERE / file
    # What every image shares is tested in the one that starts fastest.
    name = path.parent.name if path.parent.name in environments else "onnx"
    image = Path(environments[name].reference)
    done = subprocess.run(
        [image / "environment" / "bin" / "python", "-m", "unittest", "--verbose", path.name],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(image / "programs"), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 0 tests" not in done.stderr
