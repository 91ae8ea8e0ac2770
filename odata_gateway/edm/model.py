"""The model: what the service offers, with the tables and joins behind it.

`edm.csdl` reads it from one CSDL JSON file, and it is frozen. OData's names (entity type, property)
and Postgres's names (table, column) meet here and nowhere else.

A navigation property's join is a conjunction of equalities over its source row, its target row and
any link tables between them:

    Message.sender       source.sender_id = target.id, source.sender_type = 'User'
    Conversation.labels  links tagging, tag:  tagging.taggable_id = source.id, ..., lower(tag.name)
                         = target.title

Objects are compared by identity: there is one object per element of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from odata_gateway.errors import ODataError
from odata_gateway.types.account import WHOLE_ACCOUNT, AccountType
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType
from odata_gateway.types.primitive import PrimitiveType

NULL_KEY = "odata-gateway: a key is null: "
"""What begins the text that a statement cannot convert to a number where it meets a null in a key;
what is null stands behind it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A Postgres table or view, `schema` and `name` unquoted."""

    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why the service does not have a part of the model: the database cannot show it. Nothing is
    guessed in its place, and a request that names it is refused.

    searched  $search would look at it
    """

    error: type[ODataError]
    message: str
    hint: str | None = None
    searched: bool = False

    def refusal(self, at: int) -> ODataError:
        """The error of a request that names it at an offset."""
        return self.error(self.message, at=at, hint=self.hint)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A relation or a column that is not in a model which was made from the catalog. Who asks for
    its name, and may read it, is told why.

    column  "" for the relation
    text    why it is not there, and what to do
    """

    table: Table
    column: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """A structural property and the column it reads.

    pg_type     the column's type by Postgres's short name (`int4`, `text`, `timestamp`), from the
                model or, once introspected, the database; `enum` for all enumerations
    catalog     what the database says besides about the type
    secret      it always reads as null, and no clause may compute with it
    missing     the database lacks the column: it reads as null everywhere
    searched    $search looks at it
    not_null    the database declares the column NOT NULL. What $metadata promises, `nullable`, is
                weaker, since versions of the schema differ
    media_type  of the octets of a binary value
    null_key    of a key that may be null in a row: what the error of such a row names, "People.id";
                None: it cannot be
    """

    name: str
    type: PrimitiveType
    nullable: bool
    column: str
    pg_type: str
    is_key: bool = False
    secret: bool = False
    missing: bool = False
    not_null: bool = False
    searched: bool = False
    precision: int | None = None
    scale: int | str | None = None
    max_length: int | None = None
    description: str | None = None
    media_type: str | None = None
    null_key: str | None = None
    catalog: CatalogType = UNKNOWN

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class JoinColumn:
    """A column of one side of a join: `side` is "source", "target" or the name of a link table;
    `lower` compares without case."""

    side: str
    column: str
    lower: bool = False


@dataclass(frozen=True, slots=True)
class JoinConstant:
    """A text constant in a join, such as 'User'."""

    value: str


@dataclass(frozen=True, slots=True)
class JoinTerm:
    """left = right.

    compared_as  what both sides are made, where the database would not compare them as they are:
                 one type, one collation, by the operator of one schema
    """

    left: JoinColumn
    right: JoinColumn | JoinConstant
    compared_as: CatalogType = UNKNOWN


@dataclass(frozen=True, slots=True)
class LinkTable:
    """A table between source and target without an entity type of its own; `name` is its name in
    join terms."""

    name: str
    table: Table


@dataclass(frozen=True, slots=True)
class Join:
    """How a navigation property's target rows are found; all terms must hold."""

    terms: tuple[JoinTerm, ...]
    links: tuple[LinkTable, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class NavigationProperty:
    """A navigation property to the entity type `target` (its unqualified name).

    nullable    a single-valued one may be null
    constraint  $ReferentialConstraint for $metadata: (dependent property, principal property)
    """

    name: str
    target: str
    collection: bool
    join: Join
    nullable: bool = True
    partner: str | None = None
    constraint: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class AccountColumn:
    """The row policy of a table with an account: `column` is one of the caller's accounts, and has
    this type, once introspected."""

    column: str
    type: AccountType = WHOLE_ACCOUNT


@dataclass(frozen=True, slots=True)
class Membership:
    """The row policy of a table without an account: a row of `table` connects it with one of the
    caller's accounts.

    EXISTS (SELECT FROM table WHERE table.member = row.column AND table.account is one of the
    caller's)

    type  of the column `account`, once introspected
    """

    table: Table
    member: str
    column: str
    account: str
    type: AccountType = WHOLE_ACCOUNT


@dataclass(frozen=True, slots=True)
class Unscoped:
    """The row policy of a table that is the same for every caller, as the model declares."""


Policy = AccountColumn | Membership | Unscoped


@dataclass(frozen=True, slots=True, eq=False)
class EntityType:
    """An entity type, the table behind it, and the row policy of every use of that table.

    missing   the database lacks the table
    indexes   the columns of each index of the table that can give an order, once introspected; they
              change statements, and never answers
    vouched   the model says that no two rows have the same key, and none has null in it
    computes  reading a row runs expressions of the database, which may raise errors
    null_keys key properties that may be null in a row
    refused   why no row can be served, though the table is there
    withheld  properties and navigation properties of the model that the database cannot show
    left_out  columns that are on purpose not in the model, by the name of OData
    """

    name: str
    namespace: str
    table: Table
    policy: Policy
    properties: Mapping[str, Property]
    navigation: Mapping[str, NavigationProperty]
    missing: bool = False
    indexes: frozenset[tuple[str, ...]] = frozenset()
    description: str | None = None
    vouched: bool = False
    computes: bool = False
    null_keys: tuple[Property, ...] = ()
    refused: Withheld | None = None
    withheld: Mapping[str, Withheld] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def qualified_name(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def key(self) -> tuple[Property, ...]:
        return tuple(p for p in self.properties.values() if p.is_key)

    @property
    def searchable(self) -> tuple[Property, ...]:
        """The properties that $search looks at."""
        return tuple(p for p in self.properties.values() if p.searched)

    @property
    def unsearchable(self) -> Withheld | None:
        """A property that $search would look at, but the database does not show."""
        return next((w for w in self.withheld.values() if w.searched), None)


@dataclass(frozen=True, slots=True, eq=False)
class EntitySet:
    """An entity set; `bindings` has the name of the target entity set for each navigation property
    of its type."""

    name: str
    entity_type: EntityType
    bindings: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class TokenTables:
    """Where the database itself has access tokens of users, and the accounts that these may read.

    kind    a column of the tokens with the value that those of users have, or None
    user    the key of `users`, to which `owner` of a token and `member` refer
    role    the column of `members` that ODATA_ADMIN_ROLES is compared with
    """

    tokens: Table
    token: str
    owner: str
    kind: tuple[str, str] | None
    users: Table
    user: str
    members: Table
    member: str
    account: str
    role: str

    def columns(self) -> Mapping[Table, tuple[str, ...]]:
        """The columns that the lookup of a token reads."""
        kind = () if self.kind is None else (self.kind[0],)
        return {
            self.tokens: (*kind, self.owner, self.token),
            self.members: (self.account, self.member, self.role),
            self.users: (self.user,),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What the service offers.

    version      changes with every part of the model; compiled statements are cached under it
    set_of_type  the set that links name, by the name of the entity type
    withheld     entity sets of the model that cannot be served
    left_out     relations that are on purpose not in the model, by the name of OData
    tokens       where access tokens are looked up; None: not in the database
    """

    namespace: str
    container: str
    version: str
    entity_types: Mapping[str, EntityType]
    entity_sets: Mapping[str, EntitySet]
    set_of_type: Mapping[str, EntitySet] = field(default_factory=dict)
    withheld: Mapping[str, Withheld] = field(default_factory=dict)
    tokens: TokenTables | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    def target_type(self, navigation: NavigationProperty) -> EntityType:
        return self.entity_types[navigation.target]


UNREAD = Model("Database", "Service", "unread", {}, {})
"""Stands for the model of a database until it has been read from the catalog."""
