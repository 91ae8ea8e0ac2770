"""Entity types and their navigation properties as a CSDL JSON document declares them.

Partners and joins are resolved when all types are known: `csdl_navigation`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from odata_gateway.edm.csdl_joins import is_identifier, parse_table, read_join
from odata_gateway.edm.csdl_properties import (
    DESCRIPTIONS,
    DeclaredValueTypes,
    is_name,
    read_properties,
)
from odata_gateway.edm.csdl_values import MEDIA, WORDS, read_media, read_words
from odata_gateway.edm.json_reader import JsonNode
from odata_gateway.edm.model import (
    AccountColumn,
    Join,
    Membership,
    Policy,
    Property,
    SearchedWords,
    Table,
    Unscoped,
)

_TABLE = "@Gateway.Table"
_ALTERNATE_KEYS = ("@Core.AlternateKeys", "@Org.OData.Core.V1.AlternateKeys")
_VOUCHED = "@Gateway.KeyIsUnique"
_POLICIES = ("@Gateway.Account", "@Gateway.Membership", "@Gateway.Unscoped")
_DISCRIMINATOR, _VALUE = "@Gateway.Discriminator", "@Gateway.DiscriminatorValue"
_TYPE_MEMBERS = (
    *("$Kind", "$Key", "$HasStream", "$Abstract", _TABLE, _VOUCHED, MEDIA, WORDS),
    *(_DISCRIMINATOR, _VALUE, *_POLICIES, *DESCRIPTIONS),
)
_DERIVED_MEMBERS = ("$Kind", "$BaseType", "$Abstract", _VALUE, *DESCRIPTIONS)
_NAVIGATION_MEMBERS = (
    "$Kind",
    "$Type",
    "$Collection",
    "$Nullable",
    "$Partner",
    "$ReferentialConstraint",
    "@Gateway.Join",
    "@Gateway.Links",
)
_MEMBERSHIP_MEMBERS = ("Table", "Member", "Column", "Account")
_NO_TABLE = Table("", "")


@dataclass(frozen=True, slots=True)
class DeclaredNavigation:
    """A navigation property before its partner is known.

    constraint  $ReferentialConstraint: pairs of dependent and principal property
    own_join    the join of its annotation
    """

    node: JsonNode
    target: str
    collection: bool
    nullable: bool
    partner: str | None
    constraint: tuple[tuple[str, str], ...]
    own_join: Join | None


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """An entity type before its navigation properties are resolved.

    vouched   the model says that its key is unique and never null
    media     the octets of a media entity
    base      the name of the type that it is derived from
    abstract  no row is of this very type
    column    that says of which type a row is, with `value` for those of this very type
    words     what $search looks at besides texts
    """

    name: str
    namespace: str
    node: JsonNode
    table: Table
    policy: Policy
    properties: dict[str, Property]
    navigation: dict[str, DeclaredNavigation]
    vouched: bool
    alternate_keys: tuple[tuple[str, ...], ...] = ()
    media: Property | None = None
    base: str | None = None
    abstract: bool = False
    column: str | None = None
    value: str | None = None
    words: SearchedWords | None = None


def kind_of(node: JsonNode) -> str:
    """The $Kind of an element; for others what a mistake calls them."""
    if not node.is_object:
        return "an operation" if isinstance(node.value, list) else "this"
    kind = node.value.get("$Kind")
    return kind if isinstance(kind, str) else "an object without $Kind"


def read_type(
    node: JsonNode,
    names: tuple[str, str],
    known: dict[str, str],
    types: DeclaredValueTypes,
) -> DeclaredType:
    """An entity type with its namespace and its name; `known` has the names of all by their
    qualified names."""
    namespace, name = names
    if not is_name(name):
        node.fail("is not a name")
    if node.has("$BaseType"):
        return _read_derived(node, names, known, types)
    node.allow(_TYPE_MEMBERS)
    table = read_table(node, _TABLE)
    policy = _read_policy(node)
    properties = read_properties(node, _read_keys(node), types)
    navigation = _navigation_of(node, known, properties)
    _check_row_key(node, properties)
    alternate_keys = _read_alternate_keys(node, properties)
    vouched = node.flag(_VOUCHED)
    media = read_media(node)
    return DeclaredType(
        name,
        namespace,
        node,
        table,
        policy,
        properties,
        navigation,
        vouched,
        alternate_keys,
        media,
        words=read_words(node),
        abstract=node.flag("$Abstract"),
        column=read_identifier(node, _DISCRIMINATOR) if node.has(_DISCRIMINATOR) else None,
        value=node.text(_VALUE),
    )


# --- derived types --------------------------------------------------------------------------------


def _read_derived(
    node: JsonNode, names: tuple[str, str], known: dict[str, str], types: DeclaredValueTypes
) -> DeclaredType:
    """A type that is derived from another one, whose table, key and row policy it has."""
    node.allow(_DERIVED_MEMBERS)
    base = node.required_text("$BaseType")
    if base and base not in known:
        node.fail(f"no entity type is called {base}", "$BaseType")
    abstract, value = node.flag("$Abstract"), node.text(_VALUE)
    if value is None and not abstract:
        node.fail(f"{_VALUE} is missing, by which rows of this type are known")
    return DeclaredType(
        names[1],
        names[0],
        node,
        _NO_TABLE,
        Unscoped(),
        read_properties(node, [], types),
        _navigation_of(node, known, None),
        vouched=False,
        base=known.get(base),
        abstract=abstract,
        value=value,
    )


def with_bases(types: dict[str, DeclaredType]) -> dict[str, DeclaredType]:
    """The types, those of which a type is derived before it, with what is inherited."""
    found: dict[str, DeclaredType] = {}
    for declared in types.values():
        _inherit(declared, types, found, ())
    for name, declared in found.items():
        derived = any(each.base == name for each in found.values())
        if derived and declared.column is None:
            declared.node.fail(f"types are derived from it, and {_DISCRIMINATOR} is missing")
    return found


def _inherit(
    declared: DeclaredType,
    types: dict[str, DeclaredType],
    found: dict[str, DeclaredType],
    below: tuple[str, ...],
) -> None:
    if declared.name in found:
        return
    if declared.base in (*below, declared.name):
        declared.node.fail("is derived from itself", "$BaseType")
        declared = replace(declared, base=None)
    base = types.get(declared.base or "")
    if base is not None:
        _inherit(base, types, found, (*below, declared.name))
        base = found.get(base.name, base)
        for name in (*declared.properties, *declared.navigation):
            if name in base.properties or name in base.navigation:
                declared.node.fail(f"{base.name} has this property", name)
        declared = replace(
            declared,
            table=base.table,
            policy=base.policy,
            vouched=base.vouched,
            properties={**base.properties, **declared.properties},
            navigation={**base.navigation, **declared.navigation},
            alternate_keys=base.alternate_keys,
            column=base.column,
            media=base.media,
        )
    found[declared.name] = declared


def read_table(node: JsonNode, member: str) -> Table:
    """The table that a member names, `schema.table`."""
    text = node.required_text(member)
    table = parse_table(text)
    if text and table is None:
        node.fail("must be schema.table", member)
    return table or _NO_TABLE


# --- keys ----------------------------------------------------------------------------------------


def _read_keys(node: JsonNode) -> list[str]:
    """The names in `$Key`. There are no key aliases, which are paths into complex properties."""
    if not node.has("$Key") or not node.value["$Key"]:
        node.fail("$Key is missing")
        return []
    keys = node.texts("$Key")
    declared = [name for name, _ in node.members()]
    for name, place in keys:
        if name not in declared:
            place.fail(f"this type has no property '{name}'")
    names = [name for name, _ in keys]
    if len(set(names)) < len(names):
        node.fail("names a property twice", "$Key")
    if names != [name for name in declared if name in names] and set(names) <= set(declared):
        node.fail("declare the key properties in the order of $Key", "$Key")
    return names


def _check_row_key(node: JsonNode, properties: dict[str, Property]) -> None:
    """A key that the service makes has a name of its own, and is the whole key."""
    for name, prop in properties.items():
        if prop.catalog.row_key is None:
            continue
        if sum(other.is_key for other in properties.values()) > 1:
            node.fail("a key with @Gateway.RowKey has no other properties", "$Key")
        twins = [n for n, p in properties.items() if p.column == prop.column and n != name]
        if twins:
            place = node.child(twins[0])
            place.fail(f"has the column {prop.column}, which is the name of the row's key")


def _read_alternate_keys(
    node: JsonNode, properties: dict[str, Property]
) -> tuple[tuple[str, ...], ...]:
    """The names of the properties of each alternate key. An alias must be the property's own
    name."""
    return tuple(
        _read_alternate_key(key, properties)
        for term in _ALTERNATE_KEYS
        for key in _objects(node, term)
    )


def _read_alternate_key(key: JsonNode, properties: dict[str, Property]) -> tuple[str, ...]:
    names = []
    for reference in _objects(key, "Key"):
        name = reference.required_text("Name")
        prop = properties.get(name)
        if name and (prop is None or prop.secret or not prop.type.family.can_be_key):
            reference.fail("is no property that can be a key", "Name")
        if reference.text("Alias", name) != name:
            reference.fail("must be the property's name", "Alias")
        names.append(name)
    if not names or len(set(names)) < len(names):
        key.fail("must name properties, each once", "Key")
    return tuple(names)


def _objects(node: JsonNode, member: str) -> list[JsonNode]:
    """The elements of an array of objects; nothing where the array is absent."""
    if not node.has(member):
        return []
    parent = node.child(member)
    if not isinstance(parent.value, list):
        parent.fail("must be an array of objects")
        return []
    nodes = [
        JsonNode(value, f"{parent.path}/{i}", node.mistakes) for i, value in enumerate(parent.value)
    ]
    for each in nodes:
        if not each.is_object:
            each.fail("must be an object")
    return [each for each in nodes if each.is_object]


# --- row policies ---------------------------------------------------------------------------------


def _read_policy(node: JsonNode) -> Policy:
    declared = [name for name in _POLICIES if node.has(name)]
    if len(declared) != 1:
        node.fail(
            f"exactly one row policy must be declared: {', '.join(_POLICIES)}"
            + (f"; found {len(declared)}" if declared else "")
        )
        return Unscoped()
    match declared[0]:
        case "@Gateway.Account":
            return AccountColumn(read_identifier(node, "@Gateway.Account"))
        case "@Gateway.Membership":
            return _read_membership(node.child("@Gateway.Membership"))
        case _:
            if not node.flag("@Gateway.Unscoped"):
                node.fail("can only be true", "@Gateway.Unscoped")
            return Unscoped()


def _read_membership(node: JsonNode) -> Policy:
    if not node.is_object:
        node.fail("must be an object")
        return Unscoped()
    for name in node.value:
        if name not in _MEMBERSHIP_MEMBERS:
            node.fail("is not a member of a Membership", name)
    table = read_table(node, "Table")
    member, column, account = (read_identifier(node, name) for name in _MEMBERSHIP_MEMBERS[1:])
    return Membership(table, member, column, account)


def read_identifier(node: JsonNode, member: str) -> str:
    """The column that a member names."""
    text = node.required_text(member)
    if text and not is_identifier(text):
        node.fail("Postgres cannot have this name", member)
    return text


# --- navigation properties ------------------------------------------------------------------------


def _navigation_of(
    node: JsonNode, known: dict[str, str], properties: dict[str, Property] | None
) -> dict[str, DeclaredNavigation]:
    """The navigation properties of a type; `properties` are None where some are inherited."""
    return {
        name: _read_navigation(child, known, properties)
        for name, child in node.members()
        if kind_of(child) == "NavigationProperty"
    }


def _read_navigation(
    node: JsonNode, known: dict[str, str], properties: dict[str, Property] | None
) -> DeclaredNavigation:
    node.allow(_NAVIGATION_MEMBERS)
    type_name = node.required_text("$Type")
    if type_name and type_name not in known:
        node.fail(f"no entity type is called {type_name}", "$Type")
    collection = node.flag("$Collection")
    if collection and node.has("$Nullable"):
        node.fail("a collection-valued navigation property has no $Nullable", "$Nullable")
    constraint = tuple(
        (dependent, principal) for dependent, principal, _ in node.pairs("$ReferentialConstraint")
    )
    if collection and constraint:
        node.fail("belongs to the single-valued side", "$ReferentialConstraint")
    for dependent, _ in constraint:
        if properties is not None and dependent not in properties:
            node.child("$ReferentialConstraint").fail("this type has no such property", dependent)
    nullable = collection or node.flag("$Nullable")
    return DeclaredNavigation(
        node,
        known.get(type_name, ""),
        collection,
        nullable,
        node.text("$Partner"),
        constraint,
        read_join(node),
    )
