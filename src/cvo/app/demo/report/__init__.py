"""The demo's page, built from its figures alone."""

from cvo.app.demo.report.page import page, write_report

__all__ = ["page", "write_report"]
