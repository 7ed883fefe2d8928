"""The executors that there are, each held to what all of them do."""

import pytest
from executor_conformance import ExecutorConformance

from pinlite.batch.cluster.local import LocalClusterExecutor
from pinlite.batch.executor import HereExecutor
from pinlite.batch.processes import ProcessesExecutor


@pytest.mark.nightly
class TestHere(ExecutorConformance):
    @pytest.fixture
    def executor(self):
        return HereExecutor()


class TestProcesses(ExecutorConformance):
    @pytest.fixture
    def executor(self):
        return ProcessesExecutor(2)


@pytest.mark.nightly
class TestLocalCluster(ExecutorConformance):
    @pytest.fixture
    def executor(self):
        return LocalClusterExecutor(2)
