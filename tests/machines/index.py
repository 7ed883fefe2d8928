"""A package index whose first download stands still half way: index.py FOLDER PORT. It says when."""

import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

AN_HOUR = 3600


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


class Handler(SimpleHTTPRequestHandler):
    halved = False

    def copyfile(self, source, outputfile):
        content = source.read()
        if self.path.endswith(".whl") and not Handler.halved:
            Handler.halved = True
            outputfile.write(content[: len(content) // 2])
            say("half")
            time.sleep(AN_HOUR)
        outputfile.write(content)

    def log_message(self, *_):
        pass


with ThreadingHTTPServer(("", int(sys.argv[2])), partial(Handler, directory=sys.argv[1])) as server:
    server.daemon_threads = True
    say("serves")
    server.serve_forever()
