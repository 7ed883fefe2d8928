"""What stands in the cells of tables."""


def rounded(difference: float | None) -> float | None:
    """To one digit: the next machine may give another."""
    return None if difference is None else float(f"{difference:.0e}")


def text(words: str) -> str:
    """Words in which Markdown reads nothing."""
    return " ".join(words.split()).replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
