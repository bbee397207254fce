"""What names of files say: fields of a pattern such as ``{plate}_{well}_{donor}.fcs``, or of a regular expression."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence

import orjson

from cytosol.base.errors import InvalidInputError
from cytosol.model.names import clean_name

Fields = dict[str, str]
_FIELD = re.compile(r"\{([^{}]*)\}")
_NAMED_GROUP = "(?P<"
_MOST_LETTERS = 1000
_TIME_S = 3.0
_MATCH = """
import json, re, sys
pattern, names = json.load(sys.stdin)
found = [re.fullmatch(pattern, name) for name in names]
json.dump([one and {k: v for k, v in one.groupdict().items() if v is not None} for one in found], sys.stdout)
"""
"""An expression may take for ever, and holds up all threads meanwhile: so it runs in a process that can be ended."""


async def match_names(pattern: str, names: Sequence[str]) -> list[Fields | None]:
    """The fields of each name; None where the pattern does not fit the whole of it.

    Parameters
    ----------
    pattern : fields in braces, between them what stands in the name, whatever its case; a field holds neither of the
        texts beside it, and ``{}`` is left out. With a group ``(?P<name>…)`` it is a regular expression of Python.

    Raises
    ------
    InvalidInputError
        Where it is neither, or takes longer than 3 s.
    """
    if len(pattern) > _MOST_LETTERS:
        raise InvalidInputError(f"It has {len(pattern):,} letters; {_MOST_LETTERS:,} are allowed", where="pattern")
    if _NAMED_GROUP in pattern:
        try:
            known = re.compile(pattern).groupindex
        except (re.error, OverflowError, RecursionError) as error:
            raise InvalidInputError(
                f"It is no regular expression: {error}", where="pattern", do="Write it as Python's module re reads it"
            ) from error
        _check_fields(list(known))
        return await _match_elsewhere(pattern, names)
    expression, fields = _compiled(pattern)
    found = [expression.fullmatch(name) for name in names]
    return [
        None if one is None else {field: one[place] for place, field in enumerate(fields, start=1) if field}
        for one in found
    ]


def _compiled(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """A pattern with fields in braces, and its fields in order; "" = is left out."""
    pieces = _FIELD.split(pattern)
    texts, fields = pieces[0::2], [field.strip() for field in pieces[1::2]]
    if stray := next((text for text in texts if "{" in text or "}" in text), ""):
        raise InvalidInputError(f"A brace in '{stray[:64]}' has no other", where="pattern", do="Close each field")
    _check_fields([field for field in fields if field])
    if any(not text for text in texts[1:-1]):
        raise InvalidInputError(
            "Two fields stand beside each other, so nobody can tell where the first one ends",
            where="pattern",
            do="Put the text between them that the names have, or write a regular expression",
        )
    parts = [re.escape(texts[0])]
    for place, after in enumerate(texts[1:]):
        beside = [re.escape(text) for text in (texts[place], after) if text]
        letter = f"(?!{'|'.join(beside)})." if beside else "."
        parts.append(f"((?:{letter})+){re.escape(after)}")
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL), fields


def _check_fields(fields: Sequence[str]) -> None:
    if not fields:
        raise InvalidInputError(
            "It names no field",
            where="pattern",
            do="Write what a name is made of, such as {plate}_{well}_{donor}.fcs",
        )
    for field in fields:
        clean_name(field, field="pattern")
    if twice := next((field for field in fields if fields.count(field) > 1), ""):
        raise InvalidInputError(f"The field '{twice[:64]}' comes twice", where="pattern", do="Give each its own name")


async def _match_elsewhere(pattern: str, names: Sequence[str]) -> list[Fields | None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _MATCH, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(orjson.dumps([pattern, list(names)])), _TIME_S)
    except TimeoutError as error:
        raise InvalidInputError(
            f"The regular expression took longer than {_TIME_S:g} s",
            where="pattern",
            do="Write it without repeats inside of repeats",
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found: list[Fields | None] = orjson.loads(out)
    return found


def filled(template: str, fields: Fields) -> tuple[str, list[str]]:
    """A template with its fields filled in, and those that are missing."""
    missing = [name for name in (field.strip() for field in _FIELD.findall(template)) if name not in fields]
    return _FIELD.sub(lambda found: fields.get(found[1].strip(), ""), template), missing
