import unittest

from stagekit import index_bounds

SIZES = {"table": [3, 4], "wide": [5, 2], "open": [0, 4], "rows": [6, 2], "cube": [4, 3, 7]}


def bounds(*nodes):
    """``nodes`` are (operator, inputs, outputs) or (operator, inputs, outputs, axis), names apart by blanks."""
    described = [(each[0], each[1].split(" "), each[2].split(" "), each[3] if len(each) > 3 else 0) for each in nodes]
    return index_bounds.of(described, SIZES.get)


class IndexBounds(unittest.TestCase):
    def test_are_the_size_of_the_axis(self):
        self.assertEqual(bounds(("Gather", "table ids", "y")), {"ids": 3})
        self.assertEqual(bounds(("Gather", "table ids", "y", -1)), {"ids": 4})
        self.assertEqual(bounds(("GatherElements", "wide ids", "y", 1)), {"ids": 2})
        self.assertEqual(bounds(("ScatterElements", "table ids updates", "y")), {"ids": 3})

    def test_of_rows_are_those_of_all_axes(self):
        self.assertEqual(bounds(("GatherND", "cube rows", "y")), {"rows": 3})
        self.assertEqual(bounds(("GatherND", "cube unknown", "y")), {"unknown": 3})

    def test_of_lengths_are_all_steps(self):
        self.assertEqual(bounds(("LSTM", "table w r b lengths h c", "y")), {"lengths": 4})
        self.assertEqual(bounds(("GRU", "table w r", "y"), ("RNN", "open w r b lengths", "z")), {})

    def test_are_the_least_of_several(self):
        self.assertEqual(bounds(("Gather", "table ids", "y"), ("Gather", "wide ids", "z")), {"ids": 3})

    def test_go_back_to_where_integers_come_from(self):
        found = bounds(
            ("Cast", "ids", "a"),
            ("Reshape", "a shape", "b"),
            ("Concat", "b other", "c"),
            ("Unsqueeze", "c", "d"),
            ("Slice", "d starts ends", "e"),
            ("Gather", "table e", "y"),
        )
        self.assertEqual({name: found.get(name) for name in ("ids", "other", "shape", "starts")}["ids"], 3)
        self.assertEqual(found["other"], 3)
        self.assertFalse({"shape", "starts", "ends", "table"} & found.keys())

    def test_do_not_go_through_arithmetic(self):
        self.assertEqual(bounds(("Add", "ids one", "a"), ("Gather", "table a", "y")), {"a": 3})

    def test_of_unknown_sizes_there_are_none(self):
        self.assertEqual(bounds(("Gather", "open ids", "y"), ("Gather", "nothing ids", "y")), {})

    def test_of_the_embeddings_of_one_operator(self):
        given = "ids segments table cube wide gamma beta mask positions"
        self.assertEqual(bounds(("EmbedLayerNormalization", given, "y m")), {"ids": 3, "segments": 5, "positions": 4})


if __name__ == "__main__":
    unittest.main()
