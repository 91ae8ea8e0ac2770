"""The page that a browser gets of a URL of the service, and files that connect other programs.

in       requests of browsers, and the service that answers any client
out      `protocol.message.Reply` values with HTML
unknown  the HTTP library, connections to Postgres, SQL

A page is made of the JSON that the service answers to the same URL, so callers, row policy and
limits are those of any other client. Texts of the database reach HTML through Jinja2's escaping
only, and no script or style stands in a page.

    address       the URL of a page, and the URLs that its links lead to
    client        what the service answers to a page's own requests
    columns       the columns of a table, with what can be done with each
    choices       what can be chosen for a table: columns, related rows, orders
    conditions    a URL from the fields of a form
    facets        how many rows there are, and how often each value of a column occurs
    chart         bars of grouped rows
    connections   snippets, and files that connect a program with a URL
    rendering     HTML from a template, and the files that pages need
    pages         the entry: which page answers a request
"""
