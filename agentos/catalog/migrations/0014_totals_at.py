from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_prices")]

    operations = [
        migrations.AddField("sourcestate", "totals_at", models.FloatField(default=0)),
    ]
