"""The computer that pinlite runs on: folders, logs, temporary files, processes, the uv program, guards that processes
wait for, and what is safe to repeat. May import only the modules beside the rooms (`pinlite.errors`, `pinlite.events`,
...), `pinlite.trust` and `pinlite.schema`.
"""
