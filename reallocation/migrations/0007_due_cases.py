from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("reallocation", "0006_names_of_things")]

    operations = [
        migrations.RemoveIndex("case", "case_due"),
        migrations.AddIndex(
            "case",
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="case_due_at"),
        ),
    ]
