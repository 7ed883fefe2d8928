"""Looking for the way of choosing integers that costs a model least: ``tune`` is the whole of it.

``search`` says what is tried in which order and which of it is taken, ``trials`` makes, runs and scores each, and
``settings`` writes what was chosen into pinlite.toml.

May import every room below `api.py`, `pinlite.conversion` among them.
"""
