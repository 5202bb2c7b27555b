"""A worker of a site under test that takes nothing by itself: whoever tests carries runs out when it is time.

``EDMS_JOBS`` names it; ``PYTHONPATH`` has to lead here.
"""


def told(run_id: str) -> None:
    """Be told of a run, and leave it."""
