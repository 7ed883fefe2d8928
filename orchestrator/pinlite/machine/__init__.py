"""The computer that pinlite runs on: folders, logs, temporary files, processes, the uv program, and what may be tried
again.

May import nothing but what all stand on.
"""
