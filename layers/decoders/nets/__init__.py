"""Reads print with the small neural networks of PP-OCR: a detector of lines, and two recognisers of letters."""
