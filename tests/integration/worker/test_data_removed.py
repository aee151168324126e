"""Data sets that somebody removes at the engine just before a container is made: the engine says nothing of it."""

import pytest

from medici_worker.protocol import FailureKind
from medici_worker.run import execute
from tests.factories.worker import python_program
from tests.integration.worker.conftest import inference

pytestmark = pytest.mark.slow

COUNT = "import os\nopen('/mnt/out/answer.txt', 'w').write(str(len(os.listdir('/mnt/in'))))\n"


def test_a_run_that_saw_no_data_ends_in_no_score_and_the_next_attempt_has_them(site, make, monkeypatch):
    spec = inference(make, COUNT)
    sha256 = spec.input_data.sha256

    def pruned(plan, on_log, start=site.engine.start):
        if any(sha256 in mount.volume for mount in plan.mounts):
            for volume in site.engine.volumes(name_contains=sha256):
                assert site.engine.remove_volume(volume.name)
        return start(plan, on_log)

    with monkeypatch.context() as patch:
        patch.setattr(site.engine, "start", pruned)
        broken = execute(spec, make.host(python_program()), site)
    assert (broken.failure, broken.may_pass, broken.scores) == (FailureKind.SYSTEM_ERROR, True, None)
    assert broken.private_detail.startswith(f"The volume medici-data-{sha256}-")
    assert "was removed at the engine while a run used it" in broken.private_detail
    host = make.host(python_program())
    again = execute(spec.model_copy(update={"attempt": spec.attempt + 1}), host, site)
    assert again.failure is None, again
    assert host.outputs == {"answer.txt": b"1"}
