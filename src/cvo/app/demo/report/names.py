"""What the page calls the trial's e-mails and the policies."""

from cvo.decisions.decision import NOTHING

ACTIONS = {"mens": "men’s e-mail", "womens": "women’s e-mail", NOTHING: "no e-mail"}
POLICIES = {
    "learned": "Learned policy",
    "mens": "Men’s e-mail for all",
    "womens": "Women’s e-mail for all",
    "random": "One of the three by lot",
    "nobody": "No e-mail",
}


def inside(action: str) -> str:
    """Return an action's name as it stands inside a sentence; one that was added later has only its id."""
    return ACTIONS.get(action, action)


def alone(action: str) -> str:
    """Return an action's name as it stands alone."""
    return capital(inside(action))


def capital(text: str) -> str:
    """Return a text that starts like a sentence."""
    return text[:1].upper() + text[1:]
