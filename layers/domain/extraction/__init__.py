"""The built-in extraction: rules that find the values of a schema's properties in the words of a document."""
