"""What the text of a request says: from its target to a syntax tree.

In:      the request target after the service root, as it came over the wire.
Out:     `QueryTemplate` (the key of every cache), the values of the literals, and an
         `ast.SyntaxTree` in which literals are slot numbers.
Unknown: the model, SQL, callers.

    resource_kind    what kind of resource a target names
    options          the table of query options: one row each
    ast              the nodes of the syntax tree
    split            target to path segments and options, percent-decoded once
    search_words     words and phrases of $search to tokens
    lexer            text to tokens
    literals         the text of a literal to its value
    lenient/         spellings beyond the ABNF, as the ABNF spells them
    normalize        segments and options to template and values
    fast_normalize   the same for the shortest and the most frequent texts
    transformations  which names in $apply are transformations
    nodes            nodes and checks for which the grammar needs code
    syntax_errors    the wording of syntax errors
    grammar          tokens to nodes
    parse            template to syntax tree, with limits
    unparse          syntax tree to text, for next links
    redact           URLs and templates without values
    addresses/       URLs as values from which others are made, for links
"""
