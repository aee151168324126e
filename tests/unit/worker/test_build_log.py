"""What is read of a build has the Dockerfile's own steps and no others."""

import pytest

from medici_worker.containers.build_log import BuildLog
from medici_worker.containers.build_policy import check
from medici_worker.protocol import BuildPolicy

DOCKERFILE = "FROM medici/python\nRUN echo hi\nFROM medici/python\nCMD x\n"
BUILDER = (
    "Step 1/7 : FROM medici/python",
    "\n",
    " ---> 0123\n",
    "Step 2/7 : LABEL medici.build=w-0",
    "\n",
    " ---> Running in 4567\n",
    "Step 3/7 : RUN echo hi",
    "\n",
    "hi\n",
    "Step 4/7 : FROM medici/python",
    "\n",
    "Step 5/7 : LABEL medici.build=w-0",
    "\n",
    "Step 6/7 : CMD x",
    "\n",
    "Step 7/7 : LABEL medici.worker=w",
    "\n",
    " ---> 89ab\n",
    "Successfully built 89ab\n",
)
READ = (
    "Step 1/4 : FROM medici/python\n ---> 0123\nStep 2/4 : RUN echo hi\nhi\nStep 3/4 : FROM medici/python\n"
    "Step 4/4 : CMD x\nSuccessfully built 89ab\n"
)


def read(events):
    pieces = []
    log = BuildLog(check(DOCKERFILE, BuildPolicy()), pieces.append)
    for event in events:
        log(event.encode())
    return b"".join(pieces).decode()


def test_lines_of_ours_are_neither_shown_nor_counted():
    assert read(BUILDER) == READ


@pytest.mark.parametrize(
    "printed", ["Step 1/7 : x\n", "Step 9/9 : x\n", "Step 5000000/7", "Step x", "Step ", "\n", "Step 4/9 : x\n"]
)
def test_what_a_step_prints_is_left_as_it_is(printed):
    assert read([*BUILDER[:8], printed, *BUILDER[8:]]) == READ.replace("hi\nStep 3", f"{printed}hi\nStep 3")


def test_who_prints_the_very_next_step_spoils_the_count_of_the_own_log():
    forged = read([*BUILDER[:8], "Step 4/7 : x\n", *BUILDER[8:]])
    assert "Step 3/4 : x\n" in forged
    assert "LABEL" not in forged
