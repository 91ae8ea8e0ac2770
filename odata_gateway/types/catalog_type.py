"""What a database's catalog says of a column's type, beyond the short name that a model has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogType:
    """The type of a column, for SQL that must name it. Names are quoted, with their schema.

    name              the type, the base type of a domain; "": not known, or the short name does
    operators         the schema of its operators; "": pg_catalog, where statements find them
    is_domain         the column's own type is a domain over it
    collation         of texts; "": the database's default, or the type has none
    is_deterministic  texts that are equal by the collation have the same characters
    """

    name: str = ""
    operators: str = ""
    is_domain: bool = False
    collation: str = ""
    is_deterministic: bool = True


UNKNOWN = CatalogType()
"""Of a column that no database was asked about, or that a statement made."""
