"""What `make site` does to pages: each Mermaid block becomes an SVG image, and a page that loads something from
elsewhere is an error.
"""

import re
from itertools import count

import mermaidx
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

# Mermaid's own color for the line of a chart is hardly seen on white; rounded boxes are drawn by random numbers.
CONFIG = {"themeVariables": {"xyChart": {"plotColorPalette": "#4051b5"}}, "handDrawnSeed": 1}
LOADED = r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="?(?:https?:)?//[^>]*>'


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with an SVG image in the place of each Mermaid block, each with an id of its own.

    Raises:
        RuntimeError: A block is not Mermaid.
    """
    numbers = count()

    def image(block: re.Match[str]) -> str:
        svg = mermaidx.render(block[1], config=CONFIG).svg().replace("my-svg", f"diagram-{next(numbers)}")
        return f"<div>{svg}</div>\n"

    return re.sub(r"(?ms)^```mermaid\n(.*?)^```\n", image, markdown)


def on_post_page(output: str, page: Page, **_: object) -> None:
    """Raises:
    PluginError: The page loads a script, a style, a picture or a frame from elsewhere.
    """
    if elsewhere := re.search(LOADED, output):
        raise PluginError(f"{page.file.src_uri} loads from elsewhere: {elsewhere[0]}")
