"""The families of primitive types, one a module (CSDL 4.01, section 3.3).

In:      `types.family`, and what families share (`calendar`, `numbers`).
Out:     a `TypeFamily`, its `PrimitiveType`s, and `TYPES`, all of them.
Unknown: who uses them.

    boolean   Edm.Boolean
    string    Edm.String
    integer   Edm.SByte, Edm.Byte, Edm.Int16, Edm.Int32, Edm.Int64
    decimal   Edm.Decimal
    double    Edm.Single, Edm.Double
    date      Edm.Date
    time      Edm.TimeOfDay
    datetime  Edm.DateTimeOffset
    duration  Edm.Duration
    guid      Edm.Guid
    binary    Edm.Binary
    stream    Edm.Stream
    untyped   Edm.Untyped
    geo       Edm.Geography, Edm.Geometry, and those of one shape
    enumeration  enumerations that a model declares
    structured  values that are made of values: objects and collections
"""
