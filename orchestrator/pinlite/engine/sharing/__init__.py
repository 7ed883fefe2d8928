"""Images that go to other machines and come from them, through a repository of a registry or a file.

``index.py`` is what is signed: from an image's identity to the digest of what travels; ``pushing.py`` and
``pulling.py`` carry images, ``packages.py`` the packages that images are made of. A repository is whatever offers what
``repository.py`` says: `pinlite.registry.repository.Repository`, or the layout in a file.
"""
