"""Consoles for everything that people read. Text from inside a stage can't control the terminal.

Names, errors and the ends of logs are a stranger's text. Control characters in it are escaped, and so are characters
that change the direction of writing; square brackets are not markup.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# C0 except tab and newline, DEL, C1; marks and overrides of direction; other newlines; lone surrogates.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKING = str.maketrans({"\t": "\\t", "\n": "\\n"})


class SafeConsole(Console):
    """A rich console that escapes everything it renders, and takes plain text literally.

    What is written to a file does not move, even if FORCE_COLOR gives it colors. A ``calm`` console shows no progress
    but what is done.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False)
        self.calm = False
        if not self.file.isatty() and "force_terminal" not in options:
            self.is_interactive = False

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


def escaped(text: str) -> str:
    """The text with control characters as Python's escapes; lines stay lines."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def name(text: str) -> Text:
    """A name from inside a stage, on one line; escaped before, because a Text drops some control characters."""
    return Text(escaped(text.translate(_BREAKING)))


def indented(text: str) -> str:
    """The text, escaped, with its further lines indented, so that none of them looks like a line of pinlite's."""
    return re.sub(r"\n(?!  )", "\n  ", escaped(text))


def as_json(value: Any) -> str:
    """A document of JSON, as a command prints it."""
    return escaped_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def escaped_json(text: str) -> str:
    """The same JSON with control characters, which only strings can have, as escapes."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
