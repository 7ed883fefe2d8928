"""What comes from inside a stage and is shown: it can't steer a terminal, and is no markup."""

import io
import json

import fake_engine
import pytest
from fake_engine import RefusalError
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pinlite.ui.console import SafeConsole, escaped, indented, name

# Clear the screen; set the title; C1's form of it; turn the direction; another line; half of a pair.
STEERING = "\x1b[2J\x1b]0;title\x07\x9b2J\u202egnp.exe\u2028next\x00\x7f"
SHOWN = r"\x1b[2J\x1b]0;title\x07\x9b2J\u202egnp.exe\u2028next\x00\x7f"


def steers(text):
    return any(character in text for character in "\x1b\x07\x9b\u202e\u2028\x00\x7f")


def test_what_steers_is_shown():
    assert escaped(STEERING) == SHOWN
    assert escaped("\ud800") == r"\ud800"
    assert escaped("é ü 漢 🙂\tone\ntwo") == "é ü 漢 🙂\tone\ntwo"


def test_further_lines_are_set_in():
    assert indented("one\nerror: two\n  three\n") == "one\n  error: two\n  three\n  "


@pytest.mark.parametrize("shown", [name, indented])
def test_nothing_of_a_strangers_text_is_dropped(printed, shown):
    assert SHOWN in printed(lambda console: console.print(Text("error: ") + Text(str(shown(STEERING)))))


@pytest.fixture
def printed(monkeypatch):
    """What a console prints on a terminal."""

    def show(draw):
        monkeypatch.setenv("TERM", "xterm")
        console = SafeConsole()
        stream = io.StringIO()
        monkeypatch.setattr(console, "_file", stream)
        monkeypatch.setattr(console, "_force_terminal", True)
        console.is_interactive = True
        draw(console)
        return stream.getvalue()

    return show


def test_whatever_is_rendered_is_escaped(printed):
    table = Table(title=STEERING)
    table.add_column(STEERING)
    table.add_row(STEERING)
    table.add_row(Text(STEERING))

    def draw(console):
        console.print(STEERING)
        console.print(Text(STEERING, "red"))
        console.print(table)

    shown = printed(draw)
    assert "]0;title" in shown
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown
    assert not any(character in shown for character in "\x07\x9b\u202e\u2028\x00\x7f")


def test_our_own_control_of_a_terminal_stays(printed):
    def draw(console):
        with Live(Text(STEERING), console=console, transient=True) as live:
            live.refresh()

    shown = printed(draw)
    assert "\x1b[?25l" in shown
    assert "\x1b[2K" in shown
    assert "\x1b[2J" not in shown


def test_brackets_are_no_markup(printed):
    shown = printed(lambda console: console.print("[red]a[/red]", Text("[link=http://b]"), name("c\td\ne")))
    assert "[red]a[/red] [link=http://b] c\\td\\ne\n" in shown


def test_errors_of_a_stage_are_escaped(engine, model_file, command):
    def refuse(_):
        raise RefusalError("model", f"no {STEERING}\nhint: pay", STEERING)

    engine.programs["export"] = refuse
    status, _, said = command("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "out")
    assert status == 3
    assert not steers(said)
    assert "\n  hint: pay\n" in said
    assert SHOWN in said


def test_names_in_tables_and_json_are_escaped(engine, model_file, command):
    def infer(call):
        return fake_engine.infer(call) | {"ops": {f"[red]{STEERING}\n": 1}}

    engine.programs["infer"] = infer
    arguments = ("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "out")
    status, shown, said = command(*arguments)
    assert status == 0
    assert not steers(shown + said)
    assert r"[red]\x1b[2J" in shown
    status, printed, _ = command(*arguments, "--json")
    assert not steers(printed)
    assert list(json.loads(printed)["variants"][0]["ops"]) == [f"[red]{STEERING}\n"]


def test_a_model_in_words_is_escaped(engine, command, model_file):
    def inspect(call):
        call.outputs["text"].write_text(f"input {STEERING}\n")
        return {}

    engine.programs["inspect"] = inspect
    model = model_file.with_suffix(".onnx")
    model.touch()
    status, shown, _ = command("inspect", str(model))
    assert (status, shown) == (0, f"input {SHOWN}\n")


def test_colors_are_those_that_the_environment_wants(monkeypatch):
    def printed(**console):
        stream = io.StringIO()
        made = SafeConsole(file=stream, **console)
        made.print(Text("red", "red"))
        return made, stream.getvalue()

    for variable in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    assert printed()[1] == "red\n"
    assert printed(force_terminal=True)[1] != "red\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(force_terminal=True)[1] == "red\n"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    console, text = printed()
    assert text == "\x1b[31mred\x1b[0m\n"
    assert not console.is_interactive, "what is written to a file does not move"
