"""The command beside its stages: configuration, JSON, Python, images, doctor."""

import json
import shutil
import sys
import textwrap

import pytest
from command import CASES, NETWORK

import pinlite as package
from pinlite import toolchain

SCRIPT = """
import json, sys
import pinlite

report = pinlite.convert(sys.argv[1], inputs={"image": "1x3x16x16"}, engine=sys.argv[2], out="out", no_cache=True)
assert isinstance(report, pinlite.Report)
assert report.ok and report.variants[0].ops["CONV_2D"] == 1
sys.stdout.write(report.to_json())
try:
    pinlite.convert("missing.onnx")
except pinlite.PinliteError as error:
    assert (error.exit_status, error.hint) == (2, "check the path")
"""


def test_json_on_standard_output_is_the_report_and_nothing_else(pinlite, any_engine):
    shown = pinlite.succeeds("convert", *NETWORK, "--json", "--engine", any_engine, "--out", "out").out
    assert shown == (pinlite.here / "out/report.json").read_text()
    assert json.loads(shown)["schema"] == "pinlite.report/2"


def test_the_console_shows_the_same_as_the_report(pinlite, any_engine, report):
    ended = pinlite.succeeds("convert", *NETWORK, "--engine", any_engine, "--out", "out")
    found = report(pinlite.here / "out")
    for entry in (*found["stages"], *found["variants"]):
        assert entry["name"] in ended.out
    for artifact in found["artifacts"]:
        assert artifact["path"] in ended.out
        assert artifact["sha256"][:16] in ended.out
    # A row for each runtime, of its worst; figures that are told alone are in the report.
    for runtime in {hop["to"] for hop in found["hops"]}:
        judged = [hop for hop in found["hops"] if hop["to"] == runtime and hop["tolerance"] is not None]
        assert f"{max(hop['max_rel_error'] for hop in judged):.2e}" in ended.out
    assert "does not isolate" in ended.err


def test_python_gives_the_report_as_an_object(pinlite, any_engine):
    ended = pinlite.succeeds(NETWORK[0], any_engine, entry=("-c", SCRIPT))
    assert ended.out == (pinlite.here / "out/report.json").read_text()


def test_a_file_has_the_same_keys_and_the_command_line_wins(pinlite, any_engine, report):
    pinlite.here.mkdir()
    (pinlite.here / "pinlite.toml").write_text(
        textwrap.dedent(f"""
            source = "{CASES}/tiny.py:Difference"
            input = ["a=1x4", "b=1x4"]
            output-name = ["first", "second"]
            engine = "{any_engine}"
            seed = 3
            lowering = "stock"
            tolerance = 0.001
            out = "from_file"
        """)
    )
    pinlite.succeeds("convert", "--config", "pinlite.toml", "--seed", 4, "--out", "out")
    found = report(pinlite.here / "out")
    assert (found["seed"], found["lowering"], found["tolerance"]) == (4, "stock", 0.001)
    assert [tensor["name"] for tensor in found["variants"][0]["outputs"]] == ["first", "second"]
    assert not (pinlite.here / "from_file").exists()


def test_an_earlier_result_is_replaced_as_a_whole(pinlite, any_engine, network, report):
    shutil.copytree(network, pinlite.here / "out")
    pinlite.succeeds("convert", *NETWORK, "--seed", 2, "--engine", any_engine, "--out", "out")
    assert report(pinlite.here / "out")["seed"] == 2
    assert sorted(path.name for path in pinlite.here.iterdir()) == ["err.txt", "out", "out.txt", "tmp"]


def test_images_that_are_there_are_listed_and_not_built_again(pinlite, engine):
    assert "built" not in pinlite.succeeds("images", "build", "--engine", engine).err
    shown = pinlite.succeeds("images", "list", "--engine", engine).out
    current = [line.split()[0] for line in shown.splitlines() if " current " in line]
    assert {recipe.name for recipe in toolchain.load().recipes} <= set(current)


def test_doctor_says_what_runs_the_stages(pinlite, engine):
    shown = pinlite.succeeds("doctor").out
    assert f"engine {engine}" in shown
    assert f"{engine} images" in shown
    assert shown.endswith("ready to convert\n")


def test_version(pinlite):
    assert pinlite.succeeds("--version").out == f"pinlite {package.__version__}\n"


def test_completion(pinlite):
    shown = pinlite.succeeds("--show-completion", "bash").out
    assert "complete" in shown
    assert "pinlite" in shown


@pytest.mark.parametrize("command", ["convert", "run", "inspect", "verify", "images", "doctor"])
def test_every_command_has_help(pinlite, command):
    assert "Usage: pinlite " + command in pinlite.succeeds(command, "--help").out


def test_the_installed_command_is_the_same(pinlite):
    script = f"{sys.prefix}/bin/pinlite"
    assert pinlite.succeeds("--version", entry=(script,)).out == f"pinlite {package.__version__}\n"
