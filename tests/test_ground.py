"""The ground that the tests stand on."""

import socket

import pytest
from django.db import connection, transaction
from django_q.tasks import async_task

from tests.network import NetworkRefused
from tests.worker import Worker


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.org"])
def test_other_machines_are_out_of_reach(host: str) -> None:
    with pytest.raises(NetworkRefused):
        socket.create_connection((host, 80), timeout=1)


def test_this_machine_is_in_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_pass_on_postgresql_is_on_postgresql() -> None:
    assert connection.vendor == "postgresql"


def test_queued_tasks_run_in_order_and_only_when_told(worker: Worker) -> None:
    with worker.after_commit():
        transaction.on_commit(lambda: async_task("math.sqrt", 16))
        assert worker.queued() == []
        async_task("math.floor", 2.5)
        assert worker.queued() == [("math.floor", 2.5)]

    assert worker.queued() == []
    async_task("math.ceil", 2.5)
    assert worker.run() == [("math.ceil", 2.5)]
    assert worker.run() == []


def test_a_failing_task_fails_the_test(worker: Worker) -> None:
    async_task("math.sqrt", -1)
    with pytest.raises(ValueError, match="math domain error"):
        worker.run()
