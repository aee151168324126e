"""What the tests of this folder have found, of one process or of several; printed at the end of the run."""

import os

import pytest

from tests.trust import evidence
from tests.trust.evidence import Evidence


class Gathering:
    """A plugin of pytest. MEDICI_TRUST=full asks for the counts of `make trust`, MEDICI_TRUST_KEEP keeps the table."""

    def __init__(self) -> None:
        self.evidence = Evidence(is_full=os.environ.get("MEDICI_TRUST") == "full")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)  # of one of several processes
        if output is not None:
            output["trust"] = self.evidence.as_json()
        elif os.environ.get("MEDICI_TRUST_KEEP"):
            evidence.keep(self.evidence, failed=session.testsfailed, asked=session.config.args)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        if found := getattr(node, "workeroutput", {}).get("trust"):
            self.evidence.add(found)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if table := self.evidence.markdown():
            terminalreporter.write_line(f"\n{table}\n")
