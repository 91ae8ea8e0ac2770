"""The model of a catalog as the loader reads it, without what the loader refuses.

What the document says is meant to be right, whatever a database has. Where it is not, one relation
must not keep all others from being served: it is left out with the loader's reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from odata_gateway.db.schema.functions import FunctionFacts
from odata_gateway.edm.csdl import parse_model
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.edm.model import Model
from odata_gateway.introspection.catalog import Catalog
from odata_gateway.introspection.document import CatalogModel, CsdlNode, model_of_catalog
from odata_gateway.introspection.not_served import NotServed

_WAY_OUT = "write a model of your own to serve it"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, and the document that it was read from; None where there is nothing to serve."""

    found: CatalogModel
    model: Model | None


def loaded_model(catalog: Catalog, functions: tuple[FunctionFacts, ...] = ()) -> LoadedModel:
    """The model of these relations and functions.

    raises  ModelError where what the loader refuses is none of them
    """
    refused: list[NotServed] = []
    while True:
        found = model_of_catalog(catalog, functions)
        found = replace(found, not_served=(*found.not_served, *refused))
        if not found.served.relations:
            return LoadedModel(found, None)
        try:
            return LoadedModel(found, parse_model(found.document))
        except ModelError as error:
            reasons = _refused_elements(error.mistakes, found.document)
            kept, left = _without(catalog, found, reasons)
            names = {name for _, name in reasons}
            called = tuple(facts for facts in functions if facts.name not in names)
            if not left and len(called) == len(functions):
                raise
            catalog, functions = kept, called
            refused += left


def _refused_elements(
    mistakes: Iterable[Mistake], document: CsdlNode
) -> dict[tuple[str, str], str]:
    """The reasons by namespace and name of the elements that have mistakes, or use one that has."""
    found: dict[tuple[str, str], str] = {}
    for mistake in mistakes:
        _, namespace, name, *_ = (*mistake.path.split("/"), "", "")
        found.setdefault((namespace, name), mistake.message)
    for namespace, name in list(found):
        if _kind(document, namespace, name) == "EntityType":
            continue  # what links to it is served without the link
        used = f'"{namespace}.{name}"'
        for other, schema in document.items():
            elements = schema.items() if isinstance(schema, dict) else ()
            for element, node in elements:
                if used in json.dumps(node):
                    found.setdefault((other, element), found[namespace, name])
    return found


def _kind(document: CsdlNode, namespace: str, name: str) -> str | None:
    schema = document.get(namespace)
    node = schema.get(name) if isinstance(schema, dict) else None
    return node.get("$Kind") if isinstance(node, dict) else None


def _without(
    catalog: Catalog, found: CatalogModel, reasons: dict[tuple[str, str], str]
) -> tuple[Catalog, list[NotServed]]:
    """The catalog without the relations of these elements, and what that leaves out."""
    served = found.served
    elements = {
        table: (served.namespaces[table.schema], name) for table, name in served.type_names.items()
    }
    left = [
        NotServed(table, f"the model cannot have it: {reasons[element]}", _WAY_OUT)
        for table, element in elements.items()
        if element in reasons
    ]
    tables = {item.table for item in left}
    return tuple(relation for relation in catalog if relation.table not in tables), left
