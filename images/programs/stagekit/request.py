"""What a stage program is asked."""

from pathlib import Path


class Request:
    """One request: an operation, its parameters (JSON), and files by role.

    ``inputs`` and ``outputs`` map a role to an absolute path. Inputs exist and are read-only. Outputs don't exist yet;
    the folder that will hold each does, and the operation must create every one.
    """

    def __init__(self, message, input_root, output_root):
        self.id = message["id"]
        self.operation = message["operation"]
        self.parameters = message["parameters"]
        self.inputs = {role: Path(input_root) / name for role, name in message["inputs"].items()}
        self.outputs = {role: Path(output_root) / name for role, name in message["outputs"].items()}
        for path in self.outputs.values():
            path.parent.mkdir(parents=True, exist_ok=True)
