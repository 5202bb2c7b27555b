"""A Django app with hostile models: what a host site may do that makes backups hard, one model each.

It is installed in the settings of the tests only. ``population`` fills it.
"""
