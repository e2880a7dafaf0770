"""A percentage is one word: no line ends before its sign."""

import re

from django.conf import settings
from django.utils import translation

from timetable.percentages import percentage

IN_TWO_PIECES = re.compile(r"(?:[0-9]|\}|\)s) %(?![(}])")


def test_the_sign_stays_with_its_number_in_every_language():
    said = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            said[language] = [percentage(25), percentage(12.5, 1), percentage(99.6)]
    assert said == {
        "en": ["25\u00a0%", "12.5\u00a0%", "100\u00a0%"],
        "de": ["25\u00a0%", "12,5\u00a0%", "100\u00a0%"],
    }


def test_no_text_writes_a_percentage_by_itself():
    """Not `{{ n }} %` and not `%(n)s %%`: those would break before the sign."""
    root = settings.BASE_DIR
    texts = [*root.glob("templates/**/*.*"), *root.glob("config/locale/**/*.po")]
    assert texts
    assert IN_TWO_PIECES.search("{{ quorum }} % of the roll")
    assert IN_TWO_PIECES.search("(%(percent)s %%)")
    broken = {
        f"{path.relative_to(root)}: {line.strip()}"
        for path in texts
        for line in path.read_text().splitlines()
        if IN_TWO_PIECES.search(line)
    }
    assert broken == set()
