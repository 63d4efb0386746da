"""Readers of what downloads hold: folders, tables, masks, volumes. Every error names the file."""
