"""What people read: progress, from events, and tables, from the same report object that ``--json`` prints.

`view` says what there is to say of a conversion, `tables` shows it on a console, `markdown` writes it for GitHub,
`page` as HTML.

May import `pinlite.schema` and the modules beside the rooms; with ``cli``, it alone imports rich.
"""
