"""Quantities and long names as people read them."""

# In characters, of a tensor's name.
_LONGEST = 40


def bytes_(size: int) -> str:
    """A size in powers of 1000, as file managers have them."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} B"


def count(number: int) -> str:
    """A large number, shortened."""
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= factor:
            return f"{number / factor:.2f} {unit}"
    return str(number)


def short(tensor: str) -> str:
    """A tensor's name, without those that the converter has fused into it, and only its end, where it is long."""
    first = tensor.partition(";")[0]
    return first if len(first) <= _LONGEST else f"...{first[-_LONGEST:]}"
