"""Reads with markitdown."""

from answering import answer_each
from markitdown import MarkItDown

converter = MarkItDown()
answer_each(lambda path: {"text": converter.convert(path).text_content})
