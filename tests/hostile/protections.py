"""The protections of the docker engine, and how to take each away, in a process that is about to run pinlite."""

import docker

from pinlite.engine import process, written
from pinlite.engine.docker import container
from pinlite.runner import execute
from pinlite.ui import console


def change_container(**changes):
    create = docker.APIClient.create_host_config
    docker.APIClient.create_host_config = lambda api, **options: create(api, **(options | changes))


def without_network():
    create = docker.APIClient.create_container
    docker.APIClient.create_container = lambda api, *args, **options: create(
        api, *args, **(options | {"network_disabled": False})
    )
    change_container(network_mode="host")


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
    "network": without_network,
    "outputs": lambda: setattr(execute, "_own", lambda *_: None),
    "privileges": without_privileges,
    "processes": lambda: change_container(pids_limit=-1),
    "read-only": lambda: change_container(read_only=False),
}
