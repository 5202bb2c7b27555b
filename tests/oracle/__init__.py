"""Stock Django as the oracle: its own tests with our reader and writer of rows, and its datasets there and back.

``make oracle`` runs everything; ``test_oracle.py`` a short form. ``docs/stock-django.md`` lists what differs, and why.
"""
