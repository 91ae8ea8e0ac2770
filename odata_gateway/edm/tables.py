"""What stands behind a model in the database: tables, joins, row policies, access tokens; and what
the database cannot show.

A navigation property's join is a conjunction of equalities over its source row, its target row and
any link tables between them:

    Message.sender       source.sender_id = target.id, source.sender_type = 'User'
    Conversation.labels  links tagging, tag:  tagging.taggable_id = source.id, ..., lower(tag.name)
                         = target.title

`edm.model` has the names of this module as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from odata_gateway.errors import ODataError
from odata_gateway.types.account import WHOLE_ACCOUNT, AccountType
from odata_gateway.types.catalog_type import UNKNOWN, CatalogType


@dataclass(frozen=True, slots=True)
class Table:
    """A Postgres table or view, `schema` and `name` unquoted."""

    schema: str
    name: str

    @property
    def text(self) -> str:
        """`schema.table`, as models write it: with quotes where it would not read as the same."""
        if "." in self.schema or self.schema.startswith('"'):
            return f"{in_quotes(self.schema)}.{in_quotes(self.name)}"
        return f"{self.schema}.{self.name}"


def in_quotes(name: str) -> str:
    """A name as SQL writes it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


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


@dataclass(frozen=True, slots=True)
class Discriminator:
    """The column by whose value a row is of a type, where derived types share a table.

    own     of rows of this very type; None: all that are of no other type
    values  of rows of this type and of those derived from it; None: all rows are
    """

    column: str
    own: str | None
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class SearchedWords:
    """A column of words of each row (a tsvector), which $search looks at.

    config  the text search configuration that made the words
    """

    column: str
    config: str
