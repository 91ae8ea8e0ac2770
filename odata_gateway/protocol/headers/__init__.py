"""What a client asks of an answer's outer form: format, version, preferences and conditions.

In:      headers by lower-case name, and the text of $format.
Out:     `JsonFormat`, `ODataVersion`, `Preferences`, yes or no for a condition.
Unknown: rows, the model, the HTTP library.

    version      OData-MaxVersion and OData-Version
    accept       the media ranges of an Accept header
    format       $format and Accept to the format of an answer, or of $metadata
    preferences  the Prefer header
    conditions   OData-Isolation, If-Match and If-None-Match
    disposition  Content-Disposition, of a file that is saved
"""
