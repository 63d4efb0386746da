"""The site: static pages of a folder of records, which work from a disk and without a network."""
