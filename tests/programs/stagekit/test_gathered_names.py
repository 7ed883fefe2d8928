import importlib
import unittest

from noted_package import NotedPackage

from stagekit import gathered_names

FILES = {
    "__init__.py": (
        "import loaded\nloaded.names.append('package')\n"
        "from {0}.numbers import one, two as double\nfrom .api import shown\n"
        "from {0} import inner as own\nmade = one + 1\n"
    ),
    "api/__init__.py": "import loaded\nloaded.names.append('api')\nfrom {0}.shown.value import value as shown\n",
    "shown/__init__.py": "",
    "shown/value.py": "import loaded\nloaded.names.append('value')\nvalue = 5\n",
    "numbers.py": "import loaded\nloaded.names.append('numbers')\none, two = 1, 2\n",
    "inner.py": "import loaded\nloaded.names.append('inner')\n",
}


class Gathered(NotedPackage):
    def setUp(self):
        self.name = self.make(FILES)
        gathered_names.import_by_name(self.name, self.name + ".api*")
        self.package = importlib.import_module(self.name)

    def loaded(self):
        return importlib.import_module("loaded").names

    def test_nothing_is_loaded_but_what_has_the_name_that_is_looked_up(self):
        self.assertEqual([], self.loaded())
        self.assertEqual((2, 1), (self.package.double, self.package.one))
        self.assertEqual(["numbers"], self.loaded())

    def test_a_name_may_come_from_another_such_package(self):
        self.assertEqual(5, self.package.shown)
        self.assertEqual(["value"], self.loaded())

    def test_a_name_may_be_a_submodule(self):
        self.assertEqual(self.name + ".inner", self.package.own.__name__)

    def test_a_submodule_does_not_hide_a_name(self):
        importlib.import_module(self.name + ".shown.value")
        self.assertEqual(5, self.package.shown)

    def test_submodules_that_are_no_names_are_imported_as_ever(self):
        names = {}
        exec(f"from {self.name} import numbers", names)
        self.assertEqual(1, names["numbers"].one)

    def test_names_that_are_made_are_there_once_the_package_is_executed(self):
        self.assertFalse(hasattr(self.package, "made"))
        gathered_names.execute(self.name)
        self.assertEqual((2, 1, 5), (self.package.made, self.package.one, self.package.shown))
        gathered_names.execute(self.name)
        self.assertEqual(1, self.loaded().count("package"))


if __name__ == "__main__":
    unittest.main()
