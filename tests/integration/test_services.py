"""The fixtures that other tests stand on: real, separate per test, and gone afterwards."""

import os
import signal

import docker
import psycopg
import pytest
import redis

from tests import services
from tests.services import Service


def tables(url: str) -> list[str]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        connection.execute("CREATE TABLE seen (id int)")
    return [name for (name,) in rows]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_its_own_database(postgres_url: str, turn: int) -> None:
    assert tables(postgres_url) == []


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_redis(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("turn", turn)


def test_a_service_starts_again_on_the_same_port() -> None:
    with services.redis_server() as server:
        server.stop(signal.SIGKILL)
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.ping() is True


def test_a_service_ends_with_its_owner() -> None:
    with services.redis_server() as server:
        process = server.process
        assert process is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_the_engine_answers(docker_engine: docker.DockerClient) -> None:
    assert docker_engine.ping() is True


def test_a_missing_service_fails_in_ci_and_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"Redis is not available: install it\."):
        services.missing("Redis", "install it")
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match=r"Redis is not available: install it\."):
        services.missing("Redis", "install it")


def test_postgres_keeps_its_data_over_a_restart(postgres_server: Service, postgres_url: str) -> None:
    tables(postgres_url)
    postgres_server.stop()
    postgres_server.start()
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (0,)
