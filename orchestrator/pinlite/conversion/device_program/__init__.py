"""Programs for a device: how one file of a conversion is fed, run and read, with its own names, shapes and scales.

`written` fills a template for each language that is asked for; ``templates/`` has them.
"""

from pinlite.conversion.device_program.program import checked_labels, normalization, written

__all__ = ["checked_labels", "normalization", "written"]
