"""A grocer's year of 2,469 households, and what may and may not be said of campaigns that nobody randomised."""

from cvo.app.demo.journey.page import write_report
from cvo.app.demo.journey.run import CampaignsSummary, Journey, run

__all__ = ["CampaignsSummary", "Journey", "run", "write_report"]
