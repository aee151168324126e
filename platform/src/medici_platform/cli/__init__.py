"""The command line: a second composition root beside `app.py`."""


def main() -> None:
    from medici_platform.cli.app import main as run  # noqa: PLC0415 - importing one of its parts imports no other

    run()
