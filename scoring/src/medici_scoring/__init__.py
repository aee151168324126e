"""How results become numbers: metrics, prediction files, scores files, and the entry of a scoring program.

Nothing here needs more than Python itself (`bundle` alone reads YAML), so that a scoring program starts in
milliseconds and runs in any image into which this package is copied.
"""

__version__ = "0.1.0"
