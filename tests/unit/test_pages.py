"""The pages that `make docs` writes, and that what they say is of everything there is."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import batch_page
import cluster_page
import error_table
import expressions
import import_graph
import json_schemas
import manifest
import pages
import peers_page
import scale_page
import soak_table
from bench import batch, measure, peers, scale

from pinlite.cli.schema import SCHEMAS
from pinlite.machine import folders

ERRORS = (pages.DOCS / "errors.md").read_text().splitlines()
DONE = {
    "title": "Pooling",
    "code": "nn.Pool(2)",
    "aten": ["pool"],
    "ours": ["pool"],
    "kept": [],
    "onnx": {"Pool": 1, "Pad": 2},
    "tflite": {"POOL_2D": 1, "FlexPad": 1},
    "difference": 3.14e-7,
    "stage": "",
    "crashed": False,
    "message": "",
    "hint": "",
}
REFUSED = {**DONE, "code": "x | x", "ours": [], "difference": None, "stage": "export", "message": "no", "hint": "do y"}
CONFORMANCE = {
    "everything": True,
    "counts": {"pass": 2, "refused": 1, "wrong": 0, "crashed": 0, "inexpressible": 1, "disputed": 0},
    "cases": [
        {"operator": "Pool", "status": "pass", "reason": ""},
        {"operator": "Pool (expanded)", "status": "refused", "reason": "spelled out"},
        {"operator": "Text", "status": "pass", "reason": ""},
        {"operator": "Text", "status": "inexpressible", "reason": "no strings"},
    ],
}
MODEL = {
    "name": "net",
    "state": "converted",
    "right": True,
    "stage": "",
    "message": "",
    "hops": {"onnxruntime": 1.23e-6, "tflite-runtime 2.14.0": 4.56e-6},
    "size": 1_500_000,
    "latency_ms": {"tflite-runtime 2.14.0": 7.25},
    "operators": {"ADD": 1, "CONV_2D": 2},
    "changed": [],
}


def symbolics():
    """The operators that symbolics of ours are decorated with."""
    for path in (folders.IMAGES / "programs" / "torch_symbolics").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", ()):
                name, _, given = ast.unparse(decorator).partition("(")
                if given and name in ("decomposition", "symbolic"):
                    yield decorator.args[0].value


def test_the_pages_follow_from_what_was_measured():
    for name, text in pages.pages().items():
        assert (pages.DOCS / name).read_text() == text, f"{name}: run make docs"


def test_the_json_schemas_follow_from_the_types():
    for name, text in json_schemas.schemas().items():
        assert json.loads((SCHEMAS / name).read_text()) == json.loads(text), f"{name}: run make docs"
    assert {file.name for file in SCHEMAS.iterdir()} == json_schemas.schemas().keys()


def test_every_probe_and_every_model_was_measured():
    assert [result["code"] for result in pages.measured("operators")] == [probe.code for probe in expressions.load()]
    assert [model["name"] for model in pages.measured("zoo")] == [model.name for model in manifest.load()]


def test_every_symbolic_of_ours_has_a_probe():
    names = {name.rstrip("_") for name in symbolics()}
    probed = {name.rstrip("_") for result in pages.measured("operators") for name in result["ours"]}
    # Outputs that repeat go through "alias"; torch itself makes "outer" of "ger"; only --qat puts ranges into a model.
    assert names - probed == {"alias", "fake_quantize_per_tensor_affine", "ger"}


def test_every_error_says_what_it_means_and_what_to_do():
    kinds = list(error_table.every_error())
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert all(vars(kind).get(name) for name in ("__doc__", "code", "advice")), kind
        assert sum(f"| `{kind.code}` | {kind.exit_status} |" in line for line in ERRORS) == 1, kind
        assert any(line.startswith(f"| {kind.exit_status} | ") for line in ERRORS), kind


def test_an_arrow_that_a_longer_way_replaces_is_not_drawn():
    graph = {"cli": {"store", "digest"}, "store": {"digest"}, "digest": set()}
    assert import_graph.shortened(graph) == {"cli": {"store"}, "store": {"digest"}, "digest": set()}


def test_few_conversions_are_no_soak():
    turn = {"asked": soak_table.LEAST}
    assert soak_table.reduced([turn, turn]) == [turn, turn]
    assert soak_table.reduced([turn, {"asked": soak_table.LEAST - 1}]) is None


def test_a_batch_is_told_as_it_was_measured():
    rest = {"load": 0.1}
    turns = [{"ours": ours, "in turn": 100.0, "by two": 50.0} for ours in (40.0, 30.0, 35.0)]
    memory = [{"seconds": 5.0 * at, "models": 100 * at, "bytes": 2_000_000_000 + at} for at in range(11)]
    found = {
        "date": "2026-11-30",
        "processors": 2,
        "twenty": {"models": [*batch.MODEL_NAMES], "bytes": 1_000_000, "rounds": turns, **rest},
        "drawn": {"models": 1000, "bytes": 2_000_000, "seconds": 400.0, "memory": memory, **rest},
        "kept": {"models": 2000, "new folders": 20.0, "folders there": 10.0, **rest},
    }
    assert batch_page.reduced(found) == found
    page = batch_page.page(found)
    for told in ("| pinlite batch | 35.0 | 0.35 | 0.70 |", "**2.5 a second**", "grew by 0 %", "10 and 5 ms each"):
        assert told in page
    assert [*batch.shortfalls(found)] == []
    slow = found | {
        "twenty": found["twenty"] | {"rounds": [turn | {"ours": 60.0} for turn in turns]},
        "drawn": found["drawn"]
        | {"seconds": 1000.0, "memory": [*memory[:7], *({**p, "bytes": 3 * 10**9} for p in memory[7:])]},
        "kept": found["kept"] | {"new folders": 41.0},
    }
    assert len([*batch.shortfalls(slow)]) == 5
    busy = batch_page.page(found | {"kept": found["kept"] | {"load": 12.0}})
    assert "load of the machine was 12" in busy
    assert "load of the machine" not in page
    # A part of the models says nothing; a part of the page may be measured alone.
    few = found | {"drawn": found["drawn"] | {"models": 10}}
    assert batch_page.reduced(few, found)["drawn"] == found["drawn"]
    assert "small models" not in batch_page.page(batch_page.reduced(few))
    assert batch_page.reduced({"date": "", "processors": 2, "drawn": few["drawn"]}) is None


def test_a_cluster_is_told_as_it_was_measured_and_what_follows():
    one = {"seconds": 60.0, "converting": 40.0, "asking": 6.0, "scheduling": 1.5, "stored": 90_000_000}
    found = {
        "date": "2026-11-30",
        "processors": 2,
        "load": 0.2,
        "models": [f"net{number}" for number in range(10)],
        "bytes": 40_000_000,
        "start": {"seconds": 9.0, "converting": 4.0, "asking": 1.5, "scheduling": 0.6, "stored": 9_000_000},
        "rounds": [{"one": one, "two": one | {"seconds": seconds}} for seconds in (30.0, 33.0, 45.0)],
    }
    assert cluster_page.reduced(found) == found
    assert cluster_page.reduced(found | {"models": ["one"]}) is None
    section = cluster_page.section(found)
    # 5.7 s a model; (6 - 1.5) / 9 s of who asks; 9 MB; 10,000 models by 200 workers, at 1 Gbit/s.
    for told in (
        *(
            "| one worker | 60 |",
            "| two workers | 33, 0.55 of that |",
            "| its conversion | 4.0 s |",
            "checks | 1.7 s |",
        ),
        *("of who asks | 0.50 s |", "scheduler 25 ms", "there and back | 4 and 5 MB |"),
        *("by 200 workers | 5 min |", "on one core | 83 min |"),
        *("at 1 Gbit/s | 12 min |", "about **83 min**,\nas long as who asks has to do", "to do | 11 |", "full | 79 |"),
    ):
        assert told in section, told
    assert "load of the machine" not in section
    assert "load of the machine was 23" in cluster_page.section(found | {"load": 23.4})


def test_a_part_of_the_sizes_is_no_plot():
    point = {"seconds": 1.0, "stages": {}, "memory": {}}
    sizes, nodes = ([{"count": count, **point} for count in counts] for counts in (scale.SIZES, scale.NODES))
    whole = {"by_size": sizes, "by_nodes": nodes}
    assert scale_page.reduced(whole) == whole
    assert scale_page.reduced({**whole, "by_nodes": nodes[:-1]}) is scale_page.reduced({"by_size": sizes}) is None


def test_a_part_of_the_results_is_no_result():
    assert pages.reduced_operators([DONE]) is None
    assert pages.reduced_conformance({**CONFORMANCE, "everything": False}) is None
    assert pages.reduced_zoo({"models": [MODEL]}) is None


def test_operators(monkeypatch):
    monkeypatch.setattr(
        expressions, "load", lambda: [SimpleNamespace(code=result["code"]) for result in (DONE, REFUSED)]
    )
    results = pages.reduced_operators([DONE, REFUSED])
    page = pages.operators_page(results, *[pages.reduced_conformance(CONFORMANCE)] * 2).splitlines()
    assert "| **`nn.Pool(2)`** | 2 Pad, Pool | *FlexPad*, POOL_2D |" in page
    assert "| `x \\| x` | refused by export: no; do y | |" in page
    text = " ".join(page)
    assert "1 convert, equal to PyTorch's result within 3e-07 of its largest magnitude, 1 are refused." in text
    assert any("Of the 3 ONNX operator tests" in line and line.endswith("2 pass") for line in page)
    assert "Of the 3 tests of onnx 1.23.2" in text
    assert "Every case of these passes: Pool." in page
    assert "| Text | 1 of 2 | no strings |" in page


def test_zoo(monkeypatch):
    refused = {**MODEL, "name": "other", "state": "refused", "stage": "export", "message": "it <can't>", "hops": {}}
    refused |= {"changed": None, "operators": {}, "latency_ms": {}}
    models = [MODEL, refused]
    monkeypatch.setattr(manifest, "load", lambda: [SimpleNamespace(name=model["name"]) for model in models])
    page = pages.zoo_page(pages.reduced_zoo({"models": models})).splitlines()
    assert "| net | 5e-06 | 1.50 | 7.2 | 2 CONV_2D, 1 ADD |" in page
    assert "| other | | | | refused by export: it \\<can't> |" in page
    assert "Of the 1 models that were converted twice, 1 have the same bytes." in page


def test_a_comparison_of_all_models_takes_its_place_in_the_page():
    pair = {"model": "net", "ours": {"seconds": [1.0]}, "theirs": {"seconds": [2.0]}}
    results = [
        {"name": name, "targets": {}, "runtimes": [], "pairs": [pair], "everything": everything}
        for name, everything in (("a whole", True), ("a part", False))
    ]
    found = {"date": "2026-11-30", "processors": 2, "versions": {"peer": "1.2"}, "results": results}
    assert peers_page.reduced({**found, "results": results[1:]}, {}) is None
    measured = peers_page.reduced(found, {"of before": "stays"})
    assert measured.keys() == {"of before", "a whole"}
    block = "<!-- {}: `make docs` writes this -->\nold\n<!-- end of it -->\nnote of {}\n"
    text = "".join(block.format(name, name) for name in ("a whole", "a part"))
    page = peers_page.page(text, measured)
    assert "Measured on 2026-11-30 on 2 processors; peer 1.2." in page
    assert "| net | 0.0 | 1.0 (1.0 to 1.0) | 2.0 (2.0 to 2.0) | 0.50 (0.50 to 0.50) |" in page
    assert page.count("old") == 1
    assert page.endswith(block.format("a part", "a part"))
    assert peers_page.page(page, measured) == page


def test_the_page_of_peers_has_a_place_for_every_comparison():
    runtime = measure.Runtime("litert", Path("python"), "litert", 1)
    names = [each.name for each in peers.comparisons("venv", runtime, (runtime,), Path("python"))]
    places = [block["name"] for block in peers_page.BLOCK.finditer((pages.DOCS / "peers.md").read_text())]
    assert sorted(places) == sorted(names)
