"""The pages' front end: plain ES modules and style sheets, inlined by `bundle` into one offline HTML file."""
