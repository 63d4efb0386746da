"""Medical files to arrays: one reader per format, for corpora and tasks alike; the windows that make 8 bits of them."""
