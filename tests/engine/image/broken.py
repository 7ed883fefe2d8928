"""A program that can't be imported."""

raise ImportError("on purpose")
