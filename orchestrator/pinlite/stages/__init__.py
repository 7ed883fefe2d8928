"""What each stage takes and makes, a file each. They meet their programs in ``images/`` through the contract alone."""
