"""What would happen: a term of absences on the real timetable, under a virtual clock.

`people` plays those who fall ill, answer and vote; `stage` turns the clock and runs the same engine as
every day, which does not know about it; `figures` counts what came of it.
"""
