"""The pages of the documentation: their links, their index, and the length of README."""

import re
from pathlib import Path

import pytest

from pinlite.options.commands import COMMANDS, GROUPS
from pinlite.options.option import fields

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "README.md"
SITE = ROOT / "mkdocs.yml"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

# PyPI shows README without the repository around it.
HERE = "https://github.com/pinlite/pinlite/blob/main/"
LONGEST = 150
EVERYWHERE = {"--help", "--install-completion"}
FOLDERS = ("findings", "images", "orchestrator", "tests")
FILES = [path.as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")]


def prose(page):
    """The text without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text())


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page):
    """What GitHub makes of the titles of a page."""
    titles = re.findall(r"(?m)^#+ (.*)$", prose(page))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        if link.startswith(HERE):
            path, base = link.removeprefix(HERE), ROOT
        elif re.match(r"\w+:", link):
            continue
        else:
            path, base = link, page.parent
        file, _, anchor = path.partition("#")
        target = base / file if file else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_repository_that_a_page_names_are_there(page):
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|toml|sh))(?:::\w+)?`", prose(page))
    named += [f"tests/{name}.py" for name in re.findall(r"`(\w+/test_\w+)`", prose(page))]
    assert not [name for name in named if not any(path.endswith(f"/{name}") for path in FILES)]


def commands(page):
    """The words after each `pinlite` in blocks of code, and between backquotes in the text."""
    text = page.read_text()
    blocks = re.findall(r"(?ms)^```(?:console|sh|text)\n(.*?)^```$|^((?:    [^\n]*\n)+)", text)
    lines = re.sub(r"\\\n(?:> )?", " ", "\n".join(map("".join, blocks)))
    shown = re.findall(r"(?m)^ *(?:\$ )?(?:\.venv/bin/)?pinlite ([^#\n]*)", lines)
    return [words.split() for words in shown + re.findall(r"`pinlite ([^`]*)`", prose(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_a_page_shows_are_there(page):
    for words in commands(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), None)
        assert name or words[0] in {*GROUPS, *EVERYWHERE}, words
        options = {f"--{field.key}" for field in fields(COMMANDS[name].takes)} if name else set()
        given = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
        assert not given - options - EVERYWHERE, words


def test_readme_is_short_and_its_links_are_absolute():
    readme = ROOT / "README.md"
    assert len(readme.read_text().splitlines()) <= LONGEST
    assert all(re.match(r"https://", link) for link in links(readme))


def test_the_index_lists_every_page_once():
    listed = re.findall(r"(?m)^\d+\. \[[^]]*\]\(([^)]*)\)", INDEX.read_text())
    assert sorted(listed) == sorted(page.name for page in INDEX.parent.glob("*.md") if page != INDEX)


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=lambda page: page.name)
def test_a_page_says_first_for_whom_it_is(page):
    assert re.match(r"# .+\n\n.*\b[Ff]or (everybody|people)\b", page.read_text())


def test_the_glossary_is_in_order():
    for table in re.split(r"(?m)^## ", (ROOT / "docs" / "glossary.md").read_text())[1:]:
        words = [word.lower() for word in re.findall(r"(?m)^\| ([^|]+) \|", table) if word != "word"]
        assert words == sorted(words)


def test_the_site_has_the_pages_of_the_index_in_its_order():
    pages = re.findall(r"(?m)^#{2,} (.+)$|^\d+\. \[[^]]*\]\(([^)]*)\)", INDEX.read_text())
    navigation = SITE.read_text().partition("\n  - Documentation: README.md\n")[2]
    assert re.findall(r"(?m)^ +- (.+):$|^ +- (.+\.md)$", navigation) == pages
