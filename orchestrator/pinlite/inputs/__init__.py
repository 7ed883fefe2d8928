"""The user's files, of which nothing is trusted: modules with what they import, arrays, paths, and what a recipe
depends on, by digest. May import `pinlite.schema` and `pinlite.machine`.
"""
