"""How a stage program refuses."""


class StageError(Exception):
    """A refusal that the user can act on.

    ``kind`` decides the exit status: ``usage`` (the request can't be met as asked: 2), ``model`` (this model can't be
    converted: 3).
    """

    KINDS = ("usage", "model")

    def __init__(self, kind, message, hint=""):
        if kind not in self.KINDS:
            raise ValueError("a StageError is of one of the kinds {}, not {!r}".format(self.KINDS, kind))
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
