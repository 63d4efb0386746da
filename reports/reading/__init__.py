"""Files to what reports start from: records that go together, scores of cases, galleries, curves."""
