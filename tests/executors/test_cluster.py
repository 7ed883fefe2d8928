"""A cluster whose machines share nothing but a registry: what it does as a batch here does it, and what goes wrong."""

import json
import shutil
import subprocess
import threading
from pathlib import Path

import dask
import oci_registry
import pytest
from clusters import Machines, machines, until
from executor_conformance import ExecutorConformance

import pinlite
from pinlite.batch.cluster.executor import ClusterExecutor
from pinlite.batch.cluster.scheduler import Patience
from pinlite.errors import ClusterError
from pinlite.events import InModel, Notice, StageStarted, ignore

PATIENCE = Patience()
SHORT = Patience(connect=2, away=4, idle=8)
# A model that is under way for a while, the first time that it is exported on a machine.
SLOW = "import time\nfrom torch import nn\n\n\ndef build():\n    time.sleep(8)\n    return nn.Conv2d(3, 2, 1)\n"


@pytest.fixture(scope="module")
def cluster(environments, tmp_path_factory):
    with machines(tmp_path_factory.mktemp("cluster"), environments, "anna", "bert") as started:
        yield started


@pytest.fixture
def lonely(environments, tmp_path):
    """A cluster of this test's own, of one worker."""
    with machines(tmp_path / "cluster", environments, "anna") as started:
        yield started


@pytest.fixture
def through(registry):
    """The executor of a cluster whose machines share the registry."""

    def of(cluster: Machines, patience: Patience = PATIENCE, host: str = registry.host) -> ClusterExecutor:
        return ClusterExecutor(cluster.address, f"oci://{host}/team/zoo", None, patience)

    return of


class TestCluster(ExecutorConformance):
    @pytest.fixture
    def executor(self, through, cluster):
        return through(cluster)


class Course:
    """The results of tasks as they come, in a thread; ``told`` is what happens meanwhile."""

    def __init__(self, executor, *tasks) -> None:
        self.results, self.told = {}, []
        self._thread = threading.Thread(target=self._run, args=(executor, tasks), daemon=True)
        self._thread.start()

    def _run(self, executor, tasks) -> None:
        for result in executor.results(tasks, self.told.append):
            self.results[result.name] = result

    def is_exporting(self) -> bool:
        return any(isinstance(event, InModel) and event.event == StageStarted("export") for event in self.told)

    def notices(self) -> list[str]:
        return notices(self.told)

    def ended(self) -> dict:
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self.results


def notices(told) -> list[str]:
    return [event.event.text for event in told if isinstance(event, InModel) and isinstance(event.event, Notice)]


@pytest.fixture
def slow(task):
    Path("slow.py").write_text(SLOW)
    return task("slow", "slow.py:build")


def test_only_workers_that_are_alike_get_models(cluster, through, task, tmp_path):
    """A worker with another pinlite, and one without any, are refused by name."""
    root = Path(pinlite.__file__).parents[2]
    other = tmp_path / "other"
    shutil.copytree(root / "orchestrator/pinlite", other / "orchestrator/pinlite")
    (other / "images").symlink_to(root / "images")
    with (other / "orchestrator/pinlite/units.py").open("a") as file:
        file.write("# changed\n")
    (tmp_path / "none/pinlite").mkdir(parents=True)
    (tmp_path / "none/pinlite/__init__.py").touch()
    cluster.start_worker("odd", PYTHONPATH=str(other / "orchestrator"))
    cluster.start_worker("bare", PYTHONPATH=str(tmp_path / "none"))
    try:
        cluster.await_workers(4)
        told = []
        tasks = [task(f"net-{seed}", seed=seed) for seed in range(10, 14)]
        results = list(through(cluster).results(tasks, told.append))
        assert {(result.state, result.worker in ("anna", "bert")) for result in results} == {("right", True)}, results
        odd, bare = (next(text for text in notices(told) if f"worker {name}:" in text) for name in ("odd", "bare"))
        assert "has other files" in odd
        assert "can't run pinlite" in bare
    finally:
        cluster.kill("odd")
        cluster.kill("bare")


def test_a_worker_that_dies_is_replaced(lonely, through, slow):
    course = Course(through(lonely), slow)
    until(course.is_exporting)
    lonely.kill("anna")
    lonely.start_worker("bert")
    results = course.ended()
    assert (results["slow"].state, results["slow"].worker) == ("right", "bert"), results
    assert Path("out/slow/report.json").exists()


@pytest.mark.nightly
def test_a_scheduler_that_restarts_is_found_again(lonely, through, slow):
    course = Course(through(lonely), slow)
    until(course.is_exporting)
    lonely.kill("scheduler")
    lonely.kill("anna")
    lonely.start_scheduler()
    lonely.start_worker("anna")
    results = course.ended()
    assert results["slow"].state == "right", results
    assert any("is away" in text for text in course.notices())


@pytest.mark.nightly
def test_a_scheduler_that_stays_away_is_told(lonely, through, slow, task):
    course = Course(through(lonely, SHORT), task("one"), slow)
    until(course.is_exporting)
    lonely.kill("scheduler")
    results = course.ended()
    assert (results["slow"].state, results["slow"].code, results["slow"].exit_status) == ("failed", "cluster", 11)
    assert "can't be reached" in results["slow"].message
    assert "dask scheduler" in results["slow"].hint
    assert not Path("out/slow").exists()


@pytest.mark.nightly
def test_a_scheduler_without_workers_is_told(through, task, environments, tmp_path):
    with machines(tmp_path / "cluster", environments) as empty:
        told = []
        (result,) = through(empty, SHORT).results([task("one")], told.append)
    assert (result.code, result.exit_status) == ("cluster", 11)
    assert "has had no worker for 8 s" in result.message
    assert f"dask worker {empty.address}" in notices(told)[0]


def test_a_scheduler_that_was_never_there_ends_the_batch(task, registry):
    nowhere = ClusterExecutor("tcp://127.0.0.1:1", f"oci://{registry.host}/team/zoo", None, SHORT)
    with pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1:1 can't be reached"):
        next(nowhere.results([task("one")], ignore))


def is_blob(method: str, path: str) -> bool:
    return method == "GET" and "/blobs/" in path


def test_a_store_that_lies_is_not_believed(cluster, through, task, registry):
    with oci_registry.misbehaving(registry) as proxy:
        proxy.how, proxy.when = "wrong", is_blob
        Path("own.py").write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 7, 1)\n")
        (result,) = through(cluster, host=proxy.host).results([task("own", "own.py:build")], ignore)
    assert (result.state, result.code) == ("failed", "registry")
    assert "has another digest" in result.message
    assert not Path("out").exists()


@pytest.mark.nightly
def test_a_store_that_is_away_for_a_moment_is_asked_again(cluster, through, task, registry):
    Path("own.py").write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 6, 1)\n")
    with oci_registry.misbehaving(registry) as proxy:
        asked = []

        def first(method, path):
            if is_blob(method, path):
                asked.append(path)
            return is_blob(method, path) and len(asked) <= 2

        proxy.how, proxy.when = "away", first
        (result,) = through(cluster, host=proxy.host).results([task("own", "own.py:build")], ignore)
    assert result.state == "right", result
    assert len(asked) > 2


@pytest.mark.nightly
def test_a_store_that_stays_away_fails_what_needs_it(cluster, through, task, registry):
    assert [result.state for result in through(cluster).results([task("one")], ignore)] == ["right"]
    with oci_registry.misbehaving(registry) as proxy:
        proxy.how = "away"
        told = []
        tasks = [task("one"), task("other", seed=21), task("another", seed=22)]
        results = {each.name: each for each in through(cluster, host=proxy.host).results(tasks, told.append)}
    assert results["one"].kept
    assert {(results[name].state, results[name].code) for name in ("other", "another")} == {("failed", "registry")}
    assert "models whose files are not there yet fail" in notices(told)[-1]


@pytest.mark.nightly
def test_what_signs_stays_here(cluster, through, task, registry, tmp_path):
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    (result,) = through(cluster).results([task("signed", seed=31, sign=str(key))], ignore)
    assert result.state == "right", result
    envelope = json.loads(Path("out/signed/provenance.intoto.jsonl").read_text())
    assert envelope["signatures"]
    public = tmp_path / "public.pem"
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    assert pinlite.api.verify("out/signed", key=public).trusted
    secret = key.read_bytes().splitlines()[1]
    blobs = registry.content.rglob("data")
    assert all(secret not in blob.read_bytes() for blob in blobs if blob.is_file())


@pytest.mark.nightly
def test_files_by_absolute_paths_are_told_as_they_are_here(cluster, through, task, tmp_path):
    """They lie elsewhere on a worker, and what says so would differ."""
    weights = tmp_path / "elsewhere" / "net.py"
    weights.parent.mkdir()
    weights.write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 5, 1)\n")
    (result,) = through(cluster).results([task("net", f"{weights}:build")], ignore)
    assert (result.state, result.source) == ("right", f"{weights}:build"), result
    report = json.loads(Path("out/net/report.json").read_text())
    assert report["source"] == f"{weights}:build"
    assert [*report["lock"]["inputs"]] == [str(weights)]
    assert pinlite.api.verify("out/net").files


def certificates(folder: Path) -> dict[str, str]:
    """A key and a certificate for this machine, which has signed it itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return {"ca-file": str(certificate), "cert": str(certificate), "key": str(key)}


@pytest.mark.nightly
def test_tls_is_as_dask_is_configured(through, task, environments, tmp_path):
    files = certificates(tmp_path)
    options = [word for name, file in files.items() for word in (f"--tls-{name}", file)]
    secured = Machines(tmp_path / "cluster", environments, *options, protocol="tls")
    configured = {
        "distributed.comm.tls.ca-file": files["ca-file"],
        "distributed.comm.tls.client": {"cert": files["cert"], "key": files["key"]},
        "distributed.comm.require-encryption": True,
    }
    try:
        secured.start_scheduler()
        secured.start_worker("anna")
        with pytest.raises(ClusterError, match="can't be reached"):
            next(through(secured, SHORT).results([task("one")], ignore))
        with dask.config.set(configured):
            (result,) = through(secured).results([task("one")], ignore)
        assert result.state == "right", result
    finally:
        secured.end()
