"""The ladder that every case climbs: the whole policy, rung by rung."""

from typing import Any

from .base import Step
from .direct import DirectSubstitute
from .reschedule import Reschedule
from .section import ProfessorsOfSection
from .subject import SameSubject
from .weekend import Weekend

LADDER: tuple[Step[Any], ...] = (
    DirectSubstitute(),  # 1. the substitute whom the professor names
    ProfessorsOfSection(),  # 2. the other professors of the section: first to accept gets it
    SameSubject(),  # 3. a professor of the same subject, chosen, asked; the students vote
    Reschedule(),  # 4. a free slot before the checkpoint
    Weekend(),  # 5. a weekend class if the students vote for it, else the class is dropped
)
