"""What is made of the declaration of options: help, keys of pinlite.toml, and functions that a type checker knows."""

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

import pinlite
from pinlite.cli.parameters import command
from pinlite.options import keyed
from pinlite.options.checked import checked
from pinlite.options.commands import COMMANDS, GROUPS, Convert, Quiet
from pinlite.options.declared import ConvertOptions, EngineOptions, MatchOptions, Settings
from pinlite.options.option import AROUND, Argument, Option, fields

SNIPPET = """
import pinlite

pinlite.convert("net.py:build", inputs={"image": "1x3x4x4"}, variants=["int8"], calibration="random", engine="venv")
pinlite.match("old.tflite", "net.py:build", variant="int8", toolchains=["2021"], engine="docker").found
pinlite.run("net.tflite", "x.npz", out="y.npz")["mean"].shape
pinlite.convert("net.py:build", engin="venv")
pinlite.convert("net.py:build", engine="podman")
pinlite.convert("net.py:build", variants=["int4"])
pinlite.debug("build/net", top="many")
"""


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_option_and_its_default_in_its_group(command, name):
    status, out, err = command(*name.split(), "--help")
    assert (status, err) == (0, "")
    shown = {title: words(text) for title, text in re.findall(r"^(\S[^\n]*):\n((?:  [^\n]*\n|\n)*)", out, re.MULTILINE)}
    assert words(COMMANDS[name].help) in words(out)
    for field in fields(COMMANDS[name].takes):
        declared = field.declared
        if isinstance(declared, Argument):
            arguments = re.sub("<[^>]*> ", "", shown["Arguments"])
            assert f"{declared.metavar} {declared.help}" in arguments
        else:
            default = f" [default: {declared.shown_default}]" if declared.shown_default else ""
            assert f"--{field.key} " in shown[declared.group]
            assert words(declared.help) + default in shown[declared.group]


def test_help_names_every_command(command):
    _, out, _ = command("--help")
    for name in (*(name for name in COMMANDS if " " not in name), *GROUPS):
        assert f"\n  {name} " in out
    for group, meaning in GROUPS.items():
        status, out, err = command(group)
        assert (status, err) == (2, "")
        assert meaning in out
        for name in COMMANDS:
            if name.startswith(f"{group} "):
                assert f"\n  {name.split()[1]} " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_run_by_a_function_that_takes_what_is_declared(name):
    module, _, function = COMMANDS[name].run.partition(":")
    found = inspect.signature(getattr(import_module(f"pinlite.cli.{module}"), function))
    rest = next((each for each in found.parameters.values() if each.kind == each.VAR_KEYWORD), None)
    taken = set(found.parameters) - {rest and rest.name}
    if rest:
        (declaration,) = rest.annotation.__args__
        taken |= {field.name for field in fields(declaration)}
    # How much is said is settled before it is called.
    assert taken == {field.name for field in fields(COMMANDS[name].takes)} - Quiet.__annotations__.keys()


def test_a_default_is_what_its_option_takes():
    assert checked(Settings, {"seed": 7}) == {
        field.name: list(field.declared.default)
        if isinstance(field.declared.default, tuple)
        else 7
        if field.name == "seed"
        else field.declared.default
        for field in fields(Settings)
        if field.declared.default is not None
    }
    given = {field.key: field.declared.default for field in fields(Settings) if field.declared.default is not None}
    checked(Settings, {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()})


def test_what_lies_around_a_conversion_decides_nothing():
    around = {
        field.key for field in fields(Settings) if isinstance(field.declared, Option) and field.declared.group in AROUND
    }
    assert around == {
        *(
            "out",
            "strict",
            "sign",
            "engine",
            "trust",
            "python",
            "memory",
            "disk",
            "timeout",
            "keep-warm",
            "images",
            "store",
            "trust-key",
            "signing-key",
            "no-cache",
            "refresh",
        ),
    }


def test_the_command_line_has_what_python_has():
    assert {field.name for field in fields(Convert)} - {field.name for field in fields(ConvertOptions)} == {
        *("source", "dry_run", "verbose", "json", "html"),
        *Quiet.__annotations__,
    }
    assert {field.name for field in fields(ConvertOptions)} - {field.name for field in fields(Settings)} == {
        "config",
        "locked",
    }


def test_python_values_become_those_of_a_file():
    given = {
        "source": Path("net.py:build"),
        "inputs": {"image": "1x3"},
        "input_layout": "nhwc",
        "requirements": ("timm==0.4.12",),
        "variant_tolerances": {"int8": 0.5},
        "seed": 0,
        "weights": None,
    }
    assert keyed(Settings, given) == {
        "source": "net.py:build",
        "input": ["image=1x3"],
        "input-layout": ["nhwc"],
        "with": ["timm==0.4.12"],
        "variant-tolerance": ["int8=0.5"],
        "seed": 0,
    }


def test_one_value_from_python_stands_for_a_list_of_it():
    given = {"toolchains": Path("mine.toml"), "output_names": "y", "inputs": iter(["a=1"])}
    assert keyed(MatchOptions, given) == {"toolchain": ["mine.toml"], "output-name": ["y"], "input": ["a=1"]}


def test_a_wrong_option_from_python_is_an_error_of_the_command():
    for declaration, given in (
        (EngineOptions, {"engine": "podman"}),
        (EngineOptions, {"engin": "venv"}),
        (MatchOptions, {"inputs": 5}),
    ):
        with pytest.raises(pinlite.PinliteError) as raised:
            checked(declaration, keyed(declaration, given))
        assert (raised.value.exit_status, bool(raised.value.hint)) == (2, True)


def test_a_type_checker_refuses_what_is_not_declared():
    Path("snippet.py").write_text(SNIPPET)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "cache", "snippet.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line.split(":")[1] for line in errors] == ["7", "8", "9", "10"], done.stdout + done.stderr
    assert 'Unexpected keyword argument "engin" for "convert"; did you mean "engine"?' in errors[0]


@pytest.mark.parametrize(("arguments", "absent"), [("--help", {"pydantic"}), ("convert --help", set())])
def test_help_waits_for_nothing_heavy(arguments, absent):
    script = "import sys; from pinlite.cli.main import main; main(); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments.split()], env=os.environ, capture_output=True, text=True, check=True
    )
    assert "Usage: pinlite" in done.stdout
    assert not {"numpy", "rich", "docker", *absent} & set(done.stderr.split())


def test_a_conversion_waits_for_nothing_that_makes_images():
    script = "import sys, pinlite.cli.app, pinlite.cli.convert, pinlite.options.resolution; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "pinlite.engine.venv" in imported
    assert imported.isdisjoint({"docker", "numpy", "packaging", "pinlite.engine.supply"})


def test_nothing_is_made_to_check_what_is_not_given(monkeypatch):
    made = []
    build = typer.core.build_runtime_param
    monkeypatch.setattr(typer.core, "build_runtime_param", lambda kind: made.append(kind.annotation) or build(kind))
    context = command("convert", COMMANDS["convert"]).make_context("convert", ["model.py:net", "--seed", "7"])
    assert (context.params["source"], context.params["seed"]) == ("model.py:net", 7)
    assert made == [bool, int, str], "typer's own --help, and what is given"
