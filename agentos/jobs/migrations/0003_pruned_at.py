"""When the items of a job went, of which its totals are left."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [("jobs", "0002_sealed")]
    operations: ClassVar = [migrations.AddField("job", "pruned_at", models.DateTimeField(null=True))]
