"""Reads all messages into memory in one of the ways a user has, and prints what it took: `read.py arrow|adbc|pandas SOURCE SQL_OR_TOKEN`."""

from __future__ import annotations

import json
import resource
import sys
import time
import urllib.request


def arrow(url: str, token: str) -> int:
    """The gateway's Arrow stream."""
    import pyarrow.ipc

    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked) as answer:
        return pyarrow.ipc.open_stream(answer).read_all().num_rows


def adbc(dsn: str, sql: str) -> int:
    """ADBC's driver for Postgres, past the gateway."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table().num_rows


def pandas(dsn: str, sql: str) -> int:
    """pandas.read_sql over SQLAlchemy and psycopg, past the gateway."""
    import sqlalchemy
    from pandas import read_sql

    with sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1)).connect() as connection:
        return len(read_sql(sqlalchemy.text(sql), connection))


began = time.perf_counter()
rows = {"arrow": arrow, "adbc": adbc, "pandas": pandas}[sys.argv[1]](sys.argv[2], sys.argv[3])
used = resource.getrusage(resource.RUSAGE_SELF)
took = {"rows": rows, "wall": time.perf_counter() - began, "cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}
print(json.dumps(took))
