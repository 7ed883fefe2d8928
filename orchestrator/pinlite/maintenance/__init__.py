"""What keeps a machine in order: what it has and lacks (``doctor``), what killed runs left (``leftovers``), images and
packages that nothing needs (``garbage``). May import `pinlite.engine`, `pinlite.store` and what these stand on.
"""
