from django.db import migrations, models
from django.db.models.functions import Substr


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0008_source_freshness"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="catalogsession",
            index=models.Index(Substr("component_name", 1, 120), "component_key", name="catalog_named"),
        ),
    ]
