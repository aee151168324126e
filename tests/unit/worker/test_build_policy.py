"""What a Dockerfile may ask for. Each refusal: one sentence, one line number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medici_worker.containers.build_policy import Added, Base, allowed, check, mapped
from medici_worker.containers.dockerfile import parse
from medici_worker.protocol import BuildPolicy

OTHERS = "0123456789abcdef" * 4
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
    assert checked.text == ("\nFROM medici/python:latest AS build\nFROM medici/monai:latest\nCOPY --from=build /a /b\n")
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
        ("FROM medici/python\nONBUILD ADD http://a/b /c\n", "Line 2 of the Dockerfile: ONBUILD has no use here"),
        ("FROM medici/python\nONBUILD COPY --from=evil /a /b\n", "Line 2 of the Dockerfile: ONBUILD has no use here"),
        ("# escape=`\nFROM medici/python\n", "Line 1 of the Dockerfile: a '# escape=' line is not available here"),
        ("# check=skip=all\n# escape=`\nFROM a\n", "Line 1 of the Dockerfile: a '# check=' line is not available"),
        ("# x\n\n#escape = `\nFROM a\n", "Line 3 of the Dockerfile: a '# escape=' line is not available here"),
        (
            "FROM medici/python\nRUN true \\\\",
            "Line 2 of the Dockerfile: it ends with a backslash, and nothing follows",
        ),
        ("FROM medici/python x\n", "Line 1 of the Dockerfile: FROM takes an image, or `image AS name`."),
        ("FROM medici/python OF x\n", "Line 1 of the Dockerfile: FROM takes an image, or `image AS name`."),
        ("FROM medici/python AS 1\n", "Line 1 of the Dockerfile: '1' can't be the name of a stage."),
        ("FROM medici/python\nRUN " + "x" * 60_000, "Line 2 of the Dockerfile: the RUN instruction is too long"),
        ("FROM medici/python\nVOLUME /data\n", "Line 2 of the Dockerfile: VOLUME /data is not allowed: containers may"),
        ('FROM medici/python\nVOLUME ["/mnt/out", "/"]\n', "Line 2 of the Dockerfile: VOLUME / is not allowed"),
        ("FROM medici/python\nVOLUME /mnt/out /mnt/out/x\n", "Line 2 of the Dockerfile: VOLUME /mnt/out/x is not"),
        ("FROM medici/python\nVOLUME $X\n", "Line 2 of the Dockerfile: VOLUME $X is not allowed"),
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


@pytest.mark.parametrize(
    ("text", "line", "character"),
    [
        (f"FROM medici/python:latest\nRUN true \\\x0c\nFROM {OTHERS}\n", 2, "U+000C"),
        (f"FROM medici/python:latest\nRUN true \\\u00a0\nFROM {OTHERS}\n", 2, "U+00A0"),
        (f"FROM medici/python:latest\nRUN true \\\n\x1c# x\nFROM {OTHERS}\n", 3, "U+001C"),
        (f"FROM medici/python:latest\nRUN true \\\rFROM {OTHERS}\n", 2, "U+000D"),
        ("FROM medici/python:latest\nRUN true\x00\n", 2, "U+0000"),
        ("FROM medici/python:latest\nRUN true\x85\n", 2, "U+0085"),
        ("FROM medici/python:latest\nRUN true\u2028\n", 2, "U+2028"),
        ("FROM medici/python:latest\nRUN true\v\n", 2, "U+000B"),
    ],
)
def test_characters_on_which_parsers_disagree_are_refused(text, line, character):
    (sentence,) = refusals(text)
    assert sentence.startswith(f"Line {line} of the Dockerfile: it holds the invisible character {character}; ")


@pytest.mark.parametrize("flag", ['--chown="a b"', "--chown=a\\ b", "--chown='a'", "--chown=à", "--", "--From=x"])
def test_options_on_which_parsers_disagree_are_refused(flag):
    (sentence,) = refusals(f"FROM medici/python\nCOPY {flag} --from=python:3.11 /secret /x\n")[:1]
    assert sentence.startswith("Line 2 of the Dockerfile: the option ")
    assert sentence.endswith("can't be used; write it as --name=value, without quotes.")


def test_a_hidden_second_name_of_an_argument_is_refused():
    text = f"ARG X=st\nARG A=1 X={OTHERS}\nFROM medici/python:latest AS st\nFROM $X\n"
    assert refusals(text) == ["Line 2 of the Dockerfile: ARG before FROM takes one name; write one ARG line for each."]


def test_a_variable_that_names_a_stage_is_written_out():
    text = "ARG X=st\nARG Y=${X}\nFROM medici/python:latest AS ST\nFROM $Y AS Last\nCOPY --from=ST /a /b\n"
    assert check(text, POLICY).text == (
        "ARG X=st\nARG Y=${X}\nFROM medici/python:latest AS st\nFROM st AS last\nCOPY --from=st /a /b\n"
    )


ALL = BuildPolicy(allowed_bases=("*",), image_map={"x:*": OTHERS, "y:*": OTHERS[:12]})


@pytest.mark.parametrize("name", [f"sha256:{OTHERS}", OTHERS, OTHERS[:12], "abcd", "docker.io/abcd", "x:1", "y"])
@pytest.mark.parametrize("line", ["FROM {}", "FROM medici/python\nCOPY --from={} /a /b"])
def test_an_images_id_is_never_a_base(name, line):
    (sentence,) = refusals(line.format(name), ALL)
    assert sentence.endswith(f"the base image {name!r} is an image's id; a base has a name.")


@pytest.mark.parametrize("source", ["²", "٣", "9" * 5000, "+0", "-1"])
def test_a_number_that_is_none_is_refused(source):
    (sentence,) = refusals(f"FROM medici/python\nCOPY --from={source} /a /b\n")[:1]
    assert sentence.startswith("Line 2 of the Dockerfile: the ")


def test_a_volume_where_containers_have_a_place_anyway_is_fine():
    assert refusals('FROM medici/python\nVOLUME /mnt/in /mnt/out\nVOLUME ["/tmp"]\n') == []


def test_continued_lines_become_one_and_comments_go():
    text = (
        "# escape=\\\nFROM medici/python:latest\r\nRUN echo a \\ \t\r\n"
        "  # a comment\n\n   && echo 'b  c' \\\n\t&& true\n"
        '   cmd  [ "a",  "b" ]  \n'
    )
    assert check(text, POLICY).text == (
        '\nFROM medici/python:latest\nRUN echo a    && echo \'b  c\' \t&& true\n\n\n\n\nCMD [ "a",  "b" ]\n'
    )


LINES = st.lists(
    st.sampled_from(
        ["FROM medici/python", "FROM a AS b", "RUN x \\", "RUN y", "# c", "", " ", "\\", "COPY --from=b a b", "\tx \\ ",
         "ARG A=1", "  FROM b", 'CMD ["a"]', "--x --y=1 z", "# escape=`", "x `"]
    )
)  # fmt: skip


@given(LINES)
def test_what_is_sent_says_what_was_checked(lines):
    """Whoever reads the text that is sent, line by line, finds one whole instruction on each, and nothing else."""
    checked = check("\n".join(lines), POLICY)
    if not checked.refused:
        sent = [line for line in checked.text.split("\n") if line]
        assert [str(one) for one in parse(checked.text).instructions] == sent
        assert not any(line.endswith("\\") or line.startswith((" ", "#")) for line in sent)


def test_all_refusals_come_at_once():
    assert [one.line for one in check("FROM a\nADD http://b /c\nFROM d\n", POLICY).refused] == [1, 2, 3]


@pytest.mark.parametrize("source", ["$U", "htt\\p://a/b", 'ht"tp"://a/b', "'http://a/b'", "${U:-x}"])
def test_an_add_that_could_become_a_url_is_refused(source):
    (sentence,) = refusals(f"FROM medici/python\nARG U=http://a/b\nADD {source} /c\n")
    assert sentence.startswith("Line 3 of the Dockerfile: ADD ")


def test_add_of_files_is_sent_as_copy():
    text = 'FROM medici/python\nADD --chown=1:1 a.tar.gz b.txt /c/\nADD ["x y", "/c"]\nADD . /\n'
    checked = check(text, POLICY)
    assert checked.refused == ()
    assert checked.text == text.replace("ADD", "COPY")
    assert checked.added == (Added(2, ("a.tar.gz", "b.txt")), Added(3, ("x y",)), Added(4, (".",)))
    assert refusals("FROM medici/python AS a\nADD --from=a /b /c\n") == [
        "Line 2 of the Dockerfile: ADD --from is not available here; write it without."
    ]


@pytest.mark.parametrize(
    "value",
    [
        "medici.worker=x",
        "a=b medici.until=1",
        'a="b c" "medici.run"=1',
        "'medici.build'=1",
        "medi\\ci.build=1",
        'm"edici."build=1',
        "a=b\\ c medici.x=1",
        "a='b\"' medici.x=1",
        "medici.worker x=1",
        "MEDICI.worker x",
        '"medici.x y" z=1',
        "$A=1",
        "a=b ${A}.x=1",
    ],
)
def test_labels_of_ours_are_refused(value):
    (sentence,) = refusals(f"FROM medici/python\nLABEL {value}\n")
    assert sentence.startswith("Line 2 of the Dockerfile: ")


def test_other_labels_are_not():
    text = (
        'FROM medici/python\nLABEL a=medici.x "b"="c medici.d=1" e=\'medici.f=1\' g=$H\n'
        "LABEL maintainer medici.org a=b\nLABEL org.medici.x=1\nMAINTAINER medici.worker=x\n"
    )
    checked = check(text, POLICY)
    assert checked.refused == ()
    assert checked.text == text


def test_a_line_of_ours_begins_each_stage_and_steps_are_told_without_it():
    checked = check("ARG A=1\nFROM medici/python AS a\nRUN b\nFROM a\nRUN c\n", POLICY, after_from=["ARG X"])
    assert checked.sent_with("LABEL m=1") == (
        "ARG A=1\nFROM medici/python AS a\nLABEL m=1\nARG X\nRUN b\nFROM a\nLABEL m=1\nARG X\nRUN c\n"
    )
    assert [checked.own_step(number) for number in range(1, 10)] == [1, 2, 2, 2, 3, 4, 4, 4, 5]
    assert [number for number in range(1, 12) if checked.is_ours(number)] == [3, 4, 7, 8, 10, 11]


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


def test_more_bases_than_a_report_can_name_are_refused():
    """A run whose report cannot be written would be the platform's fault, and cost nothing."""
    lines = [f"FROM medici/base:{number} AS s{number}" for number in range(12)]
    assert refusals("\n".join([*lines, "FROM medici/base:11", "FROM s1"])) == []
    assert refusals("\n".join([*lines, "FROM medici/base:12"])) == [
        "Line 13 of the Dockerfile: it names more than 12 base images."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ARG A0="
        + "x" * 1000
        + "".join(f"\nARG A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 40))
        + "\nFROM medici/python\n",
        "FROM medici/python\nENV A=x\n" + "ENV A=$A$A\n" * 40,
        "FROM medici/python\nENV A=x\n" + "ENV A ${A}${A:-$A}\n" * 40,
        "FROM medici/python\nARG A=x\n" + 'ARG "A"=$A${A}\n' * 40,
        "FROM medici/python\nENV A=" + "x" * 50_000 + "\nENV 'A'=x\nENV A=$A$A\n",
        "FROM medici/python\nENV A=" + "x" * 50_000 + "\nLABEL a=$A b=$A\n",
        "ARG A=" + "x" * 50_000 + "\nFROM $A$A\n",
        "FROM medici/python\nCOPY " + "$A " * 1000 + "/\n",
    ],
)
def test_variables_that_grow_are_refused_before_they_do(text):
    assert any("are longer than 64 KiB when they are filled in." in sentence for sentence in refusals(text))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ENV B=${A/x/yy}", "${NAME/…} is not available here; write the value out."),
        ("ENV $A=b", "'$A' can't be the name of a variable; use letters, digits and underscores."),
        ("ENV @=b", "'@' can't be the name of a variable; use letters, digits and underscores."),
        ("ENV 1=b", "'1' can't be the name of a variable; use letters, digits and underscores."),
        ("ARG A=1 é=2", "'é' can't be the name of a variable; use letters, digits and underscores."),
        ("LABEL a=${@//a/bb}", "${NAME/…} is not available here; write the value out."),
        ("ENV B=$Aé", "a variable's name has letters of ASCII, digits and underscores alone; write ${NAME}."),
    ],
)
def test_variables_that_builders_read_in_their_own_ways_are_refused(line, sentence):
    assert refusals(f"FROM medici/python\nENV A=x\n{line}\n") == [f"Line 3 of the Dockerfile: {sentence}"]


def test_a_path_that_grows_line_by_line_is_not():
    lines = "".join(f"ENV PATH=/opt/tool{n}/bin:$PATH LD_LIBRARY_PATH=$HOME/{n}:$LD_LIBRARY_PATH\n" for n in range(20))
    assert refusals(f"FROM medici/python\nENV HOME=/home/me\n{lines}RUN echo $PATH ${{A/x/y}}\n") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("#" * 70_000, "the file is larger than 64 KiB; put what is long into a script of yours."),
        (
            "FROM medici/python\n" + "USER 1\n" * 600,
            "it has more than 500 instructions; put commands into a script of yours.",
        ),
        ("FROM medici/python\nADD " + "q " * 200 + "/d/", "ADD names too many or too long paths; use COPY."),
        ("FROM medici/python\nADD " + "q" * 2_000 + " /d/", "ADD names too many or too long paths; use COPY."),
        ("FROM medici/python\nVOLUME " + "[" * 50_000, "VOLUME " + "[" * 80 + " is not allowed: "),
    ],
)
def test_what_is_too_much_is_refused(text, sentence):
    (refused,) = refusals(text)
    assert sentence in refused


def test_a_volume_is_left_out_of_the_build_and_counted():
    """Where a container has a place anyway, a step of the build would have one of the engine's disk."""
    checked = check('FROM medici/python\nVOLUME ["/mnt/out", "/tmp"]\nRUN a\n', POLICY)
    assert (checked.refused, checked.text) == ((), "FROM medici/python\n\nRUN a\n")
    assert checked.sent_with("LABEL m=1") == "FROM medici/python\nLABEL m=1\nRUN a\n"
    assert [checked.own_step(number) for number in (1, 2, 3)] == [1, 1, 3]
    assert checked.steps_sent == 4


def test_variables_that_are_too_long_are_told_once_and_with_all_else():
    text = "ARG A=xxxxxxxx\n" + "ARG A=$A$A\n" * 30 + "FROM $A\nVOLUME /data\nENV @=x\nRUN a\n"
    long, volume, name = refusals(text)
    assert long.endswith("of the Dockerfile: its variables are longer than 64 KiB when they are filled in.")
    assert volume.startswith("Line 33 of the Dockerfile: VOLUME /data is not allowed: ")
    assert (
        name == "Line 34 of the Dockerfile: '@' can't be the name of a variable; use letters, digits and underscores."
    )
