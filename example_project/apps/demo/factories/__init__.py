"""Factories for every model of the example EDMS, one module per app.

`create()` inserts a row raw; `build()` makes an object that isn't stored, for tests that want an ordinary
save().
"""
