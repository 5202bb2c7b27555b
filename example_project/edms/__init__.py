"""The example EDMS: the site that the backup app is shown and tested on."""
