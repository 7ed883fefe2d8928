"""A model that imports what is nowhere."""

import nowhere_to_be_found


def network():
    return nowhere_to_be_found.network()
