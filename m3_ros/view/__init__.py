"""Pictures and pages of results: overlays, contact sheets, the report of a run."""
