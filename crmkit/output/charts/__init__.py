"""Pictures as SVG, written by hand: no script, no font, nothing to fetch, in light, in dark and in print."""
