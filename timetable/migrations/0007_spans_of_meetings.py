from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("timetable", "0006_names_of_things"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="meeting",
            name="meeting_professor_time",
        ),
        migrations.RemoveIndex(
            model_name="meeting",
            name="meeting_room_time",
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(
                fields=["professor", "starts_at", "ends_at"], name="meeting_professor_span"
            ),
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(fields=["room", "starts_at", "ends_at"], name="meeting_room_span"),
        ),
    ]
