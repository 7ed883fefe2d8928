"""The page of a result: one file of HTML that takes nothing from elsewhere.

`html` fills `page.html.jinja` with the sections of `pinlite.ui.view`, with `plots`, and with the `graph` of each file,
whose operators are put together by `scopes` and placed by `layout`. The page says itself what a browser may do with it:
run the one script and use the one style that are in it, and fetch nothing. All that it shows is escaped by the
templates; `page.js` sets texts as texts.
"""
