"""A list of reasons to begin with; moderators change it on its page."""

from django.db import migrations

REASONS = (
    ("Threat or harassment", 1),
    ("Danger to somebody", 1),
    ("Possible fraud", 4),
    ("Personal data", 8),
    ("Wrong or harmful answer", 24),
    ("Against our policy", 24),
    ("Something else", 72),
)


def make_reasons(apps, schema_editor):
    reason = apps.get_model("moderation", "FlagReason")
    for position, (name, hours) in enumerate(REASONS):
        reason.objects.get_or_create(name=name, defaults={"due_hours": hours, "position": position})


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_initial")]

    operations = [migrations.RunPython(make_reasons, migrations.RunPython.noop)]
