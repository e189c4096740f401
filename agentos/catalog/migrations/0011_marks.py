from django.db import migrations, models

NAMED = {"catalog_updated": "updated_at", "catalog_user": "user_key", "catalog_component": "component_key"}
COUNTED = ["source", "session_type", "last_status", "component_key", "user_key", "error_count", "aside"]
JSON = {
    "sqlite": "text NOT NULL DEFAULT '{}' CHECK (JSON_VALID(\"marks\"))",
    "postgresql": "jsonb NOT NULL DEFAULT '{}'",
}


def add_columns(apps, schema_editor):
    """By hand: Django would make the table anew in SQLite, and the triggers on it would be gone."""
    schema_editor.execute("ALTER TABLE catalog_catalogsession ADD COLUMN aside smallint NOT NULL DEFAULT 0")
    schema_editor.execute(
        f"ALTER TABLE catalog_catalogsession ADD COLUMN marks {JSON[schema_editor.connection.vendor]}"
    )


def drop_columns(apps, schema_editor):
    for column in ("marks", "aside"):
        schema_editor.execute(f"ALTER TABLE catalog_catalogsession DROP COLUMN {column}")


def index(name):
    first = [NAMED[name]] if name == "catalog_updated" else [NAMED[name], "updated_at"]
    rest = [column for column in COUNTED if column != NAMED[name]]
    return models.Index(fields=[*first, "id", *rest], name=name)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_terms_by_update")]

    operations = [
        *(migrations.RemoveIndex(model_name="catalogsession", name=name) for name in NAMED),
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(add_columns, drop_columns)],
            [
                migrations.AddField("catalogsession", "aside", models.SmallIntegerField(default=0)),
                migrations.AddField("catalogsession", "marks", models.JSONField(default=dict)),
            ],
        ),
        *(migrations.AddIndex(model_name="catalogsession", index=index(name)) for name in NAMED),
    ]
