"""What ends a campaign before its tasks are done."""


class CampaignFailed(Exception):
    """The processes die or are gone, whatever task they are given; one line."""
