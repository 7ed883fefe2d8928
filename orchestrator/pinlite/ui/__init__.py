"""What a terminal shows: progress, from events, and tables, from the same report object that ``--json`` prints.

May import `pinlite.schema` and the modules beside the rooms; with ``cli``, it alone imports rich.
"""
