"""What exists: primitive types, canonical functions and the model.

In:      a CSDL JSON file (`edm.csdl`).
Out:     a frozen `Model` of entity types, properties, navigation properties and entity sets.
Unknown: URLs, SQL, HTTP.
"""
