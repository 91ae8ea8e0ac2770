"""Requests for what is single, and how those that wait together are read together.

lookups  runs statements for single rows, several in one where they wait together
handler  entities, references, properties and raw values
"""
