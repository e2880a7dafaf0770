"""The task queue, worked off inside the test: real rows, real functions, no second process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

LIMIT = 1000

Capture = Callable[..., AbstractContextManager[list[Callable[[], None]]]]


class Worker:
    """What the cluster does, in order and at once; a task that raises fails the test."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def queued(self) -> list[tuple[Any, ...]]:
        """What waits: (dotted name, argument, argument, …) per task, oldest first."""
        return [self._read(row)[:1] + self._read(row)[1] for row in OrmQ.objects.order_by("pk")]

    def run(self) -> list[tuple[Any, ...]]:
        """Run whatever is due, and whatever that queues in turn, until nothing is left.

        Returns what ran, as `queued` shows it.
        """
        ran: list[tuple[Any, ...]] = []
        while row := OrmQ.objects.filter(lock__lte=timezone.now()).order_by("pk").first():
            name, arguments, named = self._read(row)
            if len(ran) >= LIMIT:
                raise AssertionError(f"{LIMIT} tasks ran and still there are more, next: {name}")
            with self._capture(execute=True):
                import_string(name)(*arguments, **named)
            row.delete()
            ran.append((name, *arguments))
        return ran

    @contextmanager
    def after_commit(self) -> Iterator[None]:
        """Do something; then what it left for its commit; then whatever that queued."""
        with self._capture(execute=True):
            yield
        self.run()

    @staticmethod
    def _read(row: OrmQ) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        task = row.task
        if "func" not in task:
            raise AssertionError(f"a queued task cannot be read: {task['id']}")
        func = task["func"]
        name = func if isinstance(func, str) else f"{func.__module__}.{func.__qualname__}"
        return name, tuple(task["args"]), task["kwargs"]
