"""What scarce things are worth: shadow prices for a batch and, by pacing, for one customer after another.

Arrays in, arrays out; nothing here knows a customer, an action's name or a clock.
"""

from cvo.budget.allocation import Allocation, allocate
from cvo.budget.dual import Prices, solve_prices
from cvo.budget.pacing import EVENLY, Pace, SpendPlan, begin, paced, plan_from
from cvo.budget.resources import Problem, problem

__all__ = [
    "EVENLY",
    "Allocation",
    "Pace",
    "Prices",
    "Problem",
    "SpendPlan",
    "allocate",
    "begin",
    "paced",
    "plan_from",
    "problem",
    "solve_prices",
]
