"""Tags and filters of the pages in Django's admin."""
