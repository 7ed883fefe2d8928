"""The operation ``audit``: what is wrong inside a file."""

from collections import Counter

from stagekit import StageError, interpreter

from .. import limited, parts
from . import alone, kernel_options, structure

# In characters: of each text that is a file's, and of all rows of a list as JSON.
_LONGEST_TEXT, _LONGEST_LIST = 200, 2**20
# Findings about what a runtime takes for granted: it can end for them, or read what is not its own.
_HARMFUL = ("graph", "shapes", "constants", "scales", "zero points", "channels")


def audit(interpreter_class, request):
    """Hold a .tflite file to the rules for its parts, and its integer operators to real numbers.

    ``interpreter_class`` keeps all tensors. Roles in: model, samples (optional). Returns

    - ``findings``: those that there is room for, what is wrong first, as `Finding` has them;
    - ``counts``: how many findings there are of each kind, {kind: number}, and how many are ``wrong``;
    - ``operators``: what the file declares, [{kind, version, type, options, count}], the type of what they give;
    - ``computed``: {checked, unchecked, floats}, each {operator: count}, and ``off``, as `alone.Off` has it; None where
      the file is wrong in a way that a runtime may end for, or can't run, which ``not_run`` says.
    """
    model = parts.read(request.inputs["model"])
    found = structure.findings(model)
    computed, not_run = _computed(model, found, interpreter_class, request)
    return {
        "findings": list(_listed(found)),
        "counts": dict(Counter(each.kind for each in found)),
        "wrong": sum(each.wrong for each in found),
        "operators": _operators(model),
        "computed": computed,
        "not_run": not_run,
    }


def _computed(model, found, interpreter_class, request):
    """What the first graph computed, or None and the reason."""
    if any(each.wrong and each.kind in _HARMFUL for each in found):
        return None, "what is wrong in the file comes first: a runtime may end for it"
    graph = model.graphs[0]
    signed = next((each.inputs for each in model.signatures if each.graph == 0), [])
    samples = request.inputs.get("samples")
    try:
        runner = interpreter.load(interpreter_class, request.inputs["model"], 1)
        made = alone.computed(graph, runner, samples, signed)
    except StageError as error:
        if error.kind == "usage" and samples is not None:
            raise
        return None, _short(error.message)
    unchecked = Counter(graph.operators[at].kind for at in made.unchecked)
    for other in model.graphs[1:]:
        unchecked.update(operator.kind for operator in other.operators if alone.is_integer(other, operator))
    return {
        "checked": _counted(Counter(graph.operators[at].kind for at in made.checked)),
        "unchecked": _counted(unchecked),
        "floats": _counted(Counter(graph.operators[at].kind for at in made.floats)),
        "off": list(_listed(sorted(made.off, key=lambda each: (each.allowed - each.steps, -each.share)))),
    }, ""


def _operators(model):
    """Operators with the version that they ask for, the type of what they give, and options that kernels differ by."""
    counts = Counter()
    for graph in model.graphs:
        for operator in graph.operators:
            kind = graph.tensors[operator.outputs[0]].dtype if operator.outputs else ""
            counts[operator.kind, operator.version, kind, " ".join(kernel_options.words(graph, operator))] += 1
    keys = ("kind", "version", "type", "options")
    return [dict(zip(keys, key), count=count) for key, count in sorted(counts.items())]


def _counted(counts):
    return {name: counts[name] for name in sorted(counts)}


def _listed(tuples):
    """Named tuples as JSON, as many as there is room for."""
    short = (
        {name: _short(value) if isinstance(value, str) else value for name, value in each._asdict().items()}
        for each in tuples
    )
    return limited.rows(short, _LONGEST_LIST)


def _short(text):
    return limited.text(text, _LONGEST_TEXT)
