"""How many steps a workflow run took. Null for what is known already: SQLite then keeps the table, and its triggers."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [("catalog", "0006_rollups")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="catalogrun",
            name="step_count",
            field=models.IntegerField(null=True),
        ),
    ]
