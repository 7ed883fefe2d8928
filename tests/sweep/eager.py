"""Stage program of `make sweep`, in the torch image: what PyTorch itself computes of the cases."""

import warnings
from pathlib import Path

import numpy as np
import sweep_models
import torch

from stagekit import arrays
from torch_export import export

VERSIONS = export.VERSIONS


def compute(request):
    """Run a bundle on each of its samples.

    Parameters: ``cases``, as `sweep_models.Bundle` takes them; ``samples``, .npz files of its inputs in their order;
    ``folder``, where the outputs go under the same names, as arrays "0", "1" and so on. Returns {"outputs": how many
    each case has}.
    """
    model = sweep_models.Bundle(request.parameters["cases"])
    folder = Path(request.parameters["folder"])
    folder.mkdir()
    counts = []
    for path in map(Path, request.parameters["samples"]):
        fed = [torch.from_numpy(np.array(array)) for array in arrays.read(path).values()]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_case = model.by_case(fed)
        counts = [len(outputs) for outputs in by_case]
        right = [tensor.numpy() for outputs in by_case for tensor in outputs]
        arrays.write(folder / path.name, {str(at): array for at, array in enumerate(right)})
    return {"outputs": counts}


OPERATIONS = {"compute": compute}
