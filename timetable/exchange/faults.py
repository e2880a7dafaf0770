"""What is wrong with a bundle, and exactly where."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from django.utils.translation import ngettext

SHOWN = 1000
"""So many faults are listed; the rest are only counted, so that a bad file stays cheap."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that cannot be read. No line: the file as a whole; no column: the whole line."""

    file: str
    line: int | None
    column: str | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return (
            f"{place}: {self.column}: {self.reason}" if self.column else f"{place}: {self.reason}"
        )

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class Faults:
    """Every fault of one reading, in the order met."""

    shown: list[Fault] = field(default_factory=list)
    total: int = 0

    def add(self, file: str, line: int | None, column: str | None, reason: object) -> None:
        """Note it; the reason is put into words only if it will be shown."""
        self.total += 1
        if self.total <= SHOWN:
            self.shown.append(Fault(file, line, column, str(reason)))

    def __bool__(self) -> bool:
        return self.total > 0


class BundleRejected(Exception):
    """The bundle has faults, so nothing at all was imported."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        super().__init__(
            ngettext(
                "%d fault: nothing was imported.",
                "%d faults: nothing was imported.",
                faults.total,
            )
            % faults.total
        )

    @classmethod
    def because(
        cls, file: str, reason: str, *, line: int | None = None, column: str | None = None
    ) -> BundleRejected:
        faults = Faults()
        faults.add(file, line, column, reason)
        return cls(faults)
