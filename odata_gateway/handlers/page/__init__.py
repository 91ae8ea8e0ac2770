"""The page that a browser gets of a URL of the service.

in       requests of browsers, and the service that answers any client
out      `protocol.message.Reply` values with HTML
unknown  the HTTP library, connections to Postgres, SQL

A page is made of the JSON that the service answers to the same URL, so callers, row policy and
limits are those of any other client. Texts of the database reach HTML through Jinja2's escaping
only, and no script or style stands in a page.

    view       the address of a page, without and with the options that only the page reads
    forms      the addresses that forms ask for
    tables     what the template of a table needs besides the rows
    charts     bars of grouped rows
    rendering  HTML from a template, and the files that pages need
    pages      which page answers a request
    loading    the entry: which requests want a page; loads the others at the first
"""
