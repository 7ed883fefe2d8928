# Written for unittest and another Python; test_programs.py runs them.
collect_ignore_glob = ["*/*"]
