"""What a page needs to say how fresh it is."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns of the state of a source."""

    dependencies: ClassVar = [("catalog", "0007_run_steps")]
    operations: ClassVar = [
        migrations.AddField("sourcestate", "failing_since", models.DateTimeField(null=True)),
        migrations.AddField("sourcestate", "rate", models.FloatField(default=0)),
    ]
