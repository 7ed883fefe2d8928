"""Many conversions: those of a models.toml, or of the sources on a command line.

``models_file.py`` reads models.toml, ``tasks.py`` makes a `Task` of every model, ``selection.py`` takes some of them.
``one_model.py`` carries out a task: from the store, or by a conversion. An `Executor` (``executor.py``) has tasks
carried out: in this process, in a few others (``processes.py``), each of which is ``host.py``, or on a ``cluster``.
``batch.py`` has it all done, and says what came of it.

May import `pinlite.conversion`, and what that may import.
"""
