"""The page of a result: one file of HTML that takes nothing from elsewhere.

`html` fills `page.html.jinja` with the sections of `pinlite.ui.view` and with `plots`. The page says itself what a
browser may do with it: run the one script and use the one style that are in it, and fetch nothing. All that it shows
is escaped by the templates.
"""
