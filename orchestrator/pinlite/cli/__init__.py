"""The command line: a command a file, each a thin step from options to calls of other rooms. ``parameters.py`` makes
typer's commands of what `pinlite.options` declares, ``main.py`` turns errors into messages and exit statuses.

May import every room; with `pinlite.ui` it alone imports rich, and it alone imports typer.
"""
