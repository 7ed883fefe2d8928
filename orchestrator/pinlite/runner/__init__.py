"""One action: looked up in the store, run in its worker, committed. May import `pinlite.engine`, `pinlite.store`,
`pinlite.stages` and what these stand on.
"""
