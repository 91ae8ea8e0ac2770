"""OData-ish read service: FastAPI + odata-query + SQLAlchemy 2 (asyncpg). What one writes in an afternoon."""

import os
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from models import ENTITIES
from odata_query.exceptions import ODataException
from odata_query.sqlalchemy import apply_odata_query
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

engine = create_async_engine(
    os.environ.get("DSN", "postgresql+asyncpg://postgres@127.0.0.1:5432/bench"),
    pool_size=10,
    max_overflow=0,
    pool_timeout=120,
    json_serializer=lambda o: orjson.dumps(o).decode(),
    json_deserializer=orjson.loads,
)
Session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
MAX = 1000
OPT = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def out(obj):
    return Response(orjson.dumps(obj, default=str, option=OPT), media_type="application/json", headers={"OData-Version": "4.0"})


def model_of(name):
    try:
        return ENTITIES[name]
    except KeyError:
        raise HTTPException(404, f"no entity set {name}") from None


def columns(model, sel):
    if not sel:
        return list(model.__table__.c)
    try:
        return [model.__table__.c[n.strip()] for n in sel.split(",")]
    except KeyError as e:
        raise HTTPException(400, f"unknown property {e}") from None


def filtered(stmt, flt):
    if not flt:
        return stmt
    try:
        return apply_odata_query(stmt, flt)
    except ODataException as e:
        raise HTTPException(400, str(e)) from None


def plain(o, cols):
    return {c.name: getattr(o, c.name) for c in cols}


@app.get("/v1.0/odata/{name}({key:int})")
async def entity(name: str, key: int, request: Request):
    model = model_of(name)
    cols = columns(model, request.query_params.get("$select"))
    async with Session() as s:
        row = (await s.execute(select(*cols).where(model.id == key))).mappings().first()
    if row is None:
        raise HTTPException(404, "not found")
    return out({"@odata.context": f"$metadata#{name}/$entity", **row})


@app.get("/v1.0/odata/{name}/$count")
async def count(name: str, request: Request):
    model = model_of(name)
    async with Session() as s:
        n = await s.scalar(filtered(select(func.count(model.id)).select_from(model), request.query_params.get("$filter")))
    return Response(str(n), media_type="text/plain")


@app.get("/v1.0/odata/{name}")
async def collection(name: str, request: Request):
    q = request.query_params
    model = model_of(name)
    if "$apply" in q:
        raise HTTPException(501, "$apply is not implemented")
    cols = columns(model, q.get("$select"))
    try:
        top = int(q["$top"]) if "$top" in q else None
        skip = int(q.get("$skip", 0))
    except ValueError:
        raise HTTPException(400, "$top/$skip") from None
    limit = MAX if top is None else min(top, MAX)
    expand = q.get("$expand")
    if expand and "(" in expand:
        raise HTTPException(501, "nested $expand options are not implemented")
    order = []
    for part in filter(None, q.get("$orderby", "").split(",")):
        col, _, d = part.strip().partition(" ")
        c = columns(model, col)[0]
        order.append(c.desc() if d == "desc" else c.asc())
    order.append(model.id)

    stmt = filtered(select(model), q.get("$filter"))
    total = None
    async with Session() as s:
        if q.get("$count") == "true":
            total = await s.scalar(select(func.count()).select_from(stmt.order_by(None).subquery()))
        stmt = stmt.order_by(*order).limit(limit).offset(skip)
        if expand:
            try:
                stmt = stmt.options(selectinload(getattr(model, expand)))
            except AttributeError:
                raise HTTPException(400, f"unknown navigation property {expand}") from None
            objs = (await s.scalars(stmt)).all()
            sub = model.__mapper__.relationships[expand].mapper.class_.__table__.c
            rows = [{**plain(o, cols), expand: [plain(c, sub) for c in getattr(o, expand)]} for o in objs]
        else:
            rows = [dict(m) for m in (await s.execute(stmt.with_only_columns(*cols))).mappings()]
    res = {"@odata.context": f"$metadata#{name}"}
    if total is not None:
        res["@odata.count"] = total
    if len(rows) == limit and (top is None or top > limit):
        nxt = dict(q) | {"$skip": skip + limit}
        if top is not None:
            nxt["$top"] = top - limit
        res["@odata.nextLink"] = f"{request.url.path}?{urlencode(nxt)}"
    res["value"] = rows
    return out(res)
