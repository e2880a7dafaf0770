"""The timetable in and out: bundles of .csv files, read all or nothing and written as things stand.

`importing.import_bundle` and `exporting.export_bundle` are the two ways in; `registry.FILES` lists the
kinds of file, one module each.
"""
