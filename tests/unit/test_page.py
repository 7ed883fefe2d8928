"""The page of a result, without a browser: what is in it, and that a stranger's text stays text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_report import hop

from pinlite.schema.comparison import ComparisonReport, Figure, LayerChange, VariantComparison
from pinlite.schema.debug import DebugReport, Layer
from pinlite.schema.operators import ConversionOperators, FileOperators, Operator, OperatorTensor
from pinlite.schema.report import Failure, Noted, Warned
from pinlite.store import results
from pinlite.ui.page import html, plots

# What a model's names may hold, to be more than names.
HOSTILE = [
    "<script>alert(1)</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    "\"' onload=alert(1) x='",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- ]]> \x00\x1b[2J\u202e",
]


NOTHING = results.Kept({}, {})


class Elements(HTMLParser):
    """The elements of a page with their attributes' names, and all texts in it."""

    def __init__(self, page):
        super().__init__()
        self.found, self.attributes, self.texts = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.usefixtures("engine")
def test_a_result_is_written_as_a_page(convert, command):
    assert convert()[0] == 0
    assert command("report", "out", "--html", "result.html") == (0, "", "")
    page = Path("result.html").read_text()
    texts = Elements(page).texts
    for shown in ("equal to the reference within", "float32", "2.00 kB", "export", "model.float32.tflite", "variants"):
        assert shown in texts


def test_what_a_page_shows_stands_in_its_sections(report):
    found = Elements(html.of(report, "build/net", NOTHING))
    assert found.attributes["id"][::2] == ["variants", "accuracy", "hops", "time", "files", "reproduce"]
    labels = [label for label in found.attributes["aria-label"] if label]
    assert "size: float32 1.50 GB" in labels
    assert (
        "latency: float32, tflite-runtime 2.14.0 12.34 ms, fastest 11.50; "
        "float32, tensorflow-cpu 2.4.1 45.60 ms, fastest 44.25" in labels
    )
    assert "error: float32 0.00e+00, cosine 1.000000" in labels
    assert "where each second went: export 3.46 s; infer-tensorflow-2.4.1 0.50 s" in labels


def test_a_page_may_run_its_own_script_and_fetch_nothing(report):
    page = html.of(report, "out", NOTHING)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    digests = {}
    for kind in ("script", "style"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digests[kind] = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not {"src", "style", "srcset"} & set(Elements(page).attributes)
    assert not re.search(r"https?://|@import|url\(", page.replace("http://www.w3.org", ""))
    assert all(link.startswith("#") for link in Elements(page).attributes["href"])


@pytest.mark.parametrize("text", HOSTILE)
def test_what_comes_from_inside_a_stage_stays_a_text(report, text):
    (variant,) = report.variants
    name, message = "plain", "words"

    def page(name, message):
        failure = Failure(variant="int8", stage="convert", code="model", exit_status=3, message=message, hint="")
        stages = tuple(each.model_copy(update={"name": name, "image": name}) for each in report.stages)
        artifact = report.artifacts[0].model_copy(update={"path": name})
        hostile = report.model_copy(
            update={
                "source": name,
                "stages": stages,
                "artifacts": (artifact,),
                "hops": (hop(name, name, 1.0, passed=False), hop(name, name, 1.0, profile=name)),
                "variants": (variant.model_copy(update={"ops": {name: 1}, "parity": {name: 1.0}}),),
                "failures": (failure,),
                "warnings": (Warned(stage="export", message=message),),
                "notes": (Noted(stage="export", message=message),),
                "versions": {name: {name: name}},
            }
        )
        tensor = OperatorTensor(name=name, type=name, shape=(1,), scale=0.5, zero_point=0, channels=1, seen=(0, 1))
        operator = Operator(kind=name, inputs=(tensor,), outputs=(tensor,), macs=1)
        operators = ConversionOperators(
            modules={name: (name,)}, variants={"float32": FileOperators(operators=(operator,))}
        )
        layer = Layer(
            name=name, operator=name, value=name, includes=(name,), errors={name: 1.0}, added=1.0, module=name
        )
        debugged = DebugReport(source=name, variant="float32", torch={}, layers=(layer,))
        kept = results.Kept({"": operators}, {"float32": debugged})
        return Elements(html.of(hostile, name, kept))

    plain, found = page(name, message), page(text, text)
    assert found.found == plain.found
    assert any("alert(1)" in each or "7 * 7" in each or "\\x1b[2J\\u202e" in each for each in found.texts)
    assert not re.search("[\x00\x1b\u202e]", "".join(found.texts))
    (data,) = (json.loads(each) for each in found.texts if each.startswith('{"float32"'))
    assert not re.search("[\x00\x1b\u202e]", json.dumps(data, ensure_ascii=False))


def compared(name="plain", before=1000.0, after=1100.0):
    """Two results of which all texts are a name."""
    ratio = after / before if before else None
    figures = [
        Figure(name=each, of=of, before=before, after=after, ratio=ratio)
        for each, of in (("size", ""), ("latency", name), ("error", name))
    ]
    layer = LayerChange(name=name, before=0.1, after=0.2)
    variant = VariantComparison(
        name="int8", same=False, figures=tuple(figures), operators={name: (1, 2)}, layers=(layer,)
    )
    return ComparisonReport(
        before=name,
        after=name,
        variants=(variant,),
        gone=("float16",),
        new=("dynamic",),
        recipe={name: (name, name)},
        images=(name,),
    )


def test_the_page_of_two_results_draws_each_figure_before_and_after():
    found = Elements(html.of_comparison(compared()))
    assert found.attributes["id"][::2] == ["figures", "operators", "layers", "recipe"]
    labels = found.attributes["aria-label"]
    assert "size: int8 1.00 kB before; int8 1.10 kB after" in labels
    assert "latency: int8, plain 1000.00 ms before; int8, plain 1100.00 ms after" in labels
    assert "float16 is gone" in found.texts
    before, after = next(plots.comparison(compared())).bars
    assert (before.end, before.tone, after.end, after.tone) == (pytest.approx(1 / 1.1), "", 1.0, "bad")


@pytest.mark.parametrize("value", [0.0, float("inf"), float("nan")])
def test_figures_that_have_no_place_on_a_scale_are_drawn(value):
    of_floats = {"latency", "error"}
    found = compared()
    (variant,) = found.variants
    figures = [each.model_copy(update={"before": 0.0, "after": value, "ratio": None}) for each in variant.figures]
    figures = tuple(each for each in figures if each.name in of_floats)
    changed = found.model_copy(update={"variants": (variant.model_copy(update={"figures": figures}),)})
    drawn = [*plots.comparison(changed)]
    assert {plot.title for plot in drawn} == of_floats
    for plot in drawn:
        assert all(0.0 <= bar.end <= 1.0 for bar in plot.bars)


def test_the_page_of_two_results_runs_no_script_and_fetches_nothing():
    page = html.of_comparison(compared())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    found = Elements(page)
    assert "script" not in [tag for tag, _ in found.found]
    assert not {"src", "style", "srcset"} & set(found.attributes)
    assert all(link.startswith("#") for link in found.attributes["href"])


@pytest.mark.parametrize("text", HOSTILE)
def test_what_comes_from_inside_a_stage_stays_a_text_where_results_are_compared(text):
    plain, found = (Elements(html.of_comparison(compared(name), why)) for name, why in (("a", "b"), (text, text)))
    assert found.found == plain.found
    assert any("alert(1)" in each or "7 * 7" in each or "\\x1b[2J\\u202e" in each for each in found.texts)
    assert not re.search("[\x00\x1b\u202e]", "".join(found.texts))


@pytest.mark.usefixtures("engine")
def test_the_graph_has_the_operators_of_each_file(convert, command):
    assert convert("--variant", "float32", "--variant", "float16")[0] == 0
    assert command("report", "out", "--html", "result.html")[0] == 0
    page = Path("result.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="graph-data">(.*?)</script>', page, re.DOTALL)
    graph = json.loads(data)
    assert list(graph) == ["float32", "float16"]
    (operator,) = graph["float32"]["operators"]
    assert (operator["kind"], operator["name"], operator["shape"]) == ("MUL", "Mul_0/mul", "float32 1x3x4x4")
    (scope,) = graph["float32"]["scopes"]
    assert [kind for _, _, kind, _ in scope["nodes"]] == ["in", "op", "out"]
    assert len(scope["edges"]) == 2


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("text", ["", "{", '{"variants": {"float32": {"operators": [{}]}}}', "[" * 100_000])
def test_a_result_whose_operators_can_not_be_read_has_a_page_without_graph(convert, command, text):
    assert convert()[0] == 0
    Path("out/operators.json").write_text(text)
    assert command("report", "out", "--html", "result.html")[0] == 0
    assert "graph-data" not in Path("result.html").read_text().partition("<script>")[0]


def test_a_tensor_is_drawn_on_the_range_of_its_integers():
    tensor = OperatorTensor(name="y", type="int8", shape=(1,), scale=0.5, zero_point=-128, channels=1, seen=(0, 63.75))
    operators = (Operator(kind="ADD", inputs=(), outputs=(tensor,), macs=0),)
    (plot,) = plots.ranges(ConversionOperators(variants={"int8": FileOperators(operators=operators)}))
    (bar,) = plot.bars
    assert (bar.label, bar.begin, bar.end) == ("y", 0.0, 0.5)
    assert bar.figure == "0 to 63.8 of 0 to 128"


def test_what_an_earlier_release_made_has_a_page():
    out = Path(__file__).parents[1] / "made_before/0.1.0/stock/out"
    page = html.of(results.report(out), str(out), results.kept(out))
    assert "model.float32.tflite" in Elements(page).texts
