"""English, as it is written in Britain and on the clocks of timetables."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y, H:i"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
FIRST_DAY_OF_WEEK = 1

DAY_FORMAT = "D j M"
SHORT_DAY_FORMAT = "j M"
DAY_YEAR_FORMAT = "D j M Y"
LONG_DAY_FORMAT = "l j F Y"
CLOCK_FORMAT = "H:i"
DAY_TIME_FORMAT = "D j M, H:i"
DAY_YEAR_TIME_FORMAT = "D j M Y, H:i"
DAY_SECONDS_FORMAT = "D j M, H:i:s"
