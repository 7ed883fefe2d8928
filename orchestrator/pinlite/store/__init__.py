"""What was made before, by what it was made of, and the output folder. Files are kept once, by their content.

    blobs/<2>/<sha256>         a file, or the listing of a folder, which has the digest that `digest.of_tree` gives it
    actions/<2>/<key>.json     what a stage made of its inputs and parameters: `pinlite.store.record`
    runs/<2>/<key>.json        the result of a whole command: `pinlite.store.runs`
    locks/<key>.lock           held by the process that makes an action
    making/                    files that are not whole yet

What is written is renamed to its place when it is whole, a record after all that it names. What is read is hashed
before it is used: what is damaged is dropped, and made again.

May import `pinlite.stages`, and what that may import.
"""
