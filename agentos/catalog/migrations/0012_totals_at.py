from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0011_marks")]

    operations = [
        migrations.AddField("sourcestate", "totals_at", models.FloatField(default=0)),
    ]
