"""A board on a terminal shows the organizers' words as they are."""

from medici_platform.cli.board_tables import print_board


def test_words_that_look_like_markup_are_words(capsys):
    board = {
        "challenge": "tiny",
        "phase": "Final [/b]",
        "title": "Best [bold]",
        "data_notice": "",
        "frozen_since": None,
    }
    print_board({**board, "tasks": [], "columns": [], "facts": [], "entries": [], "reference": []})
    assert "tiny · Final [/b] · Best [bold]" in " ".join(capsys.readouterr().out.split())
