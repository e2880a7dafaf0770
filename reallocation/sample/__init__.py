"""A made institute, to try Understudy with: its timetable, and some cases at every step."""
