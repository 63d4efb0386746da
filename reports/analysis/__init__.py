"""What records say: means, ranks and comparisons, without a word of text."""
