"""How dates and times are said, by language; what is not here, Django knows.

DAY is a day near enough to need no year, CLOCK ends a phrase that says a time of day.
"""
