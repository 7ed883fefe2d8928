"""What a TFLite file's metadata says, from the JSON of the library that defines it."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

from pinlite.schema.inspection import Described, DescribedTensor, FileContents
from pinlite.stages.metadata import Read

# The name of the metadata in a file.
NAME = "TFLITE_METADATA"
_LABELS = ("TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS")


class _Loose(BaseModel):
    """A table of the format: what is not looked at may be anything."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Options(_Loose):
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class _Unit(_Loose):
    options_type: str = ""
    options: _Options = _Options()


class _File(_Loose):
    name: str = ""
    type: str = ""


class _Tensor(_Loose):
    name: str = ""
    description: str = ""
    process_units: tuple[_Unit, ...] = ()
    associated_files: tuple[_File, ...] = ()


class _Graph(_Loose):
    input_tensor_metadata: tuple[_Tensor, ...] = ()
    output_tensor_metadata: tuple[_Tensor, ...] = ()


class _Model(_Loose):
    name: str = ""
    description: str = ""
    subgraph_metadata: tuple[_Graph, ...] = ()


def has_some(found: FileContents) -> bool:
    return any(each.name == NAME for each in found.metadata)


def of(read: Read) -> Described:
    """The metadata in our words.

    Raises:
        ValidationError: It has another form than the library's.
    """
    model = _Model.model_validate(read.metadata)
    graph = model.subgraph_metadata[0] if model.subgraph_metadata else _Graph()
    return Described(
        name=model.name,
        description=model.description,
        inputs=tuple(_tensor(each, read.files) for each in graph.input_tensor_metadata),
        outputs=tuple(_tensor(each, read.files) for each in graph.output_tensor_metadata),
    )


def _tensor(told: _Tensor, files: dict[str, str]) -> DescribedTensor:
    units = [unit.options for unit in told.process_units if unit.options_type == "NormalizationOptions"]
    normalization = units[0] if units else _Options()
    return DescribedTensor(
        name=told.name,
        description=told.description,
        mean=normalization.mean,
        std=normalization.std,
        labels=tuple(_labels(told, files)),
    )


def _labels(told: _Tensor, files: dict[str, str]) -> Iterator[str]:
    """The lines of the first file of labels that is there."""
    named = [PurePosixPath(each.name).name for each in told.associated_files if each.type in _LABELS]
    yield from next((files[name].splitlines() for name in named if name in files), [])
