"""`medici`: every command. Client commands read MEDICI_URL and MEDICI_TOKEN."""

import sys

import typer

from medici_platform.cli import admin, bundles, challenges, demo, images, local, serve, submissions, workers
from medici_platform.cli.output import CommandFailed, stop
from medici_platform.errors import MediciError

app = typer.Typer(
    name="medici",
    help="A self-hosted challenge platform for medical-imaging AI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("up")(serve.up)
app.command("clock")(serve.clock)
app.add_typer(workers.app, name="worker")
app.add_typer(admin.app, name="admin")
app.add_typer(challenges.app, name="challenge")
app.add_typer(challenges.participants, name="participants")
app.command("join")(challenges.join)
app.command("submit")(submissions.submit)
app.command("watch")(submissions.watch)
app.command("leaderboard")(submissions.leaderboard)
app.command("cancel")(submissions.cancel)
app.command("rerun")(submissions.rerun)
app.command("rescore")(submissions.rescore)
app.command("try")(local.try_submission)
app.command("score")(local.score)
app.add_typer(bundles.app, name="bundle")
app.add_typer(images.app, name="images")
app.command("demo")(demo.demo)


def main() -> None:
    try:
        app()
    except (CommandFailed, MediciError) as error:
        sys.exit(stop(error.message).exit_code)
