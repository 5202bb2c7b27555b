"""create: plan → freeze → dump → files → seal → publish. Start reading at `pipeline`."""
