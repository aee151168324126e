"""The policy of builds on whatever a participant may write: refused in sentences, or sent with allowed bases."""

import re
from collections import Counter
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_worker.containers.build_policy import check
from medici_worker.protocol import BuildPolicy
from tests.trust.fuzzing import profile

pytestmark = pytest.mark.slow

POLICY = BuildPolicy(
    allowed_bases=("medici/*", "python:3.*", "projectmonai/monai:*"),
    image_map={"python:3*": "medici/python:latest", "projectmonai/monai:*": "medici/monai:latest"},
)
LOCAL = "medici/*"
"""After mapping every allowed base is one of ours."""
SOUND = """\
# A model
ARG VERSION=3.11
ARG BASE=python:${VERSION}
FROM ${BASE} AS build
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-index \\
    # the wheels lie beside it
    --find-links wheels -r requirements.txt && \\
    echo done
FROM projectmonai/monai:1.4.0
COPY --from=build --chown=65534 /app /app
COPY --from=0 /x /y
ENV A=1 B="two words"
LABEL x=y
EXPOSE 80
VOLUME ["/mnt/out"]
USER 65534
HEALTHCHECK NONE
SHELL ["/bin/sh", "-c"]
ENTRYPOINT ["python", "run.py"]
CMD ["--all"]
"""
BASES = (
    "alpine",
    "python:3.12",
    "medici/python",
    "medici/run-image:1",
    "scratch",
    "ubuntu@sha256:" + "a" * 64,
    "$BASE",
)
PIECES = (
    *(
        "\\\n",
        "\\",
        "\\ \n",
        "#",
        "# syntax=evil/builder\n",
        "# escape=`\n",
        "`\n",
        "#syntax=x",
        "\r",
        "\r\n",
        "\x0b",
        "\x0c",
    ),
    *(
        "\ufeff",
        "\u2028",
        "\u00a0",
        "\x85",
        "\0",
        "\t",
        "<<EOF\n",
        "EOF\n",
        "ONBUILD FROM alpine\n",
        "FROM ",
        "from ",
        "fRoM ",
    ),
    *(
        "FROM alpine\n",
        "\nFROM alpine",
        "COPY --from=alpine / /\n",
        "RUN --mount=type=bind,from=alpine true\n",
        "AS x",
        " AS ",
    ),
    *(
        "ADD https://example.org/x /\n",
        "ADD git@host:x /\n",
        "ADD $URL /\n",
        'ADD "https://x" /\n',
        "--from=",
        "--platform=$P ",
    ),
    *(
        "ARG BASE=alpine\n",
        "ARG\n",
        "ARG BASE\n",
        "${BASE:-alpine}",
        "${BASE:+alpine}",
        "$",
        "${",
        "}",
        '"',
        "'",
        "[",
        "]",
    ),
    *(
        "VOLUME /data\n",
        "INCLUDE x\n",
        "IMPORT x\n",
        "--",
        "-- ",
        "--x",
        "--from",
        "COPY --from=0 a b\n",
        "RUN <<-'X'\n",
    ),
)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    text = draw(st.one_of(st.just(SOUND), st.sampled_from(BASES).map("FROM {}\n".format), st.just("")))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 4, 30))))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.sampled_from(BASES), st.text(max_size=5)))
        text = text[:start] + piece + text[end:]
    return text


def bases_in(text: str) -> list[str]:
    """A second reader, as simple as can be: the text that is sent has one instruction a line and nothing else."""
    stages: list[str] = []
    bases = []
    for line in text.split("\n"):
        words = line.split()
        if not words:
            continue
        if words[0].upper() == "FROM":
            if words[1] not in stages:
                bases.append(words[1])
            stages.append(words[3] if len(words) > 2 else str(len(stages)))
        for word in words[1:] if words[0].upper() == "COPY" else ():
            if word.startswith("--from=") and word[7:] not in stages and not word[7:].isdigit():
                bases.append(word[7:])
            if not word.startswith("--"):
                break
    return bases


def assert_safe(text: str) -> None:
    """What is sent means one thing to every reader."""
    assert not re.search(r"[^\S\n \t]|[\x00-\x08\x0e-\x1f\x7f-\x9f]", text)
    lines = text.split("\n")
    assert not any(line.lstrip().startswith("#") or line.rstrip().endswith("\\") for line in lines)
    assert not any(re.match(r"(?i)\s*(onbuild|include|import)\b", line) for line in lines)
    assert not any(re.match(r"(?i)add\b.*(https?://|git@)", line) for line in lines)
    assert not any(re.match(r"(?i)run\s+(--\S+\s+)*--(mount|network|security)\b", line) for line in lines)
    bases = bases_in(text)
    assert bases
    assert all(fnmatchcase(base, LOCAL) and re.split("[:@]", base)[0] != "medici/run-image" for base in bases), bases


def test_a_dockerfile_is_refused_or_sent_with_allowed_bases(trust):
    ends: Counter[str] = Counter()

    @profile(20_000 if trust.is_full else 800)
    @given(dockerfiles())
    def each(text: str) -> None:
        checked = check(text, POLICY)
        if checked.refused:
            lines = text.count("\n") + 1
            assert all(1 <= refused.line <= lines and refused.sentence.endswith(".") for refused in checked.refused)
            ends["refused"] += 1
            return
        ends["sent"] += 1
        assert_safe(checked.text)
        again = check(checked.text, POLICY)
        assert (again.text, again.refused, again.stages) == (checked.text, (), checked.stages)
        assert [base.image for base in again.bases] == [base.image for base in checked.bases]

    each()
    trust.note(
        f"hypothesis on the policy of builds: {ends.total()} Dockerfiles",
        f"{ends['refused']} refused in sentences, {ends['sent']} sent, with allowed bases by a second reader",
    )
    assert min(ends["refused"], ends["sent"]) > ends.total() / 50


@pytest.mark.parametrize(
    "text",
    [
        "\\\n" * 200_000,
        "FROM " + "x" * 500_000,
        "#" * 1_000_000,
        "RUN " + "$" * 500_000,
        "# a=x" + " " * 60_000 + "y",
        "RUN " + "--a " * 15_000,
        "ARG A0=xxxxxxxx\n" + "".join(f"ARG A{n}=$A{n - 1}$A{n - 1}\n" for n in range(1, 60)) + "FROM $A59",
        "VOLUME " + "[" * 60_000,
    ],
)
def test_what_is_huge_is_refused_in_no_time(text):
    assert check(text, POLICY).refused
    assert check("FROM ${" + text.replace("\n", ""), POLICY).refused


def test_the_second_reader_sees_what_is_wrong():
    assert bases_in("FROM alpine AS a\nFROM a\nCOPY --chown=1 --from=ubuntu / /\nCOPY --from=0 a b\n") == [
        "alpine",
        "ubuntu",
    ]
    with pytest.raises(AssertionError):
        assert_safe("FROM alpine\n")
    with pytest.raises(AssertionError):
        assert_safe("FROM medici/python:latest\nCOPY --from=alpine / /\n")
