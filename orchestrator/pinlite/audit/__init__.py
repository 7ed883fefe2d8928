"""What is true of one model file, whoever made it: what is in it, what it computes, in what it differs from another,
and which runtimes compute it wrongly.

May import `pinlite.runner`, `pinlite.parity`, `pinlite.stages` and what these stand on.
"""
