"""Plans in negotiation: a client asks how Postgres would find the rows, and not for the rows."""

from __future__ import annotations

from functools import cache

from odata_gateway.formats.encoding import cannot_show
from odata_gateway.formats.json_encoding import JsonEncoding
from odata_gateway.protocol.headers.format import Parameters
from odata_gateway.protocol.headers.version import ODataVersion
from odata_gateway.protocol.json_format import PLAN_TYPE, JsonFormat

_PARAMETERS = {
    "analyze": {"false": False, "true": True},
    "plan": {"json": False, "text": True},
}


class PlanEncoding(JsonEncoding):
    """Stands for the statements of the rows as JSON.

    analyzes  the statements are run, and the plan has what they really took
    as_text   the plan is a list of lines for people
    """

    is_export = True

    def __init__(self, version: ODataVersion, *, analyzes: bool, as_text: bool) -> None:
        super().__init__(JsonFormat(version=version))
        self.analyzes = analyzes
        self.as_text = as_text
        self.content_type = PLAN_TYPE

    def without_nulls(self) -> PlanEncoding:
        return self

    def of_several_sets(self) -> JsonEncoding:
        raise cannot_show("a plan", "entities of several sets", "ask for the plan of one set")


class PlanOffer:
    """Plans in negotiation."""

    media_types = (PLAN_TYPE,)
    abbreviations: tuple[str, ...] = ()
    hint = f"{PLAN_TYPE} with analyze=true or false, and plan=json or text"

    def encoding(self, parameters: Parameters, version: ODataVersion) -> PlanEncoding | None:
        """The encoding of known parameters, each of them once."""
        names = [name for name, _ in parameters]
        if len(set(names)) < len(names):
            return None
        if any(text not in _PARAMETERS.get(name, {}) for name, text in parameters):
            return None
        values = {name: _PARAMETERS[name][text] for name, text in parameters}
        analyzes, as_text = values.get("analyze", False), values.get("plan", False)
        return _plan_encoding(version, analyzes=analyzes, as_text=as_text)


@cache
def _plan_encoding(version: ODataVersion, *, analyzes: bool, as_text: bool) -> PlanEncoding:
    return PlanEncoding(version, analyzes=analyzes, as_text=as_text)


PLAN = PlanOffer()
