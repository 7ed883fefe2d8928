"""Samples shared among the processors, in processes: TensorFlow's calibrator holds Python's lock while it runs."""

import contextlib
import multiprocessing
import os

from stagekit import memory

# A fork has all that is imported and loaded.
FORK = multiprocessing.get_context("fork")
# Each process has what a model computes in memory of its own.
MOST = 8


def each(samples, work, *, apart=True):
    """What ``work(share, first)`` makes of each share of the samples, in their order; ``first`` is the place among all
    of a share's first one. There are as many shares as processors, at most `MOST`, or one where samples can't be run
    ``apart``.

    The first share is worked on here, and so is one whose process fails, which then fails here.
    """
    count = min(len(os.sched_getaffinity(0)), len(samples), MOST) if apart else 1
    places = [len(samples) * at // count for at in range(count + 1)]
    shares = [(samples[start:end], start) for start, end in zip(places, places[1:])]
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_worked_on(work, *share)) for share in shares[1:]]
        made = [(work(*shares[0]), 0), *(answer() for answer in others)]
    memory.note_forked(taken for _, taken in made)
    return [found for found, _ in made]


@contextlib.contextmanager
def _worked_on(work, share, first):
    """While this context is entered, another process works; it yields a function that waits for what it makes, and for
    how much memory it took.
    """
    connection, end = FORK.Pipe(duplex=False)

    def run():
        begun = memory.anonymous()
        made = work(share, first)
        end.send((made, max(0, memory.most_anonymous() - begun)))

    process = FORK.Process(target=run, daemon=True)
    process.start()
    end.close()

    def answer():
        try:
            return connection.recv()
        except EOFError:
            return work(share, first), 0

    try:
        yield answer
    finally:
        process.kill()
        process.join()
        connection.close()
