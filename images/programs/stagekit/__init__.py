"""What every stage program stands on: the worker's half of the contract, and what more than one package needs.

It is in every image, and imports the standard library and numpy alone. A stage program is a module that holds

- ``VERSIONS``: the distribution names whose versions belong in the report,
- ``BESIDE``, where there is more than Python's distributions: its versions by name, and
- ``OPERATIONS``: the functions it answers with, by name. Each takes a `Request` and returns a JSON object.

``python -m stagekit PROGRAM IN OUT`` imports the program, says it is ready and answers requests until its standard
input ends. A function refuses with `StageError`; whatever else it raises is reported as a bug of the stage.
"""

from stagekit.errors import StageError
from stagekit.request import Request

__all__ = ["Request", "StageError"]
