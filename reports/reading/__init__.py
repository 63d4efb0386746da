"""Files to what reports start from: consistent records, scores of cases, galleries, curves."""
