"""What a shared store costs and saves: a whole process, with an empty store of its own in each turn.

Four ways take turns, so that what else the machine does falls on each of them: alone; looking everything up in vain;
looking it up in vain and pushing what is made, to a repository that has nothing; and taking all of it from there. The
registry is Debian's, on this machine: a distant one adds its round trips, of which an action takes two and one for each
file.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from oci_registry import Service

from pinlite.machine import folders

MODEL = ("examples/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224", "--seed", "1")


def seconds(command: list[str], cache: Path, environment: Mapping[str, str]) -> float:
    """Of a whole process, with a store that is empty; the venv engine's environments are those that are there."""
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir()
    (cache / "venv").symlink_to(folders.cache() / "venv")
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment | {"PINLITE_CACHE": str(cache)})
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--runs", type=int, default=5)
    arguments, extra = parser.parse_known_args()
    model = extra or MODEL
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        key = Ed25519PrivateKey.generate()
        (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "public.pem").write_bytes(public)
        registry = Service(folder / "registry")
        pinlite = str(Path(sys.executable).with_name("pinlite"))
        convert = [pinlite, "convert", *model, "--engine", arguments.engine, "--out", str(folder / "out"), "--trust"]
        alone = dict(os.environ)
        signing = alone | {"PINLITE_SIGNING_KEY": str(folder / "key.pem")}

        def shared(name: str) -> list[str]:
            store = f"oci://{registry.host}/{name}"
            return [*convert, "--store", store, "--trust-key", str(folder / "public.pem")]

        turns = []
        try:
            for number in range(arguments.runs + 1):
                full = f"bench/turn-{number}"
                turns.append(
                    {
                        "alone": seconds(convert, folder / "cache", alone),
                        "looked up in vain": seconds(shared("bench/empty"), folder / "cache", alone),
                        "looked up in vain, pushed": seconds(shared(full), folder / "cache", signing),
                        "taken": seconds(shared(full), folder / "cache", alone),
                    }
                )
        finally:
            registry.stop()
    # The first turn warms the disk's cache.
    turns = turns[1:]
    for way in turns[0]:
        times = [turn[way] for turn in turns]
        ratio = statistics.median(turn[way] / turn["alone"] for turn in turns)
        more = statistics.median(turn[way] - turn["alone"] for turn in turns)
        print(
            f"{way:<26} median {statistics.median(times):6.2f} s   fastest {min(times):6.2f} s   "
            f"{ratio:5.2f} of alone, {more:+6.2f} s"
        )


if __name__ == "__main__":
    main()
