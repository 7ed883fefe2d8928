"""The JSON Schemas that `pinlite schema` prints, and the files that they are of."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import pinlite

EXAMPLE = Path(__file__).parents[2] / "examples" / "encoder_decoder" / "pinlite.toml"
MADE = Path(__file__).parents[1] / "made_before" / "0.1.0"
FILES = {
    "recipe": [MADE / "nhwc" / "pinlite.toml", MADE / "stock" / "pinlite.toml", EXAMPLE],
    "report": [MADE / "stock" / "out" / "report.json"],
    "lock": [MADE / "nhwc" / "pinlite.lock", MADE / "stock" / "pinlite.lock"],
}


@pytest.fixture
def check(command):
    """Hold content to the schema of a name."""

    def held(name, content):
        status, out, err = command("schema", name)
        assert (status, err) == (0, "")
        schema = json.loads(out)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(content)

    return held


def read(file):
    return (tomllib if file.suffix == ".toml" else json).loads(file.read_text())


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in FILES.items() for file in files])
def test_what_is_there_is_valid(check, name, file):
    check(name, read(file))


@pytest.mark.usefixtures("model_file")
def test_what_is_made_today_is_valid(check, engine):
    text = (
        'source = "model.py:build"\ninput = ["image=1x3x4x4"]\nvariant = ["float32", "int8"]\ncalibration = "random"\n'
    )
    Path("pinlite.toml").write_text(f'{text}seed = 3\nout = "out"\ndynamic-batch = true\n')
    pinlite.convert(config="pinlite.toml")
    assert engine.requests
    check("recipe", read(Path("pinlite.toml")))
    check("report", read(Path("out/report.json")))
    check("lock", read(Path("pinlite.lock")))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("recipe", {"sede": 1}),
        ("recipe", {"signature": [{"name": "a", "source": "a.b:c"}]}),
        ("recipe", {"signature": [{"name": "a"}, {"name": "b-c"}]}),
        ("recipe", {"signature": [{"name": "a"}, {"name": "b", "target": "micro"}]}),
        ("recipe", {"seed": -1}),
        ("recipe", {"seed": "1"}),
        ("recipe", {"prune": 1}),
        ("recipe", {"variant": ["int4"]}),
        ("recipe", {"engine": "podman"}),
        ("report", {"ok": "yes"}),
        ("lock", {"base": "sha256:0", "bases": {}}),
        ("lock", {"artifacts": {"model.onnx": 1}}),
    ],
)
def test_what_is_wrong_is_not_valid(check, name, wrong):
    content = read(FILES[name][0])
    check(name, content)
    with pytest.raises(jsonschema.ValidationError):
        check(name, content | wrong)


@pytest.mark.parametrize("name", ["", "config"])
def test_another_name_is_refused(command, name):
    status, out, err = command("schema", name)
    assert (status, out, "'recipe'" in err) == (2, "", True)
