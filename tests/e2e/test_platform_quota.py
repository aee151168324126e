import pytest

from tests.e2e.test_platform_services import check_quota_race

pytestmark = pytest.mark.slow


def test_of_thirty_uploads_at_once_exactly_the_quota_gets_in(platform):
    check_quota_race(platform)
