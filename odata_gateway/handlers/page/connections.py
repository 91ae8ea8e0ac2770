"""Snippets that read a URL with other programs, and files that connect a program with it.

No token is ever in one of them: the programs ask for it. Sources: [MS-ODCFF] 2.7.1.1 and [MS-QDEIF]
for `.odc`.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import NamedTuple
from urllib.parse import quote, unquote

from odata_gateway.handlers.page.address import PageAddress
from odata_gateway.handlers.page.rendering import rendered
from odata_gateway.protocol.message import Reply

_LEFT_ALONE = "%$'()*,/:;@!~?&=+"
_NOT_IN_NAME = re.compile(r"[^\w .-]+")


class RowsLocation(NamedTuple):
    """What a program connects with: the service root, the URL of the rows, and their name.

    is_set  the URL is that of an entity set, and nothing else
    """

    root: str
    url: str
    name: str
    is_set: bool

    @property
    def query(self) -> str:
        """A query in M, the language of Power Query and Power BI."""
        feed = f"OData.Feed({{}}, null, [{_FEED_OPTIONS}])"
        if not self.name:
            return feed.format(m_text(self.root))
        if not self.is_set:
            return feed.format(m_text(self.url))
        table = f'{{[Name={m_text(self.name)},Signature="table"]}}'
        return f"{feed.format(m_text(self.root))}{table}[Data]"


_FEED_OPTIONS = 'Implementation="2.0", OmitValues=ODataOmitValues.Nulls'


def connection(root: str, address: PageAddress) -> RowsLocation:
    """What a program connects with for the rows of an address."""
    target = quote(address.of_service().target, safe=_LEFT_ALONE)
    name = unquote(address.path.strip("/").partition("(")[0].rpartition("/")[2])
    is_set = bool(name) and target == address.path and "/" not in target and "(" not in target
    return RowsLocation(root, root + target, name, is_set)


def m_text(text: str) -> str:
    """A text literal of M."""
    return '"' + text.replace("#(", "#(#)(").replace('"', '""') + '"'


def pbids(found: RowsLocation) -> bytes:
    """A Power BI data source file; it can name a service or a URL, and no query."""
    address = found.root if found.is_set else found.url
    details = {"protocol": "odata", "address": {"url": address}}
    one = {"details": details, "options": {}, "mode": "Import"}
    return json.dumps({"version": "0.1", "connections": [one]}, indent=2).encode()


def odc(found: RowsLocation) -> bytes:
    """An Office data connection with a query of Power Query."""
    query = found.query.replace("]]>", "]]]]><![CDATA[>")
    name = file_name(found)
    mashup = rendered("mashup.xml", name=name, query=query)
    return rendered("connection.odc", name=name, url=found.url, mashup=mashup).encode()


FILES = {
    "pbids": ("application/json", pbids),
    "odc": ("text/x-ms-odc", odc),
}


def connection_file(kind: str, found: RowsLocation) -> Reply:
    """A connection file as a download."""
    media_type, make = FILES[kind]
    disposition = f'attachment; filename="{file_name(found)}.{kind}"'
    headers = (("Content-Type", media_type), ("Content-Disposition", disposition))
    return Reply(200, headers, make(found))


def file_name(found: RowsLocation) -> str:
    """The name of a file, and of the query in it, in characters that every program can read."""
    name = _NOT_IN_NAME.sub(" ", found.name).strip()
    return name if name.isascii() and name else "odata"


def shell_text(text: str) -> str:
    """A word of a shell, always in quotes."""
    return shlex.quote(text + " ")[:-2] + "'"


def quoted_text(text: str) -> str:
    """A literal of Python and of R."""
    return json.dumps(text)


def sql_constant(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
