"""The parts of a gateway, made from its settings.

Settings are converted here only: `database_settings` for the database, `model_of` for the model.
"""

from __future__ import annotations

from typing import NamedTuple

from odata_gateway.config.settings import Settings
from odata_gateway.db.database import Database
from odata_gateway.db.schema.roles import RoleDirectory
from odata_gateway.db.schema.watcher import SchemaWatcher
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.edm.csdl import load_model
from odata_gateway.edm.derive import with_secrets_exposed
from odata_gateway.edm.model import Model
from odata_gateway.handlers.service import Service
from odata_gateway.identity.directory import CallerDirectory
from odata_gateway.identity.live_agent import LiveAgentTokens
from odata_gateway.web.app import Gateway
from odata_gateway.web.frontend import HttpFrontend


class GatewayParts(NamedTuple):
    """A gateway, its database and service, and what keeps its model in step with the database."""

    database: Database
    service: Service
    gateway: Gateway
    watcher: SchemaWatcher


def database_settings(settings: Settings) -> DatabaseSettings:
    """The settings that the database needs."""
    return DatabaseSettings(
        dsn=settings.dsn,
        pooler=settings.pooler,
        max_connections=settings.pool_max,
        wait_s=settings.pool_wait_s,
        statement_timeout_s=settings.statement_timeout_s,
        row_security=settings.rls,
        slow_s=settings.slow_query_ms / 1000,
        key_check_s=settings.key_check_s,
    )


def model_of(settings: Settings) -> Model:
    """The model that the settings name. With ODATA_EXPOSE_SECRETS its secret properties are
    ordinary ones.

    raises  ModelError for a file that is not a model
    """
    model = load_model(settings.model)
    return with_secrets_exposed(model) if settings.expose_secrets else model


def caller_directory(settings: Settings, database: Database) -> CallerDirectory:
    """Who may ask, by every way in that the settings name."""
    users = LiveAgentTokens(database, settings.admin_roles, ttl_s=settings.token_ttl_s)
    return CallerDirectory((users,), RoleDirectory(database), unknown_s=settings.token_ttl_s)


async def compose(settings: Settings, model: Model) -> GatewayParts:
    """The parts of a gateway over `model`. The watcher exchanges the service's model when the
    database has changed."""
    database = await Database.open(database_settings(settings))
    callers = caller_directory(settings, database)
    service = Service(model, database, callers, settings, frontend=HttpFrontend(settings))
    watcher = SchemaWatcher(database, model, service.use, every_s=settings.model_check_s)
    service.look_again = watcher.look_again
    gateway = Gateway(settings, service, database.ping)
    return GatewayParts(database, service, gateway, watcher)
