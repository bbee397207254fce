"""XML read with care, and written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree
from xml.parsers import expat

from cytosol.base.errors import UnreadableFileError

Element = ElementTree.Element
MAX_DEPTH = 500


def put_comment(root: Element, notes: Iterable[str]) -> None:
    """Put sentences first as a comment, in which no two hyphens may follow each other, nor one stand at the end."""
    root.insert(0, ElementTree.Comment(re.sub("-(?=-|$)", "- ", " ".join(notes))))


def parse_xml(data: bytes, *, where: str) -> Element:
    """Read an XML document.

    Raises
    ------
    UnreadableFileError
        For what is no XML, too deep, or declares a document type, whose entities may be endless.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise UnreadableFileError("The file nests its elements too deep", where=where, do="Export it again")
        builder.start(_named(name), {_named(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(name))

    def doctype(*_: object) -> None:
        raise UnreadableFileError("The file declares a document type", where=where, do="Remove its DOCTYPE")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ElementTree.ParseError, ValueError) as fault:
        raise UnreadableFileError(
            f"The file is not XML, or not whole: {fault}", where=where, do="Export it again"
        ) from fault


def _named(name: str) -> str:
    return "{" + name if "}" in name else name


def local(name: str) -> str:
    """Give a name without its namespace."""
    return name.rpartition("}")[2]


def attribute(element: Element, name: str) -> str | None:
    """Give an attribute by its local name, with or without a namespace."""
    if name in element.attrib:
        return element.attrib[name]
    return next((value for key, value in element.attrib.items() if local(key) == name), None)


def children(element: Element, *names: str) -> Iterator[Element]:
    """Give the children that have one of these local names."""
    return (child for child in element if local(child.tag) in names)


def child(element: Element, *names: str) -> Element | None:
    """Give the first child that has one of these local names."""
    return next(children(element, *names), None)


def child_text(element: Element, name: str) -> str:
    """Give what stands in the first child of this local name, without space around it; "" where there is none."""
    found = child(element, name)
    return "" if found is None else (found.text or "").strip()


def number(element: Element, name: str, *, where: str) -> float | None:
    """Give an attribute as a finite number, None where it is absent.

    Raises
    ------
    UnreadableFileError
        For what is no finite number.
    """
    text = attribute(element, name)
    return None if text is None else to_number(text, where=f"{where}, {name}")


def to_number(text: str | None, *, where: str) -> float:
    """Read a finite number."""
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if value - value != 0:
        raise UnreadableFileError(f"{(text or '')[:40]!r} is no number", where=where, do="Correct the file")
    return value
