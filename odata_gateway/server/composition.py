"""The parts of a gateway, made from its settings.

Settings are converted here only: `database_settings` for the database, `model_of` for the model.
What makes a model of a catalog is loaded only where ODATA_MODEL asks for it: it takes 25 ms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from odata_gateway.config.readers import AUTO
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.schema.changes.watcher import SchemaWatcher
from odata_gateway.db.schema.citus.worker_probe import WorkerProbe
from odata_gateway.db.schema.role_models import RoleModels
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import with_secrets_exposed
from odata_gateway.edm.json_reader import Mistake, ModelError
from odata_gateway.edm.model import UNREAD, Model
from odata_gateway.errors import DbBusy, DbTimeout, DbTokens, DbUnavailable
from odata_gateway.handlers.agents.view import AgentView
from odata_gateway.handlers.page.loading import LoadedPages
from odata_gateway.handlers.service import Service
from odata_gateway.identity.caller import Caller
from odata_gateway.identity.claims import claims_text
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.identity.live_agent import LiveAgentTokens
from odata_gateway.identity.token_file import TokenFile, read_token_file
from odata_gateway.identity.way_in import WayIn, WayInError
from odata_gateway.introspection.overlay.entries import NO_OVERLAY, Overlay
from odata_gateway.server.tokens import gives_roles, jwt_callers, key_ring, sign_in
from odata_gateway.web.app import Gateway
from odata_gateway.web.challenge import Challenges
from odata_gateway.web.frontend import HttpFrontend
from odata_gateway.web.mcp.server import McpServer
from odata_gateway.web.mcp.service import AgentLimits

if TYPE_CHECKING:
    from odata_gateway.identity.jwt.key_ring import KeyRing
    from odata_gateway.introspection.not_served import NotServed
    from odata_gateway.introspection.source import CatalogSource


class GatewayParts(NamedTuple):
    """A gateway, its database and service, what keeps its model in step with the database, who may
    ask; where there are any, the keys that sign tokens, and what the model is read from. `ask` has
    the database looked at again soon."""

    database: Database
    service: Service
    gateway: Gateway
    watcher: SchemaWatcher
    callers: CallerDirectory
    keys: KeyRing | None
    source: CatalogSource | None
    ask: Callable[[], None]


class ReadModel(NamedTuple):
    """A model, what it leaves out, and what the overlay says of what is not there."""

    model: Model
    not_served: Sequence[NotServed] = ()
    left_aside: Sequence[Mistake] = ()


def database_settings(settings: Settings) -> DatabaseSettings:
    """The settings that the database needs.

    raises  ModelError for an overlay with mistakes
    """
    search_path = overlay_of(settings).search_path
    return DatabaseSettings(
        dsn=settings.dsn,
        pooler=settings.pooler,
        max_connections=settings.pool_max,
        wait_s=settings.pool_wait_s,
        statement_timeout_s=settings.statement_timeout_s,
        row_security=settings.rls,
        slow_s=settings.slow_query_ms / 1000,
        key_check_s=settings.key_check_s,
        search_path=settings.search_path if search_path is None else search_path,
    )


def model_of(settings: Settings) -> Model:
    """The model that the settings name; UNREAD where it is made from the database's catalog. With
    ODATA_EXPOSE_SECRETS its secret properties are ordinary ones.

    raises  ModelError for a file that is not a model, or an overlay with mistakes
    """
    overlay_of(settings)
    if settings.model == AUTO:
        return UNREAD
    model = load_model(settings.model)
    return with_secrets_exposed(model) if settings.expose_secrets else model


def source_of(settings: Settings, database: Database) -> CatalogSource:
    """What the model is read from where no file has it. Where callers have roles of their own, it
    has what any role might read; what each of them may read is found out later."""
    from odata_gateway.introspection.source import CatalogSource, WishedModel

    for_all_roles = bool(settings.anon_role or settings.tokens_file or gives_roles(settings))
    claim = settings.accounts_claim
    wished = WishedModel(settings.schemas, overlay_of(settings), for_all_roles, claim)
    return CatalogSource(database, wished)


def overlay_of(settings: Settings) -> Overlay:
    """The overlay that the settings name, read from its file.

    raises  ModelError with every mistake of its form, or where there is nothing that it is over
    """
    if settings.overlay is None:
        return NO_OVERLAY
    if settings.model != AUTO:
        text = "is over the model that is read from the database; set ODATA_MODEL to auto"
        raise ModelError([Mistake("ODATA_OVERLAY", text)])
    from odata_gateway.introspection.overlay.reader import read_overlay

    return read_overlay(settings.overlay)


async def read_model(settings: Settings, database: Database) -> ReadModel:
    """The model, from its file or from the database.

    raises  ModelError, ODataError
    """
    if settings.model != AUTO:
        return ReadModel(model_of(settings))
    source = source_of(settings, database)
    return ReadModel(await source.read(), source.not_served, source.left_aside)


def caller_directory(
    settings: Settings, model: Model, database: Database, keys: KeyRing | None = None
) -> CallerDirectory:
    """Who may ask, by every way in that the settings and the model name. Without any of them,
    everybody, without a role of their own; `check_listening` keeps others than this machine out.

    keys    sign JSON Web Tokens
    raises  SettingsError for a file of tokens that cannot be used
    """
    roles = RoleDirectory(database)
    ways: list[WayIn] = []
    if settings.tokens_file is not None:
        try:
            ways.append(TokenFile(settings.tokens_file, roles, accounts=settings.accounts_claim))
        except WayInError as error:
            raise SettingsError(error.mistakes) from None
    if keys is not None:
        ways.append(jwt_callers(settings, keys, roles))
    if model.tokens is not None:
        admin, ttl_s = settings.admin_roles, settings.token_ttl_s
        ways.append(LiveAgentTokens(database, model.tokens, admin, ttl_s=ttl_s))
    anonymous = None
    if settings.anon_role:
        claims = claims_text({}, settings.anon_role)
        anonymous = Caller("anonymous", role=settings.anon_role, claims=claims)
    elif not ways:
        anonymous = Caller("anonymous")
    return CallerDirectory(ways, roles, anonymous, unknown_s=settings.token_ttl_s)


def check_listening(settings: Settings, model: Model) -> bool:
    """Whether requests are answered without asking who sends them, because nothing says who may.

    raises  SettingsError where other machines could send them, or for tokens that cannot be checked
    """
    if settings.tokens_file is not None:
        try:
            read_token_file(settings.tokens_file, settings.accounts_claim)
        except WayInError as error:
            raise SettingsError(error.mistakes) from None
    has_tokens = settings.tokens_file is not None or model.tokens is not None
    if settings.anon_role or has_tokens or key_ring(settings) is not None:
        return False
    if not _is_loopback(settings.host):
        raise SettingsError(
            (
                "nothing says who may ask: set ODATA_JWT_ISSUER, ODATA_JWT_JWKS, ODATA_JWT_SECRET, "
                "ODATA_TOKENS_FILE or ODATA_ANON_ROLE, or listen to "
                f"this machine only with ODATA_HOST=127.0.0.1, not {settings.host}",
            )
        )
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def compose(settings: Settings, model: Model) -> GatewayParts:
    """The parts of a gateway over `model`. The watcher exchanges the service's model when the
    database has changed.

    raises  SettingsError for tokens that cannot be checked
    """
    keys = key_ring(settings)
    database = await Database.open(database_settings(settings))
    callers = caller_directory(settings, model, database, keys)
    every_s = settings.model_check_s
    source = source_of(settings, database) if settings.model == AUTO else None
    role_models = RoleModels(
        database, lambda: watcher.model, every_s=every_s, is_made=source is not None
    )
    service = Service(
        model, database, callers, settings, frontend=HttpFrontend(settings), role_models=role_models
    )
    reports = callers.is_metadata_public
    watcher = SchemaWatcher(
        database, model, service.use, every_s=every_s, reports=reports, source=source
    )
    service.look_again = watcher.look_again
    workers = WorkerProbe(database)
    check = partial(check_ready, database, callers, watcher, workers)
    gateway = Gateway(settings, service, partial(ready_note, source, check))
    if settings.page:
        gateway.pages = LoadedPages(service, callers, settings)
    if keys is not None:
        gateway.challenges = Challenges(partial(sign_in, keys))
    if settings.mcp:
        gateway.mcp = mcp_server(settings, service, callers)

    def ask() -> None:
        watcher.ask()
        role_models.ask()

    return GatewayParts(database, service, gateway, watcher, callers, keys, source, ask)


def mcp_server(settings: Settings, service: Service, callers: CallerDirectory) -> McpServer:
    """What answers agents from a service."""
    limits = AgentLimits(settings.mcp_rows, settings.mcp_bytes)
    return McpServer(AgentView(service, callers), limits)


async def ready_note(source: CatalogSource | None, check: Callable[[], Awaitable[None]]) -> str:
    """What a readiness probe tells when requests can be answered: of an overlay that names what is
    not there; else "".

    raises  as `check`
    """
    await check()
    count = 0 if source is None else len(source.left_aside)
    return f"{count} entries of ODATA_OVERLAY are left aside: see the log" if count else ""


async def check_ready(
    database: Database, callers: CallerDirectory, watcher: SchemaWatcher, workers: WorkerProbe
) -> None:
    """Return when requests can be answered.

    raises  DbUnavailable where the database or every server behind it does not answer, or it has
            not been compared with the model yet; DbTokens where nobody could be served all the same
    """
    await database.ping()
    try:
        fault = await callers.fault()
    except (DbBusy, DbTimeout):
        fault = None  # many are served
    if fault is not None:
        hint = "run `odata-gateway check` to see what is missing"
        raise DbTokens(f"nobody can be served: {fault}", hint=hint)
    if watcher.compared is None:
        raise DbUnavailable("the model has not been compared with the database yet")
    await workers.check(watcher.compared)
