"""What both ends of a link have to agree on."""

PROTOCOL = 2
"""Counts what can be asked of a machine and how; two ends with other numbers do not speak with each other."""
SILENCE = 600.0
"""Seconds without a sign of life after which the near end counts as gone, until it has said how long that is."""
