"""What is known of a column's type, beyond the short name that a model has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RowKeyForm = Literal["place", "digest"]
"""What a key is made of that the service makes for the rows of a relation without one: where a row
is stored, or the text of the row."""


@dataclass(frozen=True, slots=True)
class CatalogType:
    """The type of a column, for SQL that must name it. Names are quoted, with their schema.

    name              the type, the base type of a domain; "": not known, or the short name does
    operators         the schema of its operators; "": pg_catalog, where statements find them
    is_domain         the column's own type is a domain over it
    collation         of texts; "": the database's default, or the type has none
    is_deterministic  texts that are equal by the collation have the same characters
    row_key           of a key that the service makes: what it is made of
    """

    name: str = ""
    operators: str = ""
    is_domain: bool = False
    collation: str = ""
    is_deterministic: bool = True
    row_key: RowKeyForm | None = None


UNKNOWN = CatalogType()
"""Of a column that no database was asked about, or that a statement made."""
