"""The built-in extraction: values beside their labels, by rules, from words and where they stand."""
