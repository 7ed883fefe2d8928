"""The JSON Schemas that lie in the package: of pinlite.toml, from the declaration of options, and of what travels."""

import json
from typing import Any

from pinlite.batch import models_file
from pinlite.options import signatures
from pinlite.schema.audit import AuditReport
from pinlite.schema.batch import BatchReport
from pinlite.schema.inspection import InspectReport
from pinlite.schema.lock import Lock
from pinlite.schema.report import Report

OF = {
    "recipe": ("pinlite.toml: how a source is converted", signatures.form()),
    "report": ("report.json: the report of a conversion", Report),
    "lock": ("pinlite.lock: what a conversion was made of, and what it came to, by sha256", Lock),
    "audit": ("pinlite audit --json: what is wrong inside a TFLite file, and in which runtimes", AuditReport),
    "inspect": ("pinlite inspect FILE.tflite --json: what is in a TFLite file, and what it costs", InspectReport),
    "models": ("models.toml: the models of a batch", models_file.form()),
    "batch": ("batch.json: what came of a batch", BatchReport),
}


def schemas() -> dict[str, str]:
    """The schemas by the names of their files."""
    found = {}
    for name, (title, kind) in OF.items():
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
        found[f"{name}.json"] = json.dumps(head | _without_noise(kind.model_json_schema()), indent=2) + "\n"
    return found


def _without_noise(schema: Any) -> Any:
    """Without what is made of names alone, and defaults that stand for none."""
    if isinstance(schema, list):
        return [_without_noise(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    noise = {"title"} if isinstance(schema.get("title"), str) else set()
    if schema.get("default", "") is None and "anyOf" not in schema:
        noise |= {"default"}
    # Older releases of pydantic leave out what may be anything, and the words that the keys of a table are among; and
    # they say a constant twice.
    if schema.get("additionalProperties") is True:
        noise |= {"additionalProperties"}
    if "propertyNames" in schema:
        noise |= {"propertyNames"}
    if "const" in schema:
        noise |= {"enum"}
    return {key: _without_noise(value) for key, value in schema.items() if key not in noise}
