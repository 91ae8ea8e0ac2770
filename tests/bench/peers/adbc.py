"""All messages as Arrow by ADBC's driver, which reads Postgres's binary COPY: `python adbc.py DSN` prints seconds, CPU seconds and rows."""

import sys
import time

from adbc_driver_postgresql import dbapi


def main(dsn: str) -> None:
    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        began, cpu = time.perf_counter(), time.process_time()
        cursor.execute("SELECT * FROM public.messages")
        rows = sum(batch.num_rows for batch in cursor.fetch_record_batch())
        print(time.perf_counter() - began, time.process_time() - cpu, rows)


if __name__ == "__main__":
    main(sys.argv[1])
