"""Files that connect a program with rows of the service, and what snippets for programs need.

In:      the service root, and the address of the rows.
Out:     connection files of Excel and Power BI, a query in M, texts as literals of other languages.
Unknown: HTML pages, who asks: no token is ever in a file, the programs ask for it.

    literals  a text as a literal of a shell, Python, R, SQL and M
    location  the rows that a program connects with, and their query in M
    files     the connection files
"""
