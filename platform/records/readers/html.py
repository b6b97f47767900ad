"""A page of HTML is one record: the text that a browser shows. Scripts and styles are neither run nor kept."""

from records.readers.markup import one_line, text_of
from records.readers.rows import Reading, Row
from records.readers.trees import html_tree, name_of


def read(data: bytes, encoding: str) -> Reading:
    root = html_tree(data, encoding)
    title = next((one_line(each) for each in root.iter() if name_of(each) == "title"), "")
    text = text_of(root)
    if title and not text.startswith(title):
        text = f"{title}\n\n{text}" if text else title
    return Reading([Row(1, text)] if text.strip() else [])
