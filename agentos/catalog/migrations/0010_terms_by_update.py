from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0009_component_names"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="catalogterm", name="catalog_term"),
        migrations.AddField(
            model_name="catalogterm",
            name="updated_at",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE catalog_catalogterm SET updated_at ="
            " (SELECT updated_at FROM catalog_catalogsession AS s WHERE s.id = catalog_catalogterm.session_id)",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name="catalogterm",
            index=models.Index(fields=["term", "updated_at", "session"], name="catalog_term"),
        ),
    ]
