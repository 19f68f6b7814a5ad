from cvo.valuation.groups import groups_of, labels_of
from tests.data.company import catalogue


def test_actions_of_one_team_or_stage_share_a_number_and_strangers_share_none():
    given = catalogue()
    labels = labels_of(given, [*given.action_ids, "gone", "grow"])
    team, stage = groups_of(labels)
    assert team[0] == team[2] == team[3] != team[1]
    assert stage[0] == stage[2]
    assert len(set(team[4:]) | {team[0], team[1]}) == 4
    assert len(set(stage)) == 5
