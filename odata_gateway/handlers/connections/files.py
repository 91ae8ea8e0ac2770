"""Connection files.

Sources: [MS-ODCFF] 2.7.1.1 and [MS-QDEIF] for `.odc`; for `.pbids`, Microsoft's page on data
sources in Power BI Desktop.
"""

from __future__ import annotations

import json
import re
from html import escape

from odata_gateway.handlers.connections.location import RowsLocation
from odata_gateway.protocol.headers.disposition import attachment
from odata_gateway.protocol.message import Reply

_NOT_IN_NAME = re.compile(r"[^\w .-]+")
_MOST_NAME = 80
_MASHUP = (
    '<Mashup xmlns="http://schemas.microsoft.com/DataMashup"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<Client>EXCEL</Client><Version>2.0.0.0</Version><MinVersion>2.21.0.0</MinVersion>"
    "<Culture>en-US</Culture><SafeCombine>true</SafeCombine>"
    '<Items><Query Name="{name}"><Formula><![CDATA[{query}]]></Formula>'
    '<IsParameterQuery xsi:nil="true"/><IsDirectQuery xsi:nil="true"/></Query></Items></Mashup>'
)
_ODC = """\
<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv=Content-Type content="text/x-ms-odc; charset=utf-8">
<meta name=ProgId content=ODC.Database>
<meta name=SourceType content=OLEDB>
<title>{name}</title>
<xml id=docprops><o:DocumentProperties xmlns:o="urn:schemas-microsoft-com:office:office"\
 xmlns="http://www.w3.org/TR/REC-html40"><o:Description>{url}</o:Description>\
<o:Name>{name}</o:Name></o:DocumentProperties></xml>
<xml id=msodc><odc:OfficeDataConnection xmlns:odc="urn:schemas-microsoft-com:office:odc"\
 xmlns="http://www.w3.org/TR/REC-html40"><odc:PowerQueryConnection odc:Type="OLEDB">\
<odc:ConnectionString>Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location={name};\
Extended Properties=&quot;&quot;</odc:ConnectionString><odc:CommandType>SQL</odc:CommandType>\
<odc:CommandText>SELECT * FROM [{name}]</odc:CommandText></odc:PowerQueryConnection>\
<odc:PowerQueryMashupData>{mashup}</odc:PowerQueryMashupData></odc:OfficeDataConnection></xml>
</head>
<body></body>
</html>
"""


def connection_file(kind: str, found: RowsLocation) -> Reply:
    """A connection file of a kind of FILES, as a download."""
    media_type, make = FILES[kind]
    disposition = attachment(f"{query_name(found)}.{kind}")
    headers = (("Content-Type", media_type), ("Content-Disposition", disposition))
    return Reply(200, headers, make(found))


def query_name(found: RowsLocation) -> str:
    """The name of a file and of the query in it: letters, digits, blanks and `_.-`, so that it
    needs no escaping in a connection string, in SQL or on a disk."""
    return _NOT_IN_NAME.sub(" ", found.name).strip(" .")[:_MOST_NAME] or "odata"


def _pbids(found: RowsLocation) -> bytes:
    """A Power BI data source file; it can name a service or a URL, and no query."""
    details = {"protocol": "odata", "address": {"url": found.root if found.is_set else found.url}}
    one = {"details": details, "options": {}, "mode": "Import"}
    return json.dumps({"version": "0.1", "connections": [one]}, indent=2).encode()


def _odc(found: RowsLocation) -> bytes:
    """An Office data connection with a query of Power Query."""
    name = query_name(found)
    query = found.query.replace("]]>", "]]]]><![CDATA[>")
    mashup = _MASHUP.format(name=name, query=query)
    return _ODC.format(name=name, url=escape(found.url), mashup=escape(mashup)).encode()


FILES = {"pbids": ("application/json", _pbids), "odc": ("text/x-ms-odc", _odc)}
"""Each kind of connection file, by its suffix: the media type, and what makes it."""
