"""One module a command: `python manage.py help` lists them, docs/commands.md describes them."""
