"""The command line: a second composition root beside `app.py`."""

from medici_platform.cli.app import app, main

__all__ = ["app", "main"]
