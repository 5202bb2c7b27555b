"""Demo content for the example EDMS: factories, files and the command that fills a site."""
