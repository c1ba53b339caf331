"""Kinds of documents: what a document is, by its words and its layout, and what moves have taught about it."""
