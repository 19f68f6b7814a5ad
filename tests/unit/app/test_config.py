import pytest

from cvo.app.company import Company
from cvo.app.config import find_company, read_config
from cvo.core.errors import Conflict, InvalidInput, NotFound
from tests.data.folder import make

GOOD = 'name = "Test"\ncurrency = "EUR"\nseed = "s"\n'


def read(folder, text, environment=None):
    (folder / "company.toml").write_text(text, encoding="utf-8")
    return read_config(folder, environment or {})


def test_what_is_not_said_has_a_default(tmp_path):
    config = read(tmp_path, GOOD)
    assert (config.time_zone, config.owners, config.decisions.floor) == ("UTC", [], 0.02)
    assert config.settings.currency == "EUR"


def test_the_environment_goes_before_the_file(tmp_path):
    config = read(
        tmp_path, GOOD + "[decisions]\nfloor = 0.1\n", {"CVO_FLOOR": "0.2", "CVO_CONTROL_RATE": "0"}
    )
    assert (config.decisions.floor, config.decisions.control_rate) == (0.2, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "[decisions]\nflor = 0.1\n", "there is no field 'flor' in `decisions`; known: .*floor"),
        (GOOD + "[decisions]\nfloor = 1.0\n", r"floor is 1.0; it has to be in \[0, 1\)"),
        (GOOD + "[decisions]\nexploration = nan\n", "exploration is nan"),
        (GOOD + "decisions = 3\n", "decisions: expected `object`, got `int`"),
        (GOOD + 'time_zone = "Europe"\n', "'Europe' is not a time zone such as Europe/Berlin"),
        (GOOD + 'time_zone = "Moon/Base"\n', "'Moon/Base' is not a time zone"),
        (GOOD.replace("EUR", "euro"), "'euro' is not an ISO 4217 currency code such as EUR"),
        (GOOD.replace('"s"', '""'), "seed is empty"),
        ('currency = "EUR"\nseed = "s"\n', "missing required field `name`"),
        (GOOD + "owners = [1]\n", "owners.0.: expected `str`, got `int`"),
        ("name = ", "company.toml: "),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, text, message):
    with pytest.raises(InvalidInput, match=f"company.toml: .*{message}|{message}"):
        read(tmp_path, text)


def test_an_override_that_is_no_number_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"\$CVO_FLOOR is 'much'; it has to be a number"):
        read(tmp_path, GOOD, {"CVO_FLOOR": "much"})


def test_a_company_is_found_upwards_or_where_the_environment_says(tmp_path):
    make(tmp_path / "shop")
    inside = tmp_path / "shop" / "catalogue"
    assert find_company(inside, {}) == (tmp_path / "shop").resolve()
    assert find_company(inside, {"CVO_COMPANY": "/elsewhere"}).as_posix() == "/elsewhere"
    with pytest.raises(NotFound, match=r"no company.toml in .* or above; name a company with --company"):
        find_company(tmp_path, {})


def test_a_folder_without_settings_is_no_company(tmp_path):
    with pytest.raises(NotFound, match=r"is not a company: it has no company.toml; `cvo init"):
        Company.open(tmp_path)
    assert not (tmp_path / "data").exists()


def test_one_writes_and_others_read_meanwhile(tmp_path):
    make(tmp_path)
    with Company.open(tmp_path) as first:
        with pytest.raises(Conflict, match="is being written to by process"):
            Company.open(tmp_path)
        with Company.open(tmp_path, write=False) as reader:
            assert reader.store.counts() == first.store.counts()
    with Company.open(tmp_path) as again:
        assert again.config.name == "Test"


def test_another_seed_would_know_nobody_and_is_refused(tmp_path):
    make(tmp_path)
    Company.open(tmp_path).close()
    file = tmp_path / "company.toml"
    file.write_text(file.read_text().replace('seed = "test"', 'seed = "other"'))
    with pytest.raises(Conflict, match="another seed"):
        Company.open(tmp_path)


def test_a_switch_is_true_or_false(tmp_path):
    assert read(tmp_path, GOOD + "[decisions]\noptimistic = true\n").settings.optimistic
    assert read(tmp_path, GOOD, {"CVO_OPTIMISTIC": "true"}).decisions.optimistic is True
    with pytest.raises(InvalidInput, match=r"\$CVO_OPTIMISTIC is 'very'; it has to be true or false"):
        read(tmp_path, GOOD, {"CVO_OPTIMISTIC": "very"})
    with pytest.raises(InvalidInput, match=r"optimistic"):
        read(tmp_path, GOOD + "[decisions]\noptimistic = 0.5\n")
