"""Who is believed: keys, and what they have signed.

``keys.py`` reads the keys that sign, and those that are trusted; ``envelope.py`` is what is signed, as in-toto has it.
Both import cryptography, so that who needs neither does not wait for it: import them where they are used.

May import `pinlite.schema`, `pinlite.errors`.
"""

# A CI's secrets are variables: it has the key that signs itself, or the name of its file. No other process gets it.
SIGNING = "PINLITE_SIGNING_KEY"
# Files of keys that are trusted, with colons between them, where no option names any.
TRUSTED = "PINLITE_TRUST_KEY"
