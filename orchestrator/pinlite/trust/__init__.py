"""Who is believed: keys, and what they have signed.

``keys.py`` reads the keys that sign, and those that are trusted; ``envelope.py`` is what is signed, as in-toto has it.
Both import cryptography, so that who needs neither does not wait for it: import them where they are used.

May import `pinlite.schema`, `pinlite.errors`.
"""
