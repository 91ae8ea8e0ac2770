"""Sentences of the grammar beside the official cases: each rule of the ABNF in its odd forms, and texts just outside of it.

One request a line. Names are often words of the language, because any of them may be the name of a property.
"""

from __future__ import annotations

import pytest
from odata_gateway.errors import ODataError
from odata_gateway.url import ast
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split

READ = r"""
Message?$filter=not eq 1
Message?$filter=not
Message?$filter=not and true
Message?$filter=not (a)
Message?$filter=not(a)
Message?$filter=not not a
Message?$filter=not/x eq 1
Message?$filter=a eq not
Message?$filter=a/not eq 1
Message?$filter=null/x eq 1
Message?$filter=true/x eq 1
Message?$filter=a/null eq null
Message?$filter=a/true eq true
Message?$filter=INF eq INF
Message?$filter=a eq -INF
Message?$filter=a eq NaN
Message?$filter=in in (1)
Message?$filter=eq eq eq
Message?$filter=and and and
Message?$filter=or or or
Message?$filter=has has Sales.Color'Red'
Message?$filter=a has 'Red'
Message?$filter=a has Sales.Color'Red,Blue'
Message?$filter=a has Sales.Color'1,Blue,-3'
Message?$filter=div div div
Message?$filter=any/any(any:any/any)
Message?$filter=all/all(all:all/all eq 1)
Message?$filter=any eq 1
Message?$filter=any(a) eq 1
Message?$filter=asc eq desc
Message?$orderby=asc
Message?$orderby=asc asc
Message?$orderby=desc desc
Message?$orderby=desc,asc desc
Message?$orderby=a/desc asc
Message?$orderby=a DESC
Message?$orderby=a eq 1 desc
Message?$orderby=not a desc
Message?$orderby=not
Message?$orderby=not asc
Message?$expand=not,in,null($select=true),any,all($expand=any),filter($filter=filter eq 1)
Message?$compute=a as as
Message?$compute=as as as
Message?$compute=as add as as as
Message?$filter=case(x eq 10:20)
Message?$filter=case(09:00:00.000001 ne time(x):y,10:20 lt time(x):z) eq 1
Message?$filter=case(x eq 10:20,true:30)
Message?$filter=case(a:1,b:2) eq 1
Message?$filter=case(a eq 1:b,true:c) eq d
Message?$filter=case(a eq 10 : 20 , b eq 10 : 'x')
Message?$filter=case(x gt 10:00:00:1)
Message?$filter=case(x gt 10:00:20)
Message?$filter=case(x eq y:10:20:30)
Message?$filter=case(true:12:00:00.123)
Message?$filter=case(x eq 5:6)
Message?$filter=case(x eq 1.5:2)
Message?$filter=case(x eq 'a':'b')
Message?$filter=CASE(x:y)
Message?$filter=x eq case
Message?$filter=a eq 10:20
Message?$filter=a eq 10:20:30
Message?$filter=a eq 10%3A20%3A30.5
Message?$filter=a eq 2021-01-01T10%3A20%3A30.5%2B01%3A00
Message?$filter=a eq 2021-01-01t10:20z
Message?$filter=a eq -0001-01-01
Message?$filter=a eq 10000-01-01
Message?$filter=a eq 2021-12-31T23:59:60Z
Message?$filter=a eq 23:59:60
Message?$filter=a eq DURATION'P1D'
Message?$filter=a eq duration'P'
Message?$filter=a eq duration'-P'
Message?$filter=a eq duration'PT'
Message?$filter=a eq 'P1D'
Message?$filter=a eq duration'p1dt2h'
Message?$filter=a eq binary''
Message?$filter=a eq BINARY'AA'
Message?$filter=a eq binary'AA=='
Message?$filter=a eq binary%27AAA=%27
Message?$filter=a eq 1E5
Message?$filter=a eq 1e+5
Message?$filter=a eq 1e%2B5
Message?$filter=a eq 1e-5
Message?$filter=a eq %2B1
Message?$filter=a eq -1.5
Message?$filter=a eq 007
Message?$filter=-a eq -1
Message?$filter=- a eq 1
Message?$filter=--a eq 1
Message?$filter=-(-1) eq 1
Message?$filter=-not eq 1
Message?$filter=a sub -1 eq 1
Message?$filter=a eq -b
Message?$filter=(a)
Message?$filter=( a )
Message?$filter=((a) eq (b))
Message?$filter=%28a%29
Message?$filter=a%09eq%091
Message?$filter=a  eq   1
Message?$filter=a in ()
Message?$filter=a in ( 1 , 2 )
Message?$filter=a in %281%2C2%29
Message?$filter=a in b
Message?$filter=a in [1,2]
Message?$filter=a in []
Message?$filter=a in @p&@p=[1]
Message?$filter=a in (null,true,'x',1.5,2021-01-01)
Message?$filter=contains( a , 'x' )
Message?$filter=contains%28a%2C%27x%27%29
Message?$filter=now( ) gt a
Message?$filter=now() gt a
Message?$filter=concat('a',concat('b','c')) eq 'abc'
Message?$filter=substring(a,1,2) eq 'x'
Message?$filter=a eq 'it''s'
Message?$filter=a eq 'it%27%27s'
Message?$filter=a eq %27it''s%27
Message?$filter=a eq ''
Message?$filter=a eq ''''
Message?$filter=a eq 'a/b?c@d:e$f!g*h(i)j,k;l=m'
Message?$filter=a eq '%26%23%25%2B'
Message?$filter=a eq {"b":1}
Message?$filter=a eq {}
Message?$filter=a eq []
Message?$filter=a eq {"b":[1,"c",null,{"d":x}],"e":f add 1}
Message?$filter=a eq [b,c add 1,"d"]
Message?$filter=a eq [ 1 , 2 ]
Message?$filter=a eq { "b" : 1 }
Message?$filter=isof(Sales.Order)
Message?$filter=isof(a,Edm.String)
Message?$filter=isof( a , Edm.String )
Message?$filter=isof(Order)
Message?$filter=isof(a,Collection(Edm.String))
Message?$filter=isof(Collection(Sales.X))
Message?$filter=cast(Edm.String) eq 'x'
Message?$filter=cast(a,Edm.String) eq 'x'
Message?$filter=cast(a,Collection(Edm.String))/$count gt 1
Message?$filter=cast(a,Edm.GeographyPoint) eq null
Message?$filter=a/Sales.Order/b eq 1
Message?$filter=Sales.Order/b eq 1
Message?$filter=a/b/$count eq 1
Message?$filter=a/$count($filter=b eq 1;$search=c) gt 1
Message?$filter=a/$count(filter=b;search=c d) gt 1
Message?$filter=a/$filter(b eq 1)/$count gt 0
Message?$filter=a/$filter(b eq 1)/any(x:x/y)
Message?$filter=a/$filter(b)/$filter(c)/$count gt 1
Message?$filter=a/any()
Message?$filter=a/any( )
Message?$filter=a/any( x : x/y )
Message?$filter=a/ANY(x:x)
Message?$filter=a/f(x=1)/b eq 1
Message?$filter=a/N.f() eq 1
Message?$filter=N.f(a=1,b=@p,c=[1],d=b) eq 1
Message?$filter=N.f(a=%20[1],b=	{}) eq 1
Message?$filter= [1] eq a
Message?$filter=a in @p&@p=%20[%201%20,%202%20]
Message?$filter=a eq @p&@p= {%09"a"%20:%20[%20] }
Message?$orderby= [1],%20{"a":1} desc
Message?$expand=n(@p= [1];$filter=a in @p)
Message?$filter=f( a=1 , b=2 ) eq 1
Message?$filter=f(a='x',b=null,c=true) eq 1
Message?$filter=a(1)/b eq 2
Message?$filter=a(b=1,c='x')/d eq 2
Message?$filter=a(@k)/b eq 2
Message?$filter=$it eq null
Message?$filter=$it/a eq 1
Message?$filter=$this/a eq 1
Message?$filter=$this eq 1
Message?$filter=$it/N.T/a eq 1
Message?$filter=$root/E(1)/a eq 1
Message?$filter=$root/E(a=1)/b eq 1
Message?$filter=$root/E/$count gt 1
Message?$filter=$root/E/any(x:x/a)
Message?$filter=$root/S/a eq 1
Message?$filter=@p
Message?$filter=@p/a eq 1
Message?$filter=@N.t eq 1
Message?$filter=@N.t%23q eq 1
Message?$filter=a/@N.t eq 1
Message?$filter=@N.t/a eq 1
Message?$filter=a/@N.t/$count gt 1
Message?@p=1
Message?@p={"a":1}
Message?@p=[{"a":1}]
Message?@p=a add 1
Message?@p=null
Message?@p='x'
Message?p=1
Message?a=b=c&d&e=
Message?$expand=*
Message?$expand=*/$ref
Message?$expand=*($levels=max)
Message?$expand=*($levels=3)
Message?$expand=a/$ref
Message?$expand=a/$ref($top=1;$skip=2;$count=true;$orderby=b desc;$filter=c;$search=d)
Message?$expand=a/$count
Message?$expand=a/$count($filter=b)
Message?$expand=a/$count($search=b;$filter=c)
Message?$expand=N.T/a
Message?$expand=a/N.T
Message?$expand=a/N.T/$ref
Message?$expand=a/N.T/$count
Message?$expand=a/N.T($select=b)
Message?$expand=a/b/c
Message?$expand=a/@N.t
Message?$expand=@N.t
Message?$expand=$value
Message?$expand=a,$value
Message?$expand=a($levels=1)
Message?$expand=a($levels=MAX)
Message?$expand=a($LEVELS=max;$SELECT=b)
Message?$expand=a($select=b,c;$expand=d($select=e))
Message?$expand=a($compute=b add 1 as c;$select=c)
Message?$expand=a(@p=1;$filter=b eq @p)
Message?$expand=a($filter=contains(b,';)'))
Message?$expand=a($filter=b eq ')';$orderby=c)
Message?$expand=a(filter=b;select=c;top=1;skip=2;count=true;orderby=d;expand=e;search=f;levels=2;compute=1 as g)
Message?$expand=a($search="b;c";$top=1)
Message?$expand=a($search=(b OR c) NOT d)
Message?$expand=a ,b
Message?$expand=a, b
Message?$expand=stream
Message?$select=*
Message?$select=N.*
Message?$select=N.M.*
Message?$select=a,N.*,*
Message?$select=N.f
Message?$select=N.f(a)
Message?$select=N.f(a,b)
Message?$select=f(a,b)
Message?$select=N.T/a
Message?$select=N.T/N.f
Message?$select=N.T/N.f(x)
Message?$select=a/b
Message?$select=a/b/c
Message?$select=a/N.T/b
Message?$select=@N.t
Message?$select=@t
Message?$select=a/@N.t
Message?$select=@N.t/a
Message?$select=a($select=b)
Message?$select=a($filter=b;$top=1)
Message?$select=a($filter=$this gt 1;$orderby=$this desc;$count=true;$skip=1;$top=2;$search=x)
Message?$select=a($compute=b as c;$select=c;@p=1)
Message?$select=a/b($select=c)
Message?$select=@N.t%23q
Message?$orderby=a,b desc,c asc
Message?$orderby=a add b desc
Message?$orderby=a/b/c desc
Message?$orderby=@p
Message?$orderby=a/$count desc
Message?$orderby=length(a) desc
Message?$orderby=-a desc
Message?$orderby=null
Message?$orderby='x' desc
Message?$orderby=a/any(x:x/b) desc
Message?$orderby=a in (1,2) desc
Message?$count=TRUE
Message?$top=0
Message?$top=007
Message?$skip=0
Message?$index=-1
Message?$index=0
Message?index=1
Message?$format=atom
Message?$format=JSON
Message?$format=application/json
Message?$format=application/json;odata.metadata=full
Message?$format=a/b
Message?$schemaversion=*
Message?$schemaversion=1.0-a_b~c
Message?schemaversion=2
Message?$skiptoken=a/b?c:d@e
Message?$deltatoken=1
Message?$search=blue
Message?$search=(blue)
Message?$search=( blue )
Message?$search=( blue OR green )
Message?$search=%28blue%29
Message?$search=%22blue%22
Message?$search=NOT%20blue
Message?$search=NOT NOT blue
Message?$search=blue NOT green
Message?$search=blue%20green
Message?$search= blue
Message?$search=blue OR NOT green
Message?$search=NOT
Message?$search=NOT AND
Message?$search=AND AND AND
Message?$search=OR OR OR
Message?$search=OR AND NOT OR
Message?$search=AND NOT
Message?$search=blue AND
Message?$search=blue OR
Message?$search=NOT (NOT blue)
Message?$search=it's
Message?$search=a*b+c
Message?$search=a!b,c:d@e/f?g$h=i
Message?$search=-._~
Message?$search=''
Message?$search='a ''b'' "c"'
Message?$search=blue%25
Message?$search="a b" "c d"
Message?$search=("a b" OR c)
Message?$search=(a) (b)
Message?$search=(a) OR (b)
Message?$search=a (b c)
Message?$search=%C3%A4
Message?$apply=filter(a eq 1)
Message?$compute=a as b,c add 1 as d
Message?$compute=a AS b
Message(1)
Message('x')
Message('a%2Fb')
Message(%27x%27)
Message(a=1,b='x')
Message(a=@p)?@p=1
Message(@p)?@p=1
Message(true)
Message(2021-01-01)
Message(2021-01-01T10:00:00Z)
Message(10:00:00)
Message(12345678-1234-1234-1234-1234567890ab)
Message(duration'P1D')
Message(N.E'Red')
Message(-1)
Message(1.5)
Message/1
Message/x
Message/1/2
Message/a%2Fb
Message/'x'
Message/N.T
Message/N.T(1)
Message/N.T/1
Message/N.T/$count
Message/N.T/$ref
Message(1)/N.T
Message(1)/N.T/a
Message(1)/a/b
Message(1)/a(2)/b
Message(1)/a/$count
Message(1)/a/$ref
Message(1)/$ref
Message(1)/$value
Message(1)/a/$value
Message/$count
Message/$ref
Message/$each
Message/$each/N.f
Message/$filter(a eq 1)
Message/$filter(a eq 1)/$filter(b)
Message/$filter(a eq 1)/$each
Message/$filter(a eq 1)/$each/N.f
Message/$filter(a eq 1)/N.f
Message/$filter(a eq 1)/$count
Message/$filter(@p)?@p=a
Message/$filter(@p)/$count?@p=a eq 1
Message/$filter(a)(1)
Message/$filter(a)/1
Message/$filter(a)/N.T
Message/$query
Message(1)/$query
Message/N.f()
Message/N.f(a=1)
Message/N.f(a=1)/b
Message/N.f(a=1)/$count
Message/N.f(a=1)(2)
Message/f(a=1)
Message/N.f(a=@p)?@p={"x":1}
Message(1)/N.f()
Message(1)/a/N.f()
Message(1)/N.f
F()
F(a=1,b='x')
F( a=1 , b=2 )
F(a=1)/b
F(a=1)(2)
F(a=null)
F
F/$query
Message/a/0
Message(1)/a/-1
$all
$all/N.T
$all/T
$crossjoin(A)
$crossjoin(A,B)
$crossjoin(A,B)/$query
$crossjoin(A,B)?$filter=A/x eq B/y&$expand=A,B&$select=A
$crossjoin( A , B )
$metadata
$metadata?$format=xml
$metadata#Collection($ref)
$metadata?$format=json#X
$batch
$batch?$format=json
$entity?$id=Message(1)
$entity?$id=http://host/x/Message(1)
$entity?id=Message(1)
$entity/N.T?$id=Message(1)
$entity/T?$id=Message(1)
$entity/N.T?$id=Message(1)&$select=a&$expand=b
Message?
?$format=json
Message?$filter=a eq geography'SRID=0;Point(1 2)'
Message?$filter=a eq Geography'SRID=12345;point(1 2 3 4)'
Message?$filter=a eq geometry'SRID=0;MultiPoint()'
Message?$filter=geo.distance(a,geography'SRID=0;Point(1.5 -2e5)') lt 5
Message?$filter=geo.intersects(a,geography'SRID=0;Polygon((1 1,2 2,3 3,1 1))')
Message?$filter=geo.length(geography'SRID=0;LineString(1 2,3 4)') gt 1
Message?$filter=hassubset([1,2],[1])
Message?$filter=hassubsequence(a,[1,2])
Message?$filter=concat([1],[2])/$count gt 1
Message?$filter=round(a) div 2 divby 3 mod 4 mul 5 add 6 sub 7 eq 8
Message?$filter=a EQ 1 AND b Ne 2 oR not c
Message?$filter=a eq TRUE
Message?$filter=a eq b eq c
Message?$filter=a lt b eq c gt d
Message?$filter=ä eq 1
Message?$filter=_a1 eq 1
Message?$filter=a eq N.M.E'A,B'
Message?$filter=a eq N.E'1'
Message?$filter=a eq N.E'-1'
Message?$filter=a%20eq%20null
Message?$filter=A%2FB eq 1
Message?$filter=a/$filter(b/c eq 1)/d/any(x:x/y)
Message?$select=not,in,eq,null,true,any,all,search,filter,case,cast
Message?$expand=null($select=true),true/$ref
Message?$filter=case(a eq 2021-01-01T00:00:00+01:00:1)
Message?$filter=case(a eq 2021-01-01:10:20,b eq case(c eq 10:20):30)
Message?$filter=case(a in (10:20,10:30):1)
Message?$filter=f(a=case(a eq 10:20),b=10:20) eq 1
"""

# A blank at the end of a line is written as ~.
REFUSED = r"""
Message?$filter=a eq
Message?$filter=eq 1
Message?$filter=a eq 1 and
Message?$filter=a eq 1 or or b
Message?$filter=a eq 1 b eq 2
Message?$filter=(a eq 1
Message?$filter=a eq 1)
Message?$filter=()
Message?$filter=a eq 'x
Message?$filter=a eq x'
Message?$filter=a eq 'it's'
Message?$filter=a = 1
Message?$filter=a == 1
Message?$filter=a eq1
Message?$filter=aeq 1
Message?$filter=a eq (1
Message?$filter=a in (1,2
Message?$filter=a in (1,,2)
Message?$filter=a in (1,)
Message?$filter=a in (,1)
Message?$filter=a in 1,2
Message?$filter=a in (b)c
Message?$filter=a in (1 2)
Message?$filter=a add
Message?$filter=add 1 eq 2
Message?$filter=a mul mul b
Message?$filter=a//b eq 1
Message?$filter=/a eq 1
Message?$filter=a/b/ eq 1
Message?$filter=a/$count( eq 1
Message?$filter=a/$count() eq 1
Message?$filter=a/$count($top=1) gt 1
Message?$filter=a/$count($select=b) gt 1
Message?$filter=a/$count($filter=b,$search=c) gt 1
Message?$filter=a/any(x)
Message?$filter=a/any(x:)
Message?$filter=a/any(:x)
Message?$filter=a/any(x y:x)
Message?$filter=a/any(x:x
Message?$filter=a/all()
Message?$filter=a/all(x)
Message?$filter=any(x:x)
Message?$filter=a/any(1:x)
Message?$filter=a/any(x.y:x)
Message?$filter=a/$filter() /b
Message?$filter=a/$filter/b
Message?$filter=a/$filter(b
Message?$filter=a/$each/b eq 1
Message?$filter=a/$ref eq 1
Message?$filter=a/$value eq 1
Message?$filter=$count gt 1
Message?$filter=$root eq 1
Message?$filter=$root/ eq 1
Message?$filter=$It/a eq 1
Message?$filter=$foo/a eq 1
Message?$filter=contains(a,)
Message?$filter=contains(,a)
Message?$filter=contains(a 'x')
Message?$filter=contains (a,'x')
Message?$filter=contains(a,'x'
Message?$filter=contains[a,'x']
Message?$filter=f(a=)
Message?$filter=f(=1)
Message?$filter=f(a=1,)
Message?$filter=f(a=1;b=2)
Message?$filter=case()
Message?$filter=case(a)
Message?$filter=case(a:)
Message?$filter=case(:b)
Message?$filter=case(a:b,)
Message?$filter=case(a:b,c)
Message?$filter=case(a,b)
Message?$filter=case(a:b:c)
Message?$filter=isof(a,)
Message?$filter=a eq 1.
Message?$filter=a eq .5
Message?$filter=a eq 1e
Message?$filter=a eq e5x'
Message?$filter=a eq 0x10
Message?$filter=a eq 1_000
Message?$filter=a eq 1,5
Message?$filter=a eq --1,
Message?$filter=a eq inf'
Message?$filter=a eq 2021-1-1
Message?$filter=a eq 2021-00-01
Message?$filter=a eq 2021-13-01
Message?$filter=a eq 2021-01-32
Message?$filter=a eq 2021-01-00
Message?$filter=a eq 00001-01-01
Message?$filter=a eq 021-01-01
Message?$filter=a eq 2021-01-01T
Message?$filter=a eq 2021-01-01T10
Message?$filter=a eq 2021-01-01T10:00
Message?$filter=a eq 2021-01-01T24:00Z
Message?$filter=a eq 2021-01-01T10:60Z
Message?$filter=a eq 2021-01-01T10:00:61Z
Message?$filter=a eq 2021-01-01T10:00:00.Z
Message?$filter=a eq 2021-01-01T10:00:00.1234567890123Z
Message?$filter=a eq 2021-01-01T10:00%2B1:00
Message?$filter=a eq 2021-01-01T10:00%2B24:00
Message?$filter=a eq 2021-01-01T10:00%2B10:60
Message?$filter=a eq 2021-01-01T1:00Z
Message?$filter=a eq 24:00
Message?$filter=a eq 10:60
Message?$filter=a eq 10:00:61
Message?$filter=a eq 1:00
Message?$filter=a eq 10:0
Message?$filter=a eq 10:00:00.
Message?$filter=a eq 10:00:00.1234567890123
Message?$filter=a eq duration'1D'
Message?$filter=a eq duration'P1Y'
Message?$filter=a eq duration'P1M'
Message?$filter=a eq duration'P1H'
Message?$filter=a eq duration'PT1D'
Message?$filter=a eq duration'PT1.5H'
Message?$filter=a eq duration'PT.5S'
Message?$filter=a eq duration'PT1.S'
Message?$filter=a eq duration'%2BP1D'
Message?$filter=a eq duration'P-1D'
Message?$filter=a eq duration'PT1S2M'
Message?$filter=a eq duration P1D
Message?$filter=a eq binary'A'
Message?$filter=a eq binary'AB'
Message?$filter=a eq binary'A==='
Message?$filter=a eq binary'AA='
Message?$filter=a eq binary'AAA=='
Message?$filter=a eq binary'A+B/'
Message?$filter=a eq binary'AAAA='
Message?$filter=a eq X'00'
Message?$filter=a eq 1234567-1234-1234-1234-1234567890ab
Message?$filter=a eq 12345678-1234-1234-1234-1234567890a
Message?$filter=a eq 12345678-1234-1234-1234-1234567890abc
Message?$filter=a eq g2345678-1234-1234-1234-1234567890ab'
Message?$filter=a eq N.E''
Message?$filter=a eq N.E'1.5'
Message?$filter=a eq N.E'A,'
Message?$filter=a eq N.E'A B'
Message?$filter=a eq N.E'A, B'
Message?$filter=a eq .E'A'
Message?$filter=a has
Message?$filter=a has 1 eq
Message?$filter=a eq geography'Point(1 2)'
Message?$filter=a eq geography'SRID=0;Point(1)'
Message?$filter=a eq geography'SRID=0;Point(1 2 3 4 5)'
Message?$filter=a eq geography'SRID=0;Point(1,2)'
Message?$filter=a eq geography'SRID=0;Point 1 2'
Message?$filter=a eq geography'SRID=;Point(1 2)'
Message?$filter=a eq geography'SRID=123456;Point(1 2)'
Message?$filter=a eq geography'SRID=0;LineString(1 2)'
Message?$filter=a eq geography'SRID=0;LineString()'
Message?$filter=a eq geography'SRID=0;Polygon()'
Message?$filter=a eq geography'SRID=0;GeometryCollection()'
Message?$filter=a eq geography'SRID=0;Foo(1 2)'
Message?$filter=a eq {a:1}
Message?$filter=a eq {"a"}
Message?$filter=a eq {"a":}
Message?$filter=a eq {"a":1,}
Message?$filter=a eq [1,]
Message?$filter=a eq [1
Message?$filter=a eq {"a":1
Message?$filter=a eq "x
Message?$filter=a eq ["x
Message?$filter=a eq ["\x"]
Message?$filter=a eq ["\u12"]
Message?$filter=
Message?$filter
Message?$filter= a eq 1
Message?$filter=a eq 1~
Message?$filter =a
Message?$filter=a.b..c eq 1
Message?$filter=a eq 1;b eq 2
Message?$filter=1a eq 1
Message?$filter=a-b eq 1
Message?$filter=a b
Message?$filter=@ eq 1
Message?$filter=@1 eq 1
Message?$filter=@a.
Message?$filter=a@b eq 1
Message?$orderby=
Message?$orderby=a,
Message?$orderby=,a
Message?$orderby=a asc desc
Message?$orderby=a ascending
Message?$orderby=a;b
Message?$orderby=a,,b
Message?$orderby=a desc,desc asc asc
Message?$select=
Message?$select=a,
Message?$select=,a
Message?$select=a b
Message?$select=a;b
Message?$select=*/a
Message?$select=a/*
Message?$select=**
Message?$select=a($foo=1)
Message?$select=a()
Message?$select=a($levels=2)
Message?$select=a($expand=b)
Message?$select=a($top=x)
Message?$select=$count
Message?$select=a/$count
Message?$select=a/$ref
Message?$select=a//b
Message?$select=1
Message?$select='a'
Message?$select=a eq 1
Message?$select=N.*.a
Message?$expand=
Message?$expand=a,
Message?$expand=,a
Message?$expand=a b
Message?$expand=a()
Message?$expand=a($foo=1)
Message?$expand=a($filter=)
Message?$expand=a($filter=b
Message?$expand=a($top=1,$skip=2)
Message?$expand=a($top=1;)
Message?$expand=a(;$top=1)
Message?$expand=a($top=-1)
Message?$expand=a($top=x)
Message?$expand=a($count=x)
Message?$expand=a($levels=0)
Message?$expand=a($levels=-1)
Message?$expand=a($levels=01)
Message?$expand=a($levels=min)
Message?$expand=a($levels=)
Message?$expand=*($levels=0)
Message?$expand=*($top=1)
Message?$expand=*($levels=1;$top=1)
Message?$expand=*($select=a)
Message?$expand=*/$count
Message?$expand=*/$ref($top=1)
Message?$expand=*/$value
Message?$expand=*/a
Message?$expand=**
Message?$expand=a/$ref($select=b)
Message?$expand=a/$ref($expand=b)
Message?$expand=a/$ref($levels=2)
Message?$expand=a/$ref($compute=1 as b)
Message?$expand=a/$ref()
Message?$expand=a/$count($top=1)
Message?$expand=a/$count($skip=1)
Message?$expand=a/$count($orderby=b)
Message?$expand=a/$count($count=true)
Message?$expand=a/$count($select=b)
Message?$expand=a/$count($expand=b)
Message?$expand=a/$count($levels=2)
Message?$expand=a/$count/b
Message?$expand=a/$ref/b
Message?$expand=a/$value
Message?$expand=$value/a
Message?$expand=$ref
Message?$expand=$count
Message?$expand=a/$filter(b)
Message?$expand=a//b
Message?$expand=/a
Message?$expand=a/
Message?$expand=1
Message?$expand=a($skiptoken=1)
Message?$expand=a($format=json)
Message?$expand=a($top=1;$top=2)
Message?$expand=a($filter=b;filter=c)
Message?$expand=a($id=1)
Message?$expand=a($index=1)
Message?$compute=
Message?$compute=a
Message?$compute=a as
Message?$compute=a as 1
Message?$compute=a as b c
Message?$compute=a as b/c
Message?$compute=a as b.c
Message?$compute=as b
Message?$compute=a as b,
Message?$compute=a asb
Message?$compute=a as 'b'
Message?$compute=a as @b
Message?$count=
Message?$count=1
Message?$count=yes
Message?$count
Message?$top=
Message?$top=-1
Message?$top=1.5
Message?$top=x
Message?$top=+1
Message?$top=1e1
Message?$top= 1
Message?$top=1~
Message?$skip=
Message?$skip=-1
Message?$skip=x
Message?$index=
Message?$index=x
Message?$index=1.5
Message?$index=--1
Message?$format=
Message?$format=foo
Message?$format=a/
Message?$format=/b
Message?$schemaversion=
Message?$schemaversion=a b
Message?$schemaversion=a/b
Message?$schemaversion=**
Message?$skiptoken=
Message?$deltatoken=
Message?$search=
Message?$search=()
Message?$search=(a
Message?$search=a)
Message?$search="a
Message?$search=a"
Message?$search=""
Message?$search=a;b
Message?$search=a(b)
Message?$search=(a)(b)
Message?$search=(a)b
Message?$search="a""b"
Message?$search="a"b
Message?$search=a"b"
Message?$search='a
Message?$search='a' b
Message?$search='a''
Message?$search=(AND
Message?$foo=1
Message?$=1
Message?$Top=1&top=2
Message?@=1
Message?@1=2
Message?@a.b=2
Message?@a=
Message?@a
Message?@a=1&@a=2
Message?$inlinecount=allpages
Message?$filter=a&$filter=b
Message(
Message()x
Message(1
Message(1))
Message(1)(2)
Message(,1)
Message(1,)
Message(1,2)
Message(a=)
Message(=1)
Message(a=1,2)
Message(a=1,a=)
Message(a eq 1)
Message(a)
Message(1 add 2)
Message(null)x
Message((1))
Message([1])
Message({"a":1})
Message(1)$value
Message/$count/a
Message/$count/$count
Message/$count()
Message/$value/a
Message/$ref/a
Message/$ref/$count
Message/$foo
Message/$Count
Message/$COUNT
Message/$Ref
Message/$filter
Message/$filter()
Message/$filter(a
Message/$filter(a,b)
Message/$each()
Message/$each/$count
Message/$each/a/$ref/b
Message/$metadata
Message/$batch
Message/$all
Message/$crossjoin(A)
Message/$entity
$count
$ref
$value
$each
$filter(a)
$query
$foo
$Metadata
$METADATA
$Batch
$ALL
$entity
$entity?$select=a
$entity(1)?$id=a
$entity/a/b?$id=x
$entity?$id=
$entity?$id=a&$filter=b
$entity?$id=a&$select=b
$metadata/a
$metadata?$filter=a
$metadata?$select=a
$metadata(1)
$batch?$filter=a
$batch/a
$all/$count
$all(1)
$crossjoin
$crossjoin()
$crossjoin(A
$crossjoin(A,)
$crossjoin(,A)
$crossjoin(A B)
$crossjoin(A;B)
$crossjoin(1)
$crossjoin(A)/B
$crossjoin(A)/$value
N.T
N.T(1)
1Message
Mes-sage
'Message'
Message?$filter=a%zz
Message?$filter=a eq '%FF'
Message?$filter=a eq '%00'
Message?%24filter
"""


def request(text: str, *, strict: bool = True) -> ast.SyntaxTree:
    return parse(normalize(split(text, strict=strict), strict=strict)[0])


@pytest.mark.parametrize("text", READ.strip("\n").split("\n"))
def test_a_sentence_is_read(text):
    assert isinstance(request(text), ast.SyntaxTree)
    assert request(text, strict=False) == request(text)


@pytest.mark.parametrize("text", REFUSED.strip("\n").replace("~", " ").split("\n"))
def test_a_text_that_is_none_is_a_bad_request(text):
    with pytest.raises(ODataError) as caught:
        request(text)
    assert caught.value.status == 400
    assert caught.value.code.startswith("Url.")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("case(a eq 10:20)", ["int32", "int32"]),
        ("case(a eq 10:00:20)", ["time", "int32"]),
        ("case(a eq b:10:20:30)", ["time"]),
        ("case(a eq 10:00:00:10:20)", ["time", "time"]),
        ("case(a eq 2021-01-01T10:00Z:20)", ["datetime", "int32"]),
        ("case(a in (10:20,10:30):12:40)", ["time", "time"]),
        ("a eq 10:20", ["time"]),
        ("a eq 1.5e+3", ["double"]),
        ("a eq +1", ["int32"]),
    ],
)
def test_colons_and_signs_belong_to_what_they_stand_beside(text, kinds):
    _, values = normalize(split(f"Message?$filter={text}"))
    assert [value.kind for value in values] == kinds
