"""German."""

DATETIME_FORMAT = r"j. F Y, H:i \U\h\r"

SHORT_DAY_FORMAT = "j. M"
DAY_FORMAT = "D., j. N"
DAY_YEAR_FORMAT = "D., j. N Y"
LONG_DAY_FORMAT = "l, j. F Y"
CLOCK_FORMAT = r"H:i \U\h\r"
DAY_TIME_FORMAT = r"D., j. N, H:i \U\h\r"
DAY_YEAR_TIME_FORMAT = r"D., j. N Y, H:i \U\h\r"
DAY_SECONDS_FORMAT = r"D., j. N, H:i:s \U\h\r"
