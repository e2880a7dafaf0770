"""The last line against double bookings: exclusion constraints, on PostgreSQL only.

SQLite has none; there, writing transactions are serialised from their start.
"""

from django.db import migrations

EXCLUSIONS = {
    "meeting_professor_in_one_place": "professor_id",
    "meeting_room_in_one_use": "room_id",
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for name, column in EXCLUSIONS.items():
        schema_editor.execute(
            f"ALTER TABLE timetable_meeting ADD CONSTRAINT {name} EXCLUDE USING gist "
            f"({column} WITH =, tstzrange(starts_at, ends_at) WITH &&) "
            "WHERE (status = 'scheduled' AND NOT overlap_tolerated)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in EXCLUSIONS:
        schema_editor.execute(f"ALTER TABLE timetable_meeting DROP CONSTRAINT {name}")


class Migration(migrations.Migration):
    dependencies = [("timetable", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]
