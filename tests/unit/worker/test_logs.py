import pytest

from medici_worker.attempt import Attempt
from medici_worker.host import HostUnreachable, LeaseLost
from medici_worker.logs import CHUNK_CHARACTERS, LogSender
from medici_worker.protocol import LogChunk, Report, Stage


class Sink:
    def __init__(self, error: Exception | None = None) -> None:
        self.chunks: list[LogChunk] = []
        self.error = error

    def send_log(self, chunk: LogChunk) -> None:
        if self.error is not None:
            raise self.error
        self.chunks.append(chunk)


def sent(*pieces: bytes, limit: int = 10**6) -> list[LogChunk]:
    sink = Sink()
    sender = LogSender(sink, Attempt(), every_s=0.01)
    sender.stage(Stage.RUNNING, limit)
    for piece in pieces:
        sender.write(Stage.RUNNING, piece)
    sender.close()
    return sink.chunks


def text_of(chunks: list[LogChunk]) -> str:
    assert [chunk.position for chunk in chunks] == [
        sum(len(before.text) for before in chunks[:number]) for number in range(len(chunks))
    ]
    return "".join(chunk.text for chunk in chunks)


def test_everything_arrives_in_order():
    assert text_of(sent(b"one\n", b"two\n")) == "one\ntwo\n"


def test_nothing_is_sent_of_nothing():
    assert sent() == []


def test_a_letter_cut_in_two_is_put_together():
    assert text_of(sent("ä".encode()[:1], "ä".encode()[1:])) == "ä"


def test_what_is_no_text_is_replaced():
    assert text_of(sent(b"\xff\x00")) == "\N{REPLACEMENT CHARACTER}" * 2


def test_long_logs_go_in_chunks():
    chunks = sent(b"x" * (CHUNK_CHARACTERS + 1))
    assert text_of(chunks) == "x" * (CHUNK_CHARACTERS + 1)
    assert max(len(chunk.text) for chunk in chunks) == CHUNK_CHARACTERS


@pytest.mark.parametrize("pieces", [[b"12345678901"], [b"12345", b"678901"], [b"1234567890", b"1", b"2"]])
def test_what_is_over_the_limit_is_dropped_with_a_marker(pieces):
    marker = "\n[The log was cut here: it is longer than 10 bytes.]\n"
    assert text_of(sent(*pieces, limit=10)) == "1234567890" + marker


def test_the_limit_itself_is_no_cut():
    assert text_of(sent(b"1234567890", limit=10)) == "1234567890"


def test_the_tail_is_kept_beyond_the_limit():
    sender = LogSender(Sink(), Attempt(), every_s=0.01)
    sender.stage(Stage.SCORING, 5)
    sender.write(Stage.SCORING, b"x" * 5000 + b"the end")
    sender.close()
    assert sender.tail(Stage.SCORING) == "x" * 3993 + "the end"
    assert sender.tail(Stage.RUNNING) == ""


def test_a_lost_lease_ends_the_attempt():
    attempt = Attempt()
    sender = LogSender(Sink(LeaseLost("over")), attempt, every_s=0.01)
    sender.stage(Stage.RUNNING, 100)
    sender.write(Stage.RUNNING, b"x")
    sender.close()
    with pytest.raises(LeaseLost):
        attempt.go_on()


def test_a_log_that_can_not_be_sent_fails_no_run():
    attempt = Attempt()
    sender = LogSender(Sink(HostUnreachable("away")), attempt, every_s=0.01)
    sender.stage(Stage.RUNNING, 100)
    sender.write(Stage.RUNNING, b"x")
    sender.close()
    attempt.go_on()


def test_halves_of_characters_do_not_travel():
    """No page could show them, once they are stored."""
    assert Report(images={"python:3\ud800": "x\x00"}).images == {"python:3?": "x\N{REPLACEMENT CHARACTER}"}
