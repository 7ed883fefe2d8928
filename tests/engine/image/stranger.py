"""A program of another version of the contract."""

import __main__

__main__.CONTRACT = 99

VERSIONS = ()
OPERATIONS = {}
