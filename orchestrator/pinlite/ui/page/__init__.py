"""The page of a result, or of two that are compared: one file of HTML that takes nothing from elsewhere.

`html` fills `page.html.jinja` with the sections of `pinlite.ui.view`, with `plots`, and with the `graph` of each file,
whose operators are put together by `scopes` and placed by `layout`; `comparison.html.jinja` gets the sections of
`pinlite.ui.comparisons`. The page says itself what a browser may do with it (`frame.html.jinja`): run the one script
and use the one style that are in it, and fetch nothing. All that it shows is escaped by the
templates; `page.js` sets texts as texts.
"""
