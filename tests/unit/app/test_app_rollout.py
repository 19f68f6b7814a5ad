"""A rollout through the product: decided with, judged by what customers brought, stopped or promoted."""

import msgspec
import numpy as np
import pytest

from cvo.app.ingest import ingest
from cvo.app.live import Ask, Live
from cvo.app.replay import replay
from cvo.app.rollout.judge import judge, standing
from cvo.app.rollout.outcomes import Outcomes
from cvo.app.rollout.record import latest, runs
from cvo.app.rollout.start import draft_candidate, start, stop
from cvo.app.state import running_catalogue
from cvo.app.what_if import read_candidate
from cvo.core.clock import DAY, MINUTE, Instant, parse_rfc3339
from cvo.core.digest import digest
from cvo.core.errors import Conflict, InvalidInput, NotFound
from cvo.core.evidence import Interval
from cvo.decisions.decision import Arm
from cvo.decisions.rollout import Rollout, Verdict
from cvo.events.event import Delivery
from cvo.events.message import user
from tests.data.folder import ONE_MAIL, OWNER, ordered, running, track

NOW = parse_rfc3339("2026-01-05T09:00:00Z")
STEPS = (0.2, 0.5, 1.0)
CUSTOMERS = [f"c{n}" for n in range(1_200)]
NOBODY = ONE_MAIL.replace("window_days: 14,", 'window_days: 14, eligible: ["customer.age > 200"],')


class World:
    """Customers who buy more often when they get the offer, asked for and judged every fortnight."""

    def __init__(self, folder, **decisions):
        self.company = running(folder, NOW, withheld_rate=0.0, control_rate=0.1, **decisions)
        self.live = Live(self.company)
        self.random = np.random.default_rng(5)
        self.made = []

    def fortnight(self):
        now = self.company.clock.at = Instant(self.company.clock.now() + MINUTE)
        self.made = self.live.process([Ask(user(each), "newsletter") for each in CUSTOMERS])
        got = np.array([made.slots[0].delivery is Delivery.DELIVERED for made in self.made])
        buys = self.random.random(len(got)) < 0.1 + 0.5 * got
        later = Instant(now + DAY)
        ingest(self.company, [ordered(CUSTOMERS[n], later, 40.0) for n in np.flatnonzero(buys)])
        self.company.clock.at = Instant(now + 15 * DAY)

    def begin(self, candidate, **plan):
        started = start(self.company, candidate, OWNER, steps=STEPS, **plan)
        self.live = Live(self.company)
        return started

    def judge(self):
        run = judge(self.company, OWNER)
        self.live = Live(self.company)
        return run

    def by_candidate(self):
        run = latest(self.company.store)
        pins = (run.catalogue, digest(run.settings))
        return [made for made in self.made if (made.pins.catalogue, made.pins.settings) == pins]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "shop")
    with made.company:
        made.fortnight()
        yield made


def catalogue_of(tmp_path, text):
    folder = tmp_path / "proposed"
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    return folder


def settings_file(tmp_path, **decisions):
    file = tmp_path / "policy.toml"
    file.write_text("[decisions]\n" + "".join(f"{name} = {value}\n" for name, value in decisions.items()))
    return file


def test_a_bad_policy_is_stopped_by_what_it_brings(world, tmp_path):
    candidate = read_candidate(world.company, catalogue=catalogue_of(tmp_path, NOBODY))
    run = world.begin(candidate, delta=2.0)
    assert run.plan.outcome_sd > 3
    world.fortnight()
    decided = world.by_candidate()
    assert len(decided) / len(CUSTOMERS) == pytest.approx(0.2 * 0.9, abs=0.04)
    assert all(made.arm is Arm.TREATED and not made.slots[0].chosen for made in decided)
    assert all(replay(world.company, made.decision_id).identical for made in decided[:3])
    ended = world.judge()
    assert ended.rollout.verdict is Verdict.STOPPED
    assert "brings less" in ended.rollout.reason
    found = standing(world.company, ended)
    assert isinstance(found.difference, Interval)
    assert found.difference.high < 0
    assert running_catalogue(world.company.store).version == run.before_catalogue
    world.fortnight()
    assert world.by_candidate() == []
    assert judge(world.company, OWNER) is None
    with pytest.raises(Conflict, match=r"rejected"):
        draft_candidate(world.company, run.draft_id)


def test_what_service_costs_is_taken_off_an_outcome(world):
    company, version = world.company, running_catalogue(world.company.store).version
    starts = Outcomes(company, version, 14).tables.decisions.select("person_id", "at")
    before = Outcomes(company, version, 14).net(starts).sum()
    ingest(company, [track(CUSTOMERS[0], Instant(NOW + DAY), "call", "Call Ended", service_cost=8)])
    assert Outcomes(company, version, 14).net(starts).sum() == pytest.approx(before - 8)


def test_an_equal_policy_goes_through_all_steps_and_decides_for_everybody(world, tmp_path):
    file = settings_file(tmp_path, floor=0.03)
    run = world.begin(read_candidate(world.company, policy=file), delta=4.0)
    assert run.draft_id == ""
    steps = []
    for _ in range(8):
        world.fortnight()
        run = world.judge()
        steps.append(run.rollout.step)
        if not run.running:
            break
    assert run.rollout.verdict is Verdict.PROMOTED, steps
    assert world.company.settings.floor == 0.03
    assert world.company.config.settings.floor == 0.02
    world.fortnight()
    assert len(world.by_candidate()) == len(CUSTOMERS)
    assert [each.name for each in runs(world.company.store)] == ["rollout-1"] * (len(steps) + 1)


def test_a_promoted_catalogue_is_the_running_one(world, tmp_path):
    better = ONE_MAIL.replace("contact_cost: 0.10", "contact_cost: 0.09")
    run = world.begin(
        read_candidate(world.company, catalogue=catalogue_of(tmp_path, better)), delta=40.0, outcome_sd=8.0
    )
    for _ in range(3):
        world.fortnight()
        run = world.judge() or run
    assert run.rollout.verdict is Verdict.PROMOTED
    assert running_catalogue(world.company.store).version == run.catalogue
    assert float(world.company.policy().catalogue.actions["offer"].contact_cost) == 0.09


def test_whoever_owns_a_setting_has_the_last_word(world, tmp_path):
    world.begin(read_candidate(world.company, policy=settings_file(tmp_path, floor=0.03)), delta=1.0)
    run = latest(world.company.store)
    promoted = msgspec.structs.replace(run, rollout=Rollout(verdict=Verdict.PROMOTED))
    world.live.follow(promoted)
    assert world.live.policy.settings.floor == 0.03
    file = world.company.folder / "company.toml"
    file.write_text(file.read_text() + "floor = 0.05\n")
    world.company.close()
    with type(world.company).open(world.company.folder, clock=world.company.clock) as again:
        assert again.settings.floor == 0.05


def test_customers_keep_their_policy_throughout_a_step(world, tmp_path):
    world.begin(read_candidate(world.company, policy=settings_file(tmp_path, floor=0.5)), delta=1.0)
    sides = []
    for _ in range(2):
        world.fortnight()
        sides.append({made.customer for made in world.by_candidate()})
    assert sides[0] == sides[1]
    assert 100 < len(sides[0]) < 400


def test_what_runs_changed_on_the_way_ends_it(world, tmp_path):
    from cvo.app.apply import apply

    world.begin(read_candidate(world.company, policy=settings_file(tmp_path, floor=0.5)), delta=1.0)
    (world.company.folder / "catalogue" / "all.yaml").write_text(ONE_MAIL.replace("0.10", "0.20"))
    apply(world.company, OWNER, approve=True)
    assert len(world.company.deciding().policies) == 1
    ended = world.judge()
    assert ended.rollout.verdict is Verdict.STOPPED
    assert "the catalogue" in ended.rollout.reason


def test_a_rollout_is_stopped_by_hand(world, tmp_path):
    with pytest.raises(NotFound, match="no rollout goes on"):
        stop(world.company, OWNER, "")
    candidate = read_candidate(world.company, policy=settings_file(tmp_path, floor=0.5))
    world.begin(candidate, delta=1.0)
    with pytest.raises(Conflict, match="rollout-1 goes on"):
        start(world.company, candidate, OWNER, delta=1.0)
    ended = stop(world.company, OWNER, "the boss said so")
    assert ended.rollout.reason == "stopped by ann: the boss said so"
    assert len(world.company.deciding().policies) == 1
    assert start(world.company, candidate, OWNER, delta=1.0).name == "rollout-2"


def test_a_draft_goes_live_by_a_rollout(world):
    from cvo.app.apply import apply

    (world.company.folder / "catalogue" / "all.yaml").write_text(ONE_MAIL.replace("0.10", "0.20"))
    draft = apply(world.company, OWNER).draft_id
    run = start(
        world.company, draft_candidate(world.company, draft), OWNER, draft_id=draft, delta=1.0, steps=STEPS
    )
    assert run.draft_id == draft
    assert len(world.company.deciding().policies) == 2


def test_what_can_not_be_rolled_out(world, tmp_path):
    same = read_candidate(world.company, policy=settings_file(tmp_path, floor=0.02))
    with pytest.raises(InvalidInput, match="nothing to roll out"):
        start(world.company, same, OWNER)
    candidate = read_candidate(world.company, catalogue=catalogue_of(tmp_path, NOBODY))
    with pytest.raises(Conflict, match="is not an owner"):
        start(world.company, candidate, "eve")
    without = ONE_MAIL.replace("newsletter: {channel", "letter: {channel").replace(
        "placement: newsletter", "placement: letter"
    )
    gone = read_candidate(world.company, catalogue=catalogue_of(tmp_path, without))
    with pytest.raises(InvalidInput, match="no placement newsletter"):
        start(world.company, gone, OWNER)


def test_without_a_past_somebody_has_to_say_how_much_customers_differ(tmp_path):
    with running(tmp_path / "new", NOW) as company:
        candidate = read_candidate(company, policy=settings_file(tmp_path, floor=0.5))
        with pytest.raises(InvalidInput, match=r"0 windows of 14 days closed before.*--outcome-sd"):
            start(company, candidate, OWNER)
        run = start(company, candidate, OWNER, outcome_sd=20.0)
        assert run.plan.delta == pytest.approx(2.0)
