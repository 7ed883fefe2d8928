"""The tables in docs/peers.md, each between markers, as `make bench-peers` measured them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench import peers_table
from bench.pairs import Document
from pydantic import TypeAdapter

DOCUMENT = TypeAdapter(Document)
BLOCK = re.compile(r"(<!-- (?P<name>[^:\n]+): `make docs` writes this -->\n).*?(<!-- end of it -->)", re.DOTALL)
MEASURED = "Measured on {date} on {processors} processors; {versions}."


def reduced(found: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was measured before, with those comparisons of a run that are of all models, each by its name as a document
    of its own; None if there is none.
    """
    document = DOCUMENT.validate_python(found)
    whole = {
        result.name: DOCUMENT.dump_python(replace(document, results=(result,)), mode="json")
        for result in document.results
        if result.everything
    }
    return {**measured, **whole} if whole else None


def page(text: str, measured: Mapping[str, Any]) -> str:
    """A page's text with the tables of each comparison between its markers; what was not measured stays."""

    def written(block: re.Match[str]) -> str:
        if block["name"] not in measured:
            return block[0]
        document = DOCUMENT.validate_python(measured[block["name"]])
        versions = ", ".join(f"{name} {version}" for name, version in document.versions.items())
        head = MEASURED.format(date=document.date, processors=document.processors, versions=versions)
        (result,) = document.results
        return f"{block[1]}\n{head}\n\n{peers_table.body(result)}\n\n{block[3]}"

    return BLOCK.sub(written, text)
