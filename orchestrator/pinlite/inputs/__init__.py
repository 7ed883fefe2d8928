"""The files that a conversion reads, none of which is trusted: modules and what they import, arrays, paths, and the
dependencies of a recipe by digest. May import `pinlite.machine`, `pinlite.schema`, and what these may import.
"""
