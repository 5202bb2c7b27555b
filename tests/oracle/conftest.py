"""The tests of the oracle fetch Django's source distribution; EDMS_ORACLE=1 lets them run with the others."""

import os

collect_ignore_glob = [] if os.environ.get("EDMS_ORACLE") == "1" else ["test_*.py"]
