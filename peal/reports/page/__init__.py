"""The report of a run as one web page that needs nothing from elsewhere."""

from peal.reports.page.document import MARK, document

__all__ = ["MARK", "document"]
