"""FACE: the command line, ``manage.py edms_backup <subcommand>``. One file per subcommand.

``main`` has the table of subcommands and turns errors into exit codes, ``output`` is the only place that
writes, ``text`` and ``ledger`` are how things look, ``progress`` is what moves while a run lasts. Nothing
here decides anything: a subcommand turns words into a request and a report into words.
"""
