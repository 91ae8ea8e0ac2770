"""An administrator of account 1 who wants the rows of others: hostile queries by number.

Conditions that widen the policy, keys and paths of foreign rows, lambdas and counts and orders as oracles, errors as oracles, next links of
other tenants, and links that are forged with a right digest, which is no secret.
"""

from __future__ import annotations

from random import Random
from typing import Any

from odata_gateway.compiler.compiler import Compiler
from odata_gateway.protocol.links import Continuation, TokenScope, skiptoken
from tests.live.test_tenants import ATTACKS
from tests.oracle.evaluator import KINDS, NAVIGATION, World
from tests.oracle.queries import Maker, encoded, target

TYPES = tuple(KINDS)
_SHOWN = {entity: [n for n, kind in kinds.items() if kind != "secret"] for entity, kinds in KINDS.items()}


class Attacker:
    """Makes hostile queries; `foreign` are the rows the attacker must not see."""

    def __init__(self, seed: str, world: World, visible: dict[str, set[int]], compiler: Compiler) -> None:
        self.random = Random(seed)
        self.maker = Maker(seed, world)
        self.foreign = {entity: [r for r in rows if r.id not in visible[entity]] for entity, rows in world.rows.items()}
        self.compiler = compiler

    def query(self) -> str:
        ways = (self.widened, self.widened, self.path, self.lambdas, self.counted, self.expanded, self.ordered, self.failing, self.failing,
                self.forged, self.crossed, self.of_all, self.generated, self.mutated)  # fmt: skip
        return self.random.choice(ways)()

    def options(self, type_: str, *options: str) -> str:
        return f"{type_}?{encoded(list(options))}"

    def type(self) -> str:
        return self.random.choice(TYPES)

    def condition(self, type_: str, prefix: str = "") -> str:
        """A condition that is true for foreign rows, by a value of one of them."""
        row = self.random.choice(self.foreign[type_])
        names = [n for n in _SHOWN[type_] if KINDS[type_][n] in ("int", "string", "uuid") and row.values[n] is not None]
        name = self.random.choice(names)
        value = row.values[name]
        if isinstance(value, int):
            return self.random.choice(
                (f"{prefix}{name} eq {value}", f"{prefix}{name} in ({value},-1)", f"{prefix}id ge {row.id}", f"{prefix}id eq {row.id}")
            )
        text = str(value)[:60].replace("'", "''")
        return self.random.choice(
            (f"startswith({prefix}{name},'{text[:5]}')".replace("'''", "''"), f"{prefix}{name} eq '{text}'", f"{prefix}id eq {row.id}")
        )

    def widened(self) -> str:
        type_ = self.type()
        inner = self.condition(type_)
        account = "account_id ne 1" if type_ != "User" else "id gt 0"
        shape = self.random.choice((
            "{0} or true", "not ({0} and false)", "{0} or {1}", "({0}) or not ({1})", "{1} or {0} or id gt 0", "case({0}:true,true:true)",
            "({0} or 1 eq 1) and ({1} or 2 gt 1)", "{0}", "true or false and {0}", "not (account_id eq 1) or {0}" if type_ != "User" else "{0} or id ne 1",
            "{0}) or (true", "{0} or account_id in (1,2,3)" if type_ != "User" else "id in (3,5,7,9) or {0}",
        ))  # fmt: skip
        return self.options(
            type_, "$filter=" + shape.format(inner, account), *self.random.choice(([], ["$count=true"], ["$orderby=id desc"], ["$top=3"]))
        )

    def path(self) -> str:
        type_ = self.type()
        id_ = self.random.choice(self.foreign[type_]).id
        key = self.random.choice((f"{type_}({id_})", f"{type_}(id={id_})", f"{type_}/{id_}"))
        name = self.random.choice(list(NAVIGATION[type_]))
        other = NAVIGATION[type_][name][0]
        inner = self.random.choice(self.foreign[other]).id
        own = self.random.randrange(1, 8)
        return self.random.choice((
            key, f"{key}/{name}", f"{key}/{name}/$count", f"{key}/{name}/$ref", f"{key}/{self.random.choice(_SHOWN[type_])}", f"$entity?$id={key}",
            f"{key}/{self.random.choice(_SHOWN[type_])}/$value", f"{type_}({own})/{name}({inner})", f"{type_}({own})/{name}/{inner}", f"{key}?$expand={name}",
            f"{type_}({own})/{name}?$filter={self.condition(other).replace(' ', '%20')}".replace("+", "%2B").replace("#", "%23").replace("&", "%26"),
        ))  # fmt: skip

    def lambdas(self) -> str:
        type_ = self.random.choice([t for t in TYPES if any(many for _, many in NAVIGATION[t].values())])
        name = self.random.choice([n for n, (_, many) in NAVIGATION[type_].items() if many])
        other = NAVIGATION[type_][name][0]
        body = self.condition(other, "x/")
        shape = self.random.choice(
            ("{0}/any(x:{1})", "not {0}/all(x:not ({1}))", "{0}/$filter({2})/any()", "{0}/any(x:{1} or true)", "{0}/any() and {3}")
        )
        return self.options(type_, "$filter=" + shape.format(name, body, self.condition(other), self.condition(type_)))

    def counted(self) -> str:
        type_ = self.type()
        names = [n for n, (_, many) in NAVIGATION[type_].items() if many]
        if not names or self.random.random() < 0.4:
            return self.options(f"{type_}/$count", "$filter=" + self.condition(type_) + self.random.choice(("", " or true")))
        name = self.random.choice(names)
        condition = self.condition(NAVIGATION[type_][name][0])
        return self.options(type_, f"$compute={name}/$count($filter={condition}) as n", "$select=id,n", "$orderby=n desc")

    def expanded(self) -> str:
        type_ = self.type()
        name = self.random.choice(list(NAVIGATION[type_]))
        other, many = NAVIGATION[type_][name]
        further = self.random.choice(list(NAVIGATION[other]))
        inner = f"$filter={self.condition(other)} or true;$orderby=id desc;$count=true;$top=4;" if many else ""
        return self.options(type_, f"$expand={name}({inner}$expand={further})", "$top=4", f"$filter={self.condition(type_)} or true")

    def ordered(self) -> str:
        """An order by what only foreign rows may have, with pages that end somewhere in it."""
        type_ = self.type()
        singles = [n for n, (_, many) in NAVIGATION[type_].items() if not many]
        path = ""
        if singles and self.random.random() < 0.7:
            name = self.random.choice(singles)
            type_, path, base = NAVIGATION[type_][name][0], f"{name}/", type_
        else:
            base = type_
        column = self.random.choice(_SHOWN[type_])
        return self.options(
            base,
            f"$orderby={path}{column}{self.random.choice(('', ' desc'))}",
            f"$skip={self.random.randrange(60)}",
            "$top=3",
            "$select=id",
        )

    def failing(self) -> str:
        """A condition that fails, and so tells, if it is computed for a certain foreign row."""
        type_ = self.type()
        row = self.random.choice(self.foreign[type_])
        number = self.random.choice([n for n in _SHOWN[type_] if isinstance(row.values[n], int) and KINDS[type_][n] == "int"])
        value = row.values[number]
        fault = self.random.choice((
            "1 div ({p}{n} sub {v}) eq 7", "1 mod ({p}{n} sub {v}) eq 7", "1 div case({p}{n} eq {v}:0,true:1) eq 7", "{p}id eq {i} and 1 div ({p}id sub {i}) eq 7",
            "substring('a',case({p}{n} eq {v}:0,true:0),case({p}id eq {i}:-5,true:1)) eq 'q'", "9223372036854775807 add case({p}id eq {i}:1,true:0) eq 7",
            "cast(case({p}id eq {i}:9223372036854775807,true:1),Edm.Int32) eq 7", "9223372036854775807 mul case({p}id eq {i}:2,true:1) lt 0",
        ))  # fmt: skip

        def text(prefix: str) -> str:
            return fault.format(p=prefix, n=number, v=value if value >= 0 else f"({value})", i=row.id)

        ways = [(base, name, many) for base in TYPES for name, (other, many) in NAVIGATION[base].items() if other == type_]
        if not ways or self.random.random() < 0.4:
            plain = text("")
            return self.random.choice((self.options(type_, f"$filter={plain}"), self.options(f"{type_}/$count", f"$filter={plain}"),
                                       self.options(type_, f"$orderby={plain}", "$top=2"), self.options(type_, f"$compute={plain} as x", "$filter=x", "$select=id")))  # fmt: skip
        base, name, many = self.random.choice(ways)
        if many:
            shape = self.random.choice((f"$filter={name}/any(x:{text('x/')})", f"$filter={name}/$count($filter={text('')}) gt 0",
                                        f"$expand={name}($filter={text('')};$top=2)", f"$filter={name}/all(x:{text('x/')})"))  # fmt: skip
            return self.options(base, shape, "$top=20")
        return self.options(
            base, f"$filter={text(name + '/')}" + self.random.choice(("", f" and {name}/id eq {row.id}", f" or {name}/id eq {row.id}"))
        )

    def forged(self) -> str:
        """A link with order values of a foreign row, and a right digest."""
        type_ = self.type()
        row = self.random.choice(self.foreign[type_])
        name = self.random.choice([n for n in _SHOWN[type_] if KINDS[type_][n] in ("int", "string")])
        text = self.options(type_, f"$orderby={name}", "$select=id")
        url = self.compiler.parse(text)
        value: Any = row.values[name]
        keys = (None if value is None else str(value), str(row.id))
        if name == "id":
            keys = (str(row.id),)
        token = skiptoken(Continuation(self.random.choice((0, 5)), 5, keys), TokenScope(url.query_digest(), url.path_keys()))
        return f"{text}&$skiptoken={token if self.random.random() < 0.8 else token[:-1] + 'x'}"

    def crossed(self) -> str:
        """Own rows beside foreign ones, tied by what foreign ones have, counted, in an order of theirs, or from behind one of them."""
        other = self.type()
        sets = (self.random.choice([name for name in ("User", "Label", "Inbox") if name != other]), other)  # a product that is soon read
        path = f"$crossjoin({','.join(sets)})"
        condition = self.condition(other, f"{other}/")
        row = self.random.choice(self.foreign[other])
        match self.random.randrange(4):
            case 0:
                return self.options(f"{path}/$count", f"$filter={condition} or {sets[0]}/id eq {row.id}")
            case 1:
                return self.options(path, f"$filter={condition} or 1 div ({other}/id sub {row.id}) eq 1", f"$expand={other}", "$top=5")
            case 2:
                return self.options(
                    path, f"$orderby={other}/id desc", "$expand=*", "$top=5", f"$filter={sets[0]}/id ne {other}/id or {condition}"
                )
        url = self.compiler.parse(path)
        token = skiptoken(Continuation(0, 5, ("0", str(row.id))), TokenScope(url.query_digest(), url.path_keys()))
        return f"{path}?$skiptoken={token}&$top=20"

    def of_all(self) -> str:
        """Entities of all sets by a word of a foreign row, or from before one."""
        type_ = self.type()
        row = self.random.choice(self.foreign[type_])
        texts = [str(v) for n, v in row.values.items() if v and KINDS[type_][n] == "string"]
        if texts and self.random.random() < 0.6:
            word = self.random.choice(texts)[:20].replace('"', "")
            return f'$all?{encoded([f"""$search="{word or "x"}" """.strip(), self.random.choice(("$count=true", "$skip=1", "$top=40"))])}'
        token = skiptoken(Continuation(0, 5, (type_, str(row.id - 1))), TokenScope(self.compiler.parse("$all").query_digest(), ""))
        return f"$all?$skiptoken={token}"

    def generated(self) -> str:
        type_ = self.type()
        return target(self.maker.expanded(type_, 1) if self.random.random() < 0.3 else self.maker.query(type_, 2))

    def mutated(self) -> str:
        """An attack with another number in it, or cut short."""
        text = self.random.choice(ATTACKS)
        digits = [i for i, c in enumerate(text) if c.isdigit()]
        if digits and self.random.random() < 0.7:
            at = self.random.choice(digits)
            return text[:at] + self.random.choice("23456789") + text[at + 1 :]
        return text[: self.random.randrange(8, len(text) + 1)] if len(text) > 8 else text
