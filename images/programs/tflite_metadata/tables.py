"""The tables of metadata, filled in."""

import flatbuffers
from tensorflow_lite_support.metadata import metadata_schema_py_generated as schema
from tensorflow_lite_support.metadata import schema_py_generated as file_schema
from tensorflow_lite_support.metadata.python.metadata import MetadataPopulator


def packed(content, parameters):
    """The bytes of metadata for a file.

    ``parameters`` are {name, description, labels, inputs, outputs}: ``labels`` the name of the file of labels, of both
    sides [{name, tensor, description, mean, std, image, labelled}]: ``tensor`` is its name in the file, ``mean`` and
    ``std`` are of pixels of 0 to 255 and empty where it has none, an ``image`` has red, green and blue as its last
    axis, or is gray; a ``labelled`` output has a number for each label.
    """
    graph = file_schema.Model.GetRootAsModel(content, 0).Subgraphs(0)
    model, sub = schema.ModelMetadataT(), schema.SubGraphMetadataT()
    model.name, model.description = parameters["name"], parameters["description"]
    sides = []
    for side, count, place in (
        (parameters["inputs"], graph.InputsLength(), graph.Inputs),
        (parameters["outputs"], graph.OutputsLength(), graph.Outputs),
    ):
        names = [graph.Tensors(place(at)).Name().decode() for at in range(count)]
        sides.append([_tensor(each, parameters["labels"]) for each in _in_order(side, names)])
    sub.inputTensorMetadata, sub.outputTensorMetadata = sides
    model.subgraphMetadata = [sub]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), MetadataPopulator.METADATA_FILE_IDENTIFIER)
    return bytes(builder.Output())


def _in_order(side, names):
    """The entries as the file has its tensors, by name or, where several have one, by place."""
    own = [each["tensor"] for each in side]
    return side if own == names else [side[own.index(name)] for name in names]


def _tensor(told, labels):
    made = schema.TensorMetadataT()
    made.name, made.description = told["name"], told["description"]
    made.content = schema.ContentT()
    if told["image"]:
        image = schema.ImagePropertiesT()
        kinds = schema.ColorSpaceType
        image.colorSpace = kinds.RGB if told["image"] == "rgb" else kinds.GRAYSCALE
        made.content.contentPropertiesType = schema.ContentProperties.ImageProperties
        made.content.contentProperties = image
    else:
        made.content.contentPropertiesType = schema.ContentProperties.FeatureProperties
        made.content.contentProperties = schema.FeaturePropertiesT()
    if told["std"]:
        options = schema.NormalizationOptionsT()
        options.mean, options.std = told["mean"], told["std"]
        unit = schema.ProcessUnitT()
        unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, options
        made.processUnits = [unit]
    if told["labelled"]:
        file = schema.AssociatedFileT()
        file.name, file.type = labels, schema.AssociatedFileType.TENSOR_AXIS_LABELS
        file.description = "the names of the classes, one a line"
        made.associatedFiles = [file]
    return made
