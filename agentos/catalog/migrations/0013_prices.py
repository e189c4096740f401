"""What runs used by model and role, and which cost is computed. Null at first: SQLite then keeps tables and triggers.

Sessions that are known are derived anew, as if each had changed: what a run used by model stands in the stored run.
"""

from typing import ClassVar

from django.db import migrations, models

ANEW = [
    "UPDATE catalog_catalogrun SET mark = ''",
    "UPDATE catalog_catalogsession SET mark = ''",
    "UPDATE catalog_sourcestate SET pulse = ''",
]


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [("catalog", "0012_derived"), ("prices", "0001_initial")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="CatalogPricing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.CharField(blank=True, max_length=32)),
                ("towards", models.CharField(blank=True, max_length=32)),
                ("cursor", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddField("catalogrun", "first_token", models.FloatField(null=True)),
        migrations.AddField("catalogrun", "told_cost", models.FloatField(null=True)),
        migrations.AddField("catalogrun", "usage", models.JSONField(null=True)),
        migrations.AddField("catalogsession", "computed_cost", models.FloatField(null=True)),
        migrations.RunSQL(ANEW, migrations.RunSQL.noop),
    ]
