"""pinlite as these tests run it.

LAZILY starts workers when they are needed: most attacks end in the first stage, and then pay for no other. WITHOUT
names a protection to take away, to see that tests fail without it: ``make hostile WITHOUT=network``.
"""

import os
import sys

import docker

from pinlite import execute
from pinlite.cli.main import main
from pinlite.engine import process, written
from pinlite.engine.docker import container
from pinlite.ui import console
from pinlite.workers import Workers


def change_container(**changes):
    create = docker.APIClient.create_host_config
    docker.APIClient.create_host_config = lambda api, **options: create(api, **(options | changes))


def without_disk():
    written.excess = lambda *_: None
    change_container(ulimits=[])


def without_privileges():
    container._UNPRIVILEGED = "0:0"  # noqa: SLF001  # it is what is taken away
    change_container(cap_drop=[], cap_add=["SYS_ADMIN"], security_opt=["seccomp=unconfined"])


WITHOUT = {
    "disk": without_disk,
    "escapes": lambda: setattr(console, "escaped", str),
    "log": lambda: setattr(process, "LONGEST_LOG", 2**40),
    "network": lambda: change_container(network_mode="host"),
    "outputs": lambda: setattr(execute, "_own", lambda *_: None),
    "privileges": without_privileges,
    "processes": lambda: change_container(pids_limit=-1),
    "read-only": lambda: change_container(read_only=False),
}

if os.environ.get("LAZILY"):
    start = Workers.start
    Workers.start = lambda workers, stages: start(workers, stages[:1])
if os.environ.get("WITHOUT"):
    WITHOUT[os.environ["WITHOUT"]]()
sys.exit(main())
