"""Questions about a model file, whoever made it: what is in it, what it computes, how it differs from another one, and
which runtimes compute it wrongly.

May import `pinlite.runner`, `pinlite.parity`, `pinlite.stages`, and what these may import.
"""
