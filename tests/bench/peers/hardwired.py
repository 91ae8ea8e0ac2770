"""One statement behind one route on aiohttp, asyncpg and uvloop, without OData, accounts or tokens: a ceiling. `python hardwired.py PORT DSN`"""

import asyncio
import sys

import asyncpg
import uvloop
from aiohttp import web

SQL = """
SELECT concat('{"id":', id, ',"content":', coalesce(to_json(content)::text, 'null'), ',"account_id":', account_id, ',"inbox_id":', inbox_id,
    ',"conversation_id":', conversation_id, ',"message_type":', message_type, ',"created_at":', to_json(created_at)::text, ',"updated_at":',
    to_json(updated_at)::text, ',"private":', coalesce(private::text, 'null'), ',"status":', coalesce(status::text, 'null'), ',"source_id":',
    coalesce(to_json(source_id)::text, 'null'), ',"content_type":', content_type, ',"content_attributes":', coalesce(content_attributes::text, 'null'),
    ',"sender_type":', coalesce(to_json(sender_type)::text, 'null'), ',"sender_id":', coalesce(sender_id::text, 'null'),
    ',"external_source_ids":', coalesce(external_source_ids::text, 'null'), '}')
FROM public.messages WHERE id = $1
"""


async def main(port: int, dsn: str) -> None:
    connections: asyncio.Queue[asyncpg.Connection] = asyncio.Queue()
    for _ in range(10):
        connections.put_nowait(await asyncpg.connect(dsn))

    async def message(request: web.Request) -> web.Response:
        connection = await connections.get()
        try:
            text = await connection.fetchval(SQL, int(request.match_info["id"]))
        finally:
            connections.put_nowait(connection)
        return web.Response(body=text.encode(), content_type="application/json")

    app = web.Application()
    app.router.add_get("/Message({id})", message)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
