"""A table to find entries by the sessions of which they showed something; as append-only as the log."""

from typing import Any

from django.db import migrations, models

from agentos.audit import guards


def guard(apps: Any, editor: Any) -> None:
    """Make the triggers; they go with the table."""
    for statement in guards.of_shown(editor.connection.vendor):
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Shown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField()),
                ("target_key", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "audit_shown",
                "indexes": [models.Index(fields=["target_key", "number"], name="audit_shown_by_target")],
            },
        ),
        # As with the log itself: `flush` and later migrations leave it alone.
        migrations.AlterModelOptions(name="shown", options={"managed": False}),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
