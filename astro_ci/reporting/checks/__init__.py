"""Report the findings of checks: as text, as annotations, and as files for other programs."""
