"""How many media sessions hold, and what each was forked from (a term). Null at first: SQLite then keeps tables and triggers.

Sessions that are known are derived anew, as if each had changed: media stand in the stored runs.
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

    dependencies: ClassVar = [("catalog", "0015_masked_by")]
    operations: ClassVar = [
        migrations.AddField("catalogrun", "media_count", models.IntegerField(null=True)),
        migrations.AddField("catalogsession", "media_count", models.IntegerField(null=True)),
        migrations.RunSQL(ANEW, migrations.RunSQL.noop),
    ]
