"""What people see, drawn from events and from the same report object that ``--json`` prints."""
