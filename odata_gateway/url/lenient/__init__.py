"""Spellings beyond the ABNF that have one meaning: what of them is read, and as what.

In:      an option or path segment as text and tokens.
Out:     the text as the ABNF spells it, the offset that each of its characters had in the client's
         text, and its tokens.
Unknown: the model, and what a text means.

    respelling  a text that is changed, with the offsets that its characters came from
    names       option names with invisible characters, and path segments
    blanks      blanks where the ABNF has none
    words       operators that touch a parenthesis, and type names in quotes
    dates       dates and times without an offset
    repeats     a navigation property that stands in $expand more than once
    spellings   the table of all spellings, with who writes them
"""
