import importlib
import unittest

from noted_package import NotedPackage

from stagekit import deferred_imports

FILES = {
    "__init__.py": "import loaded\nloaded.names.append(__name__)\nfrom {0} import one, two\n",
    "one.py": "import loaded\nloaded.names.append(__name__)\nimport {0}.two\nnumber = 1\n",
    "two.py": "import loaded\nloaded.names.append(__name__)\nfrom {0}.one import number\ndouble = 2 * number\n",
    "nested/__init__.py": "from {0}.nested.first import value\n",
    "nested/first.py": "from {0}.nested import second\nvalue = 5\n",
    "nested/second.py": "",
    "public.py": "__all__ = ['shown']\nshown = 3\nhidden = 4\n",
    "broken.py": "raise ValueError('no such luck')\n",
}


class Deferred(NotedPackage):
    def setUp(self):
        self.name = self.make(FILES)
        deferred_imports.defer(self.name)

    def loaded(self):
        return [name[len(self.name) :] for name in importlib.import_module("loaded").names]

    def test_nothing_is_loaded_before_a_name_is_looked_up(self):
        one = importlib.import_module(self.name + ".one")
        self.assertEqual([], self.loaded())
        self.assertEqual(1, one.number)
        self.assertEqual(["", ".one"], sorted(self.loaded()))

    def test_a_package_is_loaded_once(self):
        package = importlib.import_module(self.name)
        self.assertEqual((1, 2), (package.one.number, package.two.double))
        self.assertEqual(["", ".one", ".two"], sorted(self.loaded()))

    def test_modules_that_import_each_other_load(self):
        two = importlib.import_module(self.name + ".two")
        self.assertEqual(2, two.double)

    def test_a_package_comes_before_its_modules(self):
        first = importlib.import_module(self.name + ".nested.first")
        self.assertEqual(5, first.value)

    def test_a_star_takes_what_the_module_makes_public(self):
        names = {}
        exec(f"from {self.name}.public import *", names)
        self.assertEqual(3, names["shown"])
        self.assertNotIn("hidden", names)

    def test_an_error_shows_where_a_name_is_looked_up(self):
        broken = importlib.import_module(self.name + ".broken")
        with self.assertRaisesRegex(ValueError, "no such luck"):
            broken.value()

    def test_a_name_that_a_module_lacks_is_an_attribute_error(self):
        one = importlib.import_module(self.name + ".one")
        self.assertFalse(hasattr(one, "absent"))

    def test_other_packages_are_loaded_at_once(self):
        self.assertEqual([], importlib.import_module("loaded").__dict__["names"])


if __name__ == "__main__":
    unittest.main()
