"""The settings of a process.

in       environment variables, files of secrets, the flags of the command line, and the variables
         of the vendor's Helm chart
out      one frozen `Settings`, or every mistake at once; where each setting came from
unknown  what a setting is for

    readers      the text of a setting to its value
    setting      what one setting is: a row of the table
    source_settings  the first part of the table: the database
    settings     the table: every setting with its default, its reader and its documentation
    dsn          the database's URL: from the chart's variables, and without its secrets
    sources      where settings come from, and which source wins
    report       the settings in force, as `check` prints them
"""
