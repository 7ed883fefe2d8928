"""TfIdfVectorizer: how often each of some runs of integers is in a sequence."""

import numpy as np
import tensorflow as tf

from .handler import UnsupportedError, handles


@handles("TfIdfVectorizer")
def tf_idf_vectorizer(node, values):
    if "pool_strings" in node.attrs:
        raise UnsupportedError("TFLite has no operator for strings", "give the model identifiers of words")
    x = values[node.inputs[0]]
    rows = tf.cast(x if x.shape.rank == 2 else tf.reshape(x, [1, -1]), tf.int32)
    pool, starts = np.array(node.attrs["pool_int64s"], np.int32), node.attrs["ngram_counts"]
    found = [tf.zeros([rows.shape[0], 1])]
    # What has a column, and which of the counts that is: the first is 0.
    counted, where = 1, np.zeros(len(node.attrs["ngram_indexes"]), np.int32)
    known = 0
    for length, (start, end) in enumerate(zip(starts, [*starts[1:], len(pool)]), 1):
        grams = pool[start:end].reshape(-1, length)
        if node.attrs["min_gram_length"] <= length <= node.attrs["max_gram_length"] and len(grams):
            # Single items are the same, however many are left out between two.
            skips = range(node.attrs["max_skip_count"] + 1 if length > 1 else 1)
            found.append(sum(_counts(rows, grams, skip + 1) for skip in skips))
            where[known : known + len(grams)] = counted + np.arange(len(grams))
            counted += len(grams)
        known += len(grams)
    columns = np.zeros(max(node.attrs["ngram_indexes"]) + 1, np.int32)
    columns[node.attrs["ngram_indexes"]] = where
    frequencies = _weighted(tf.gather(tf.concat(found, axis=1), columns, axis=1), node)
    return [frequencies if x.shape.rank == 2 else tf.reshape(frequencies, [-1])]


def _counts(rows, grams, distance):
    """How often each of the grams, [grams, items], is in each of the rows with such a distance between its items."""
    places = rows.shape[1] - (grams.shape[1] - 1) * distance
    if places < 1:
        return tf.zeros([rows.shape[0], len(grams)])
    items = [rows[:, at * distance : at * distance + places, np.newaxis] for at in range(grams.shape[1])]
    same = [tf.cast(tf.equal(item, gram), tf.float32) for item, gram in zip(items, grams.T)]
    return tf.reduce_sum(tf.reduce_prod(tf.stack(same), axis=0), axis=1)


def _weighted(frequencies, node):
    weights = np.array(node.attrs.get("weights", [1.0]), np.float32)
    if node.attrs["mode"] == "TF":
        return frequencies
    if node.attrs["mode"] == "IDF":
        frequencies = tf.minimum(frequencies, 1.0)
    return frequencies * weights
