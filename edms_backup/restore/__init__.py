"""restore: plan → stage → load → validate → commit or roll back. Start reading at `pipeline`."""
