"""The commands of the command line, one file each.

in       the settings and the parsed command line
out      an exit status; what a command prints
unknown  how a command line is parsed

    serve       answers OData requests
    demo        answers them from a temporary Postgres with sample data
    check       compares the model with the database
    explain     prints every value between a URL and its rows
    mcp         answers one agent on standard input and output
    query       writes the rows of a URL
    output      where these rows go, and how far they are
    token       makes an access token and its entry in a file
    model       prints the model of a database, made from its catalog
    sql         prints the SQL files for Live Agent's database
"""
