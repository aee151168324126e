"""What a Dockerfile may ask for. Each refusal: one sentence, one line number."""

import pytest

from medici_worker.containers.build_policy import Base, allowed, check, mapped
from medici_worker.protocol import BuildPolicy

POLICY = BuildPolicy(image_map={"python:3.*": "medici/python:latest", "projectmonai/monai:*": "medici/monai:latest"})


def refusals(text: str, policy: BuildPolicy = POLICY) -> list[str]:
    return [str(one) for one in check(text, policy).refused]


def test_a_plain_dockerfile_is_sent_as_it_is():
    text = (
        'FROM medici/python:latest\nCOPY . /app\nRUN pip install --no-index /app/*.whl\nCMD ["python", "/app/x.py"]\n'
    )
    checked = check(text, POLICY)
    assert checked.text == text
    assert checked.bases == (Base(1, "medici/python:latest", "medici/python:latest"),)
    assert checked.refused == ()


def test_public_names_are_mapped():
    checked = check(
        "# a comment\nFROM python:3.11-slim AS build\nFROM projectmonai/monai\nCOPY --from=build /a /b\n", POLICY
    )
    assert checked.text == (
        "# a comment\nFROM medici/python:latest AS build\nFROM medici/monai:latest\nCOPY --from=build /a /b\n"
    )
    assert [base.written for base in checked.bases] == ["python:3.11-slim", "projectmonai/monai"]


def test_copy_from_an_image_is_mapped_too():
    checked = check("FROM medici/python\nCOPY --chown=1:1 --from=python:3.12 /a /b\n", POLICY)
    assert checked.text == "FROM medici/python\nCOPY --chown=1:1 --from=medici/python:latest /a /b\n"


def test_arguments_in_from_are_filled_in():
    text = "ARG TAG=3.11\nARG NAME\nFROM ${NAME:-python}:$TAG\n"
    assert check(text, POLICY).bases == (Base(3, "python:3.11", "medici/python:latest"),)


def test_lines_keep_their_numbers():
    text = "FROM \\\n  python:3.11 \\\n  AS a\nRUN false\n"
    assert check(text, POLICY).text == "FROM medici/python:latest AS a\n\n\nRUN false\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM evil/image\n", 1),
        ("FROM\tevil/image\n", 1),
        ("from evil/image\n", 1),
        ("  FROM evil/image\n", 1),
        ("FROM \\\nevil/image\n", 1),
        ("# escape=`\nFROM `\nevil/image\n", 2),
        ("FROM scratch\n", 1),
        ("FROM medici/run-image:0123\n", 1),
        ("FROM docker.io/medici/run-image:0123\n", 1),
        ("FROM evil.example/medici/python\n", 1),
        ("FROM sha256:0123456789abcdef\n", 1),
        ("ARG X=evil\nFROM ${X}\n", 2),
        ("FROM --platform=linux/amd64 evil\n", 1),
        ("FROM medici/python\nCOPY --from=evil /a /b\n", 2),
        ("FROM medici/python\nCOPY --chown=1 --from=evil /a /b\n", 2),
        ("FROM medici/python\nCOPY --from=1 /a /b\n", 2),
    ],
)
def test_other_bases_are_refused(text, line):
    (sentence,) = refusals(text)
    assert sentence.startswith(f"Line {line} of the Dockerfile: the base image '")
    assert sentence.endswith("is not allowed; allowed are medici/*, python:3.*, projectmonai/monai:*.")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# syntax=docker/dockerfile:1\nFROM medici/python\n",
            "Line 1 of the Dockerfile: a '# syntax=' line would fetch",
        ),
        ("#syntax = evil/builder\nFROM medici/python\n", "Line 1 of the Dockerfile: a '# syntax=' line would fetch"),
        ("FROM medici/python\nADD http://a/b /c\n", "Line 2 of the Dockerfile: ADD of a URL or git repository"),
        ("FROM medici/python\nADD a HTTPS://a/b /c\n", "Line 2 of the Dockerfile: ADD of a URL or git repository"),
        ('FROM medici/python\nADD ["http://a/b", "/c"]\n', "Line 2 of the Dockerfile: ADD of a URL or git repository"),
        ("FROM medici/python\nADD git@github.com:a/b.git /c\n", "Line 2 of the Dockerfile: ADD of a URL or git"),
        ("FROM medici/python\nONBUILD ADD http://a/b /c\n", "Line 2 of the Dockerfile: ADD of a URL or git repository"),
        ("FROM medici/python\nONBUILD COPY --from=evil /a /b\n", "Line 2 of the Dockerfile: ONBUILD may not bring in"),
        ("FROM medici/python\nRUN --mount=type=cache,target=/x ls\n", "Line 2 of the Dockerfile: RUN --mount is not"),
        ("FROM medici/python\nRUN --network=host ls\n", "Line 2 of the Dockerfile: RUN --network is not"),
        ("FROM medici/python\nCOPY --link a b\n", "Line 2 of the Dockerfile: COPY --link is not"),
        ("FROM medici/python\nRUN <<EOF\nls\nEOF\n", "Line 2 of the Dockerfile: RUN with a here-document"),
        ("RUN ls\n", "Line 1 of the Dockerfile: it has no FROM line"),
        ("", "Line 1 of the Dockerfile: it has no FROM line"),
        ("FROM medici/python\nEVAL x\n", "Line 2 of the Dockerfile: 'EVAL' is not an instruction."),
    ],
)
def test_what_the_builder_must_not_do_is_refused(text, sentence):
    assert refusals(text)[0].startswith(sentence)


def test_all_refusals_come_at_once():
    assert [one.line for one in check("FROM a\nADD http://b /c\nFROM d\n", POLICY).refused] == [1, 2, 3]


@pytest.mark.parametrize("source", ["$U", "htt\\p://a/b", 'ht"tp"://a/b', "'http://a/b'", "${U:-x}"])
def test_an_add_that_could_become_a_url_is_refused(source):
    (sentence,) = refusals(f"FROM medici/python\nARG U=http://a/b\nADD {source} /c\n")
    assert sentence.startswith("Line 3 of the Dockerfile: ADD ")


def test_an_add_of_files_is_fine():
    assert refusals('FROM medici/python\nADD a.tar.gz b.txt /c/\nADD ["x y", "/c"]\n') == []


def test_stages_are_known_by_name_and_number():
    text = "FROM medici/python AS One\nFROM one\nCOPY --from=0 /a /b\nCOPY --from=ONE /a /b\n"
    checked = check(text, POLICY)
    assert checked.refused == ()
    assert len(checked.bases) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python:3.11", True),
        ("docker.io/library/python:3.11", True),
        ("python:3.11@sha256:00", True),
        ("python", False),
        ("python:2.7", False),
        ("medici/python", True),
    ],
)
def test_names_are_compared_without_what_docker_adds(name, expected):
    assert allowed(name, POLICY.allowed_bases) is expected


def test_the_first_pattern_of_the_map_counts():
    assert mapped("python:3.11", {"python:3.11": "a", "python:*": "b"}) == "a"
    assert mapped("python:3.12", {"python:3.11": "a", "python:*": "b"}) == "b"
    assert mapped("other", {"python:*": "b"}) == "other"
