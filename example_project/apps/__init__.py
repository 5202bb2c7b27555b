"""The apps of the example EDMS.

They are written the way such systems are found in practice, habits that make a backup hard included, and
on purpose: receivers that ignore `raw` and write rows, `save()` methods that compute, timestamps that set
themselves, files named by text columns, generic references with text ids, a default manager that hides rows,
and natural keys in the wrong place (on the model instead of its manager) or made of database ids.
"""
