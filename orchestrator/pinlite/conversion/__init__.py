"""One conversion, from a recipe to the output folder (``pipeline``).

``plan`` reads and checks all before any work; ``conversion`` runs the plan: ``sources`` from each kind of source to a
SavedModel, ``variants`` from there to the files, ``scoring`` for the samples of ``--evaluate``; ``results`` and
``report`` have what was found. ``reproduction`` converts once more, ``matching`` by every toolchain.

May import every room below `api.py`.
"""
