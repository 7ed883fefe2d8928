"""The frozen types that travel between rooms and machines: recipe, report, and the words that can be chosen among.

Whatever is written to a file or read from one has its type here. May import nothing but what all stand on.
"""
