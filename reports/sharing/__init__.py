"""Records for others: results of several machines joined, and a repository of records that laboratories share."""
