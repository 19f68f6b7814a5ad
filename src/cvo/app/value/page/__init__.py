"""The page of the value report, built from its figures alone."""

from cvo.app.value.page.page import page, write_page

__all__ = ["page", "write_page"]
