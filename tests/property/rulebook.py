"""Random customers, clocks, outcomes, stock, resources and placements: no rule of the company is ever broken.

What is checked against is written here from the lists of what happened, to the microsecond, and shares nothing with the
tallies and the rule language that decide. Every decision is made again from its record, in other company.
`python -m tests.property.rulebook --requests 1000000` plays for long, with progress.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import click
import msgspec

from cvo.actions.read import parse_catalogue
from cvo.actions.scarcity import Scarcity
from cvo.actions.settings import Settings
from cvo.actions.stock import Stock
from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.ids import EventId, PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide, decide_all
from cvo.decisions.decision import Arm, Request, Subject, encode
from cvo.decisions.effects import effects
from cvo.decisions.policy import Policy
from cvo.decisions.replay import case_of, replay
from cvo.decisions.turns import decide_in_turn
from cvo.events.event import Activity, ConsentSet, Decided, Delivery, Event, Response, ResponseKind, TraitsSet
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.models import untrained
from tests.data.company import NOW
from tests.data.records import kept

REST = (
    "status: live, name: A, contact_cost: 0.5, value: 900, "
    "creatives: {a: {placement: home}, b: {placement: mail}, c: {placement: call}}"
)
CATALOGUE = parse_catalogue(
    """
teams: {sales: {name: Sales}, care: {name: Care}}
channels:
  web: {consent: none}
  email: {consent: opt-out, quiet_hours: [{from: "20:00", to: "09:00"}]}
  phone: {consent: opt-in, quiet_hours: [{from: "18:30", to: "10:00", weekdays: [mon, tue, wed, thu, fri]},
                                         {from: "00:00", to: "24:00", weekdays: [sun]}]}
placements: {home: {channel: web, slots: 3}, mail: {channel: email}, call: {channel: phone, slots: 2}}
actions:
  shoe: {team: sales, stage: grow, group: shoes, applicable: ["stock(action.id) > 0"], REST}
  boot: {team: sales, stage: grow, group: shoes, applicable: ['stock_at("boot", "store") >= 2'], REST}
  loan: {team: sales, stage: grow, status: live, name: A, contact_cost: 0.5, value: 900,
         applicable: [creative.locale == context.language],
         creatives: {a-en: {placement: home}, a-de: {placement: home, locale: de}, b: {placement: mail},
                     c: {placement: call, locale: fr}}}
  card: {team: sales, stage: retain, REST}
  tips: {team: care, stage: onboard, REST}
  help: {team: care, stage: serve, REST}
  alarm: {team: care, stage: grow, service: true, REST}
bundles: {kit: {placement: home, actions: [tips, help]}}
resources:
  calls: {per: channel, of: phone, amount: 1000, period_days: 7, unit: minutes, use: 3}
  budget: {per: team, of: sales, amount: 1000, period_days: 30, unit: money}
  volume: {per: all, amount: 100000, period_days: 1}
limits:
  all: {per: all, at_most: 5, days: 7}
  mail: {per: channel, of: email, at_most: 2, days: 7}
  each: {per: action, at_most: 2, days: 14}
  sales: {per: team, of: sales, at_most: 3, days: 5}
rests:
  later: {after: dismissed, per: action, days: 10}
  done: {after: accepted, per: action}
  tired: {after: ignored, times: 2, within_days: 8, per: team, of: sales, days: 6}
  fed-up: {after: dismissed, times: 2, within_days: 12, per: all, days: 4}
intents:
  complaint: {opens: Complaint Opened, closes: Complaint Resolved, holds: [grow, retain], lapses_days: 9}
""".replace("REST", REST)
)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Nowhere/Land")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COMPANY_ZONE = "Australia/Lord_Howe"
KINDS = [kind for kind in ResponseKind for _ in range(3 if kind is ResponseKind.DISMISSED else 1)]


class Customer:
    """One customer: the profile that decides, and all that happened to them in plain lists."""

    def __init__(self, number):
        self.subject = Subject(
            person_id=PersonId(b"%016d" % number),
            customer=f"c{number}",
            version=0,
            arm=Arm.TREATED if number % 16 else Arm.CONTROL,
        )
        self.profile, self.number = EMPTY, 0
        self.happened = []

    def add(self, at, body):
        self.number += 1
        event = Event(EventId(b"%08d" % self.number), self.subject.person_id, at, at, body)
        self.profile = fold(self.profile, [event])
        self.subject = msgspec.structs.replace(self.subject, version=self.number)
        self.happened.append((at, body))

    def last(self, kind, wanted):
        return next(
            (body for _, body in reversed(self.happened) if isinstance(body, kind) and wanted(body)), None
        )


def in_scope(scope, body):
    if scope == "any":
        return True
    kind, _, name = scope.partition(":")
    return getattr(body, kind) == name


def scope_of(entry, action, channel):
    about = CATALOGUE.actions[action]
    mine = {
        "channel": channel,
        "stage": about.stage.value,
        "team": about.team,
        "action": action,
        "all": "any",
    }
    name = mine[entry.per]
    if entry.of is not None and entry.of != name:
        return None
    return "any" if entry.per == "all" else f"{entry.per}:{name}"


def contacts(customer, scope):
    return [
        at
        for at, body in customer.happened
        if isinstance(body, Decided) and body.action and in_scope(scope, body)
    ]


def outcomes(customer, rest, scope, now):
    """Return when the outcome of a rest came."""
    said = [
        (at, body) for at, body in customer.happened if isinstance(body, Response) and in_scope(scope, body)
    ]
    if rest.after != "ignored":
        return [at for at, body in said if body.kind == rest.after]
    answered = max((at for at, body in said if body.kind is not ResponseKind.PRESENTED), default=-1)
    return [at + DAY for at in contacts(customer, scope) if answered < at <= now - DAY]


def rests(customer, rest, scope, now, slack=0):
    times = outcomes(customer, rest, scope, now + slack)
    for at in times:
        close = [other for other in times if at - rest.within_days * DAY - slack < other <= at]
        if len(close) >= rest.times and (rest.days is None or now < at + rest.days * DAY + slack):
            return True
    return False


def is_quiet(customer, channel, now):
    trait = customer.last(TraitsSet, lambda body: "timezone" in body.traits)
    name = COMPANY_ZONE if trait is None or trait.traits["timezone"] == ZONES[3] else trait.traits["timezone"]
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(ZoneInfo(name))
    minutes, day = local.hour * 60 + local.minute, WEEK[local.weekday()]
    yesterday = WEEK[local.weekday() - 1]
    if channel == "email":
        return minutes >= 20 * 60 or minutes < 9 * 60
    if channel == "phone":
        working = WEEK[:5]
        evening = day in working and minutes >= 18 * 60 + 30
        return evening or (yesterday in working and minutes < 10 * 60) or day == "sun"
    return False


def complains(customer, now):
    told = [
        (at, body.name)
        for at, body in customer.happened
        if isinstance(body, Activity) and body.name.startswith("Complaint")
    ]
    return bool(told) and told[-1][1] == "Complaint Opened" and now - told[-1][0] < 9 * DAY


def allows(customer, channel):
    said = customer.last(ConsentSet, lambda body: channel in body.purposes)
    answer = None if said is None else said.purposes[channel]
    return {"none": True, "opt-out": answer is not False, "opt-in": answer is True}[
        CATALOGUE.channels[channel].consent
    ]


def in_stock(action, stock, context):
    if action == "shoe":
        return sum(stock["shoe"].values()) > 0
    if action == "boot":
        return stock["boot"].get(context.get("store"), 0) >= 2
    return True


def uses(action, channel):
    """Return what a delivery of an action takes of each resource."""
    taken = {"volume": 1.0}
    if channel == "phone":
        taken["calls"] = 3.0
    if CATALOGUE.actions[action].team == "sales":
        taken["budget"] = 0.5
    return taken


def total(actions, channel):
    taken = Counter()
    for action in actions:
        taken.update(uses(action, channel))
    return taken


def in_language(action, placement, context):
    """Return the creatives that may be rendered."""
    return {
        key
        for key, creative in CATALOGUE.actions[action].creatives.items()
        if creative.placement == placement and (action != "loan" or creative.locale == context["language"])
    }


def broken(customer, action, case, stock, so_far):
    """Return which rules doing the action now would break, `so_far` being what earlier slots chose."""
    request, about = case.request, CATALOGUE.actions[action]
    channel, now = CATALOGUE.placements[request.placement].channel, request.at
    found = set()
    if not allows(customer, channel):
        found.add("consent")
    if not in_stock(action, stock, request.context) or not in_language(
        action, request.placement, request.context
    ):
        found.add("applicable")
    left = case.scarcity.left
    if any(left[name] < use - 1e-9 for name, use in total([*so_far, action], channel).items()):
        found.add("capacity")
    if about.service:
        return found
    if complains(customer, now) and about.stage in {"grow", "retain"}:
        found.add("conversation")
    if is_quiet(customer, channel, now):
        found.add("quiet hours")
    for limit in CATALOGUE.limits.values():
        scope = scope_of(limit, action, channel)
        if scope is not None:
            recent = sum(at > now - limit.days * DAY for at in contacts(customer, scope))
            recent += sum(scope_of(limit, other, channel) == scope for other in so_far)
            if recent >= limit.at_most:
                found.add("contact limit")
    for rest in CATALOGUE.rests.values():
        scope = scope_of(rest, action, channel)
        if scope is not None and rests(customer, rest, scope, now):
            found.add("rest")
    return found


BUNDLE = CATALOGUE.bundles["kit"].actions


def could_refuse(tier, customer, action, case, *, stock, decision):
    """Tell whether a refusal is right; tallies count by the hour, so rests and limits may last that much longer."""
    channel, now = CATALOGUE.placements[case.request.placement].channel, case.request.at
    if tier == "bundle":
        (mate,) = set(BUNDLE) - {action}
        apart = decision.refused.get(mate)
        if apart is not None and apart.tier != "bundle":
            return True
        return (
            case.request.limit == 1
            or any(case.scarcity.left[name] < use for name, use in total(BUNDLE, channel).items())
            or limited(customer, mate, channel, now, beside=action)
        )
    if tier == "contact limit":
        return limited(customer, action, channel, now)
    if tier == "rest":
        return any(
            rests(customer, rest, scope, now, slack=HOUR)
            for rest in CATALOGUE.rests.values()
            if (scope := scope_of(rest, action, channel)) is not None
        )
    return tier in broken(customer, action, case, stock, [])


def limited(customer, action, channel, now, beside=None):
    """Tell whether a limit may refuse an action, beside another that is a contact already."""
    return any(
        sum(at > now - limit.days * DAY - HOUR for at in contacts(customer, scope))
        + (beside is not None and scope_of(limit, beside, channel) == scope)
        >= limit.at_most
        for limit in CATALOGUE.limits.values()
        if (scope := scope_of(limit, action, channel)) is not None
    )


def live_a_while(random, customers, now):
    """Let something happen to some of them between two decisions."""
    for customer in random.sample(customers, len(customers) // 3):
        at = Instant(now - random.randrange(1, HOUR))
        roll = random.random()
        if roll < 0.5:
            done = [body for _, body in customer.happened if isinstance(body, Decided) and body.action]
            if done:
                about = random.choice(done[-3:])
                said = Response(random.choice(KINDS), about.action, about.team, about.stage, about.channel)
                customer.add(at, said)
        elif roll < 0.7:
            customer.add(at, Activity(random.choice(["Complaint Opened", "Complaint Resolved", "Visit"])))
        elif roll < 0.9:
            channel = random.choice(["email", "phone"])
            customer.add(at, ConsentSet({channel: random.random() < 0.8}))
        else:
            customer.add(at, TraitsSet({"timezone": random.choice(ZONES)}))


def check_slots(customer, case, decision, stock, *, every):
    """Check what was chosen, and with `every` also what could have been."""
    so_far, groups = [], set()
    at_home = case.request.placement == "home"
    for slot in decision.slots:
        assert abs(sum(slot.propensities) - 1) < 1e-9
        assert abs(sum(slot.delivery_probabilities) - 1) < 1e-9
        assert slot.options[-1] == ""
        follows = at_home and so_far[-1:] == BUNDLE[:1]
        assert (slot.propensities[-1] == 0) == follows
        assert follows == (at_home and slot.chosen == BUNDLE[1])
        for option in slot.options[:-1] if every else {slot.chosen} - {""}:
            mates = BUNDLE if at_home and option == BUNDLE[0] else [option]
            assert len(so_far) + len(mates) <= len(decision.slots)
            for before, action in enumerate(mates):
                so_then = [*so_far, *mates[:before]]
                assert broken(customer, action, case, stock, so_then) == set(), (action, slot.rank)
                assert action not in so_then
                assert CATALOGUE.actions[action].group not in groups
        if slot.chosen:
            assert decision.arm is Arm.TREATED
            assert slot.creative in in_language(slot.chosen, case.request.placement, case.request.context)
            so_far.append(slot.chosen)
            groups |= {CATALOGUE.actions[slot.chosen].group} - {None}
    assert so_far[-1:] != BUNDLE[:1] or not at_home


def made_again(made, customers, policy, stock, *, random):
    """Check that every decision comes out of its record bit for bit, in any company, and some of them alone."""
    logged = [encode(each) for each in made]
    order = random.sample(range(len(made)), len(made))
    cases = [case_of(kept(made[n]), customers[n].profile, stock) for n in order]
    size = random.choice([97, 300, len(made)])
    for start in range(0, len(cases), size):
        again = decide_all(cases[start : start + size], policy)
        for n, decision in zip(order[start : start + size], again, strict=True):
            assert encode(decision) == logged[n]
    for n in order[:3]:
        assert encode(decide(case_of(made[n], customers[n].profile, stock), policy)) == logged[n]
        assert replay(kept(made[n]), customers[n].profile, policy, stock).identical


def left_now(random, scarce):
    """Return what is left of each resource: mostly plenty, sometimes little, in which case customers take turns."""
    scarce = random.random() < scarce
    left = {
        name: round(random.uniform(0, little), 2) if scarce and random.random() < 0.6 else 1e6
        for name, little in (("calls", 12), ("budget", 5), ("volume", 30))
    }
    return Scarcity(left, {name: random.choice([0.0, 0.5, 30.0]) for name in left})


def check_resources(made, placement, scarcity):
    """No more is delivered than there was."""
    channel = CATALOGUE.placements[placement].channel
    delivered = [s.chosen for each in made for s in each.slots if s.delivery is Delivery.DELIVERED]
    for name, use in total(delivered, channel).items():
        assert use <= scarcity.left[name] + 1e-6, name
    return {name for name, use in total(delivered, channel).items() if scarcity.left[name] < use + 3}


def play(seed, *, people, steps, share=1.0, scarce=0.5):
    """Decide for everybody once a step; return how often each tier refused, and how often each action was chosen.

    Everything that is chosen is checked, and every decision made again; every option and refusal is checked for a share
    of the requests.
    """
    random = Random(seed)
    models = untrained(CATALOGUE, assumptions_of(CATALOGUE), NO_FEATURES, NOW)
    settings = Settings(currency="EUR", seed=str(seed), withheld_rate=0.2, time_zone=COMPANY_ZONE)
    policy = Policy(CATALOGUE, models, settings)
    customers = [Customer(number) for number in range(people)]
    levels = {"shoe": {"rome": 0, "oslo": 0}, "boot": {"rome": 0, "oslo": 0}}
    now, seen = Instant(NOW + random.randrange(300) * DAY), Counter()
    for step in range(steps):
        now = Instant(now + random.randrange(HOUR, 40 * HOUR))
        live_a_while(random, customers, now)
        levels[random.choice(["shoe", "boot"])][random.choice(["rome", "oslo"])] = random.randrange(3)
        stock = Stock(step + 1, {product: dict(places) for product, places in levels.items()})
        placement = random.choice(["home", "mail", "call"])
        scarcity = left_now(random, scarce)
        cases = [
            Case(
                each.subject,
                each.profile,
                Request(
                    placement=placement,
                    at=now,
                    context={
                        "store": random.choice(["rome", "oslo", "bonn"]),
                        "language": random.choice(["en", "en", "de", "fr"]),
                    },
                    limit=random.choice([None, None, 1, 2]),
                ),
                stock,
            )
            for each in customers
        ]
        made = decide_in_turn(cases, policy, scarcity)
        seen.update(check_resources(made, placement, scarcity))
        made_again(made, customers, policy, stock, random=random)
        for customer, case, decision in zip(customers, cases, made, strict=True):
            every = random.random() < share
            # What it saw of resources is in the record, where any rule there asks.
            seen_then = Scarcity(scarcity.left | decision.scarcity.left, {})
            asked = msgspec.structs.replace(case, scarcity=seen_then)
            check_slots(customer, asked, decision, levels, every=every)
            for action, refusal in decision.refused.items() if every else ():
                tier = refusal.tier
                assert could_refuse(tier, customer, action, asked, stock=levels, decision=decision), (
                    tier,
                    action,
                )
                seen[tier] += 1
            for body in effects(decision, CATALOGUE):
                customer.add(now, body)
                seen[body.action] += 1
    return seen


SHAPES = [(2_000, 25)] * 4 + [(40, 80)]
"""How many people, and how many steps: more people than 256 are judged as a table, fewer one by one."""


def played(requests):
    """Play with one seed after the other until so many requests were decided; yield the number after each."""
    done, seed = 0, 100
    while done < requests:
        people, steps = SHAPES[seed % len(SHAPES)]
        play(seed, people=people, steps=steps, share=0.03, scarce=0.2)
        done, seed = done + people * steps, seed + 1
        yield done


@click.command()
@click.option("--requests", default=1_000_000, show_default=True)
def main(requests):
    """Play for long and say how far it is."""
    start = time.process_time()
    for done in played(requests):
        click.echo(
            f"{done:,} requests, nothing broken, {time.process_time() - start:,.0f} s of the processor"
        )


if __name__ == "__main__":
    main()
