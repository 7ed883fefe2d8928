"""How large the ids of an input may be: below the rows of the embeddings that they choose from."""

import torch
from torch import nn

from stagekit import arrays


def of(model, tensors, run):
    """What the integers of an input stay below, by its name, where an embedding has fewer rows than samples assume.

    ``tensors`` are samples by the name of the input, and ``run`` runs the model on them. An embedding is given what it
    takes meanwhile. Ids are known by their memory, or where they were cast by their numbers.
    """
    found = {}
    integers = {name: tensor for name, tensor in tensors.items() if not tensor.is_floating_point()}

    def note(module, inputs):
        ids, *rest = inputs
        for name, tensor in integers.items():
            if _are_same(ids, tensor):
                found[name] = min(module.num_embeddings, found.get(name, module.num_embeddings))
        return (ids.clamp(max=module.num_embeddings - 1), *rest)

    hooks = [module.register_forward_pre_hook(note) for module in model.modules() if _is_small(module)]
    if hooks and integers:
        run(tensors)
    for hook in hooks:
        hook.remove()
    return found


def _is_small(module):
    return isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and module.num_embeddings < arrays.INTEGER_SAMPLES_BELOW


def _are_same(ids, tensor):
    if ids.storage().data_ptr() == tensor.storage().data_ptr():
        return True
    return ids.numel() == tensor.numel() and torch.equal(ids.reshape(-1).long(), tensor.reshape(-1).long())
