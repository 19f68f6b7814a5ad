import pytest

import cvo
from cvo.app.backup import backup, restore
from cvo.app.company import Company
from cvo.core.errors import CompanyLocked, Conflict, Damaged, NotFound
from tests.data.server import make_company


@pytest.fixture
def folder(tmp_path):
    make_company(tmp_path / "company")
    with cvo.open(tmp_path / "company") as company:
        company.decide("ann", "home")
    return tmp_path / "company"


def decisions(folder) -> int:
    with Company.open(folder, write=False) as company:
        return company.store.counts()["decisions"]


def test_a_backup_is_a_company_as_it_was_at_one_moment(folder, tmp_path):
    with cvo.open(folder) as company:
        copied = backup(company, tmp_path / "copy")
        company.decide("bob", "home")
    assert copied.database_bytes == (tmp_path / "copy" / "data" / "cvo.sqlite3").stat().st_size
    assert (decisions(folder), decisions(tmp_path / "copy")) == (2, 1)
    assert (tmp_path / "copy" / "catalogue" / "catalogue.yaml").is_file()
    with cvo.open(tmp_path / "copy") as copy:
        assert copy.decide("cid", "home").customer == "cid"


def test_a_backup_never_writes_over_anything(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    with cvo.open(folder, write=False) as company, pytest.raises(Conflict, match="not empty"):
        backup(company, tmp_path / "copy")
    assert [each.name for each in (tmp_path / "copy").iterdir()] == ["mine"]


def test_a_restore_to_a_new_folder_is_the_company(folder, tmp_path):
    with cvo.open(folder, write=False) as company:
        backup(company, tmp_path / "copy")
    restored = restore(tmp_path / "copy", tmp_path / "again")
    assert restored.set_aside is None
    assert decisions(tmp_path / "again") == 1


def test_a_restore_sets_aside_what_it_replaces_and_asks_first(folder, tmp_path):
    with cvo.open(folder) as company:
        backup(company, tmp_path / "copy")
        company.decide("bob", "home")
    with pytest.raises(Conflict, match="--replace"):
        restore(tmp_path / "copy", folder)
    assert decisions(folder) == 2
    first = restore(tmp_path / "copy", folder, replace=True)
    second = restore(tmp_path / "copy", folder, replace=True)
    assert decisions(folder) == 1
    assert first.set_aside != second.set_aside


def test_a_restore_waits_for_nobody_who_writes(folder, tmp_path):
    with cvo.open(folder) as company:
        backup(company, tmp_path / "copy")
        with pytest.raises(CompanyLocked):
            restore(tmp_path / "copy", folder, replace=True)


def test_a_damaged_backup_restores_nothing(folder, tmp_path):
    with cvo.open(folder, write=False) as company:
        backup(company, tmp_path / "copy")
    database = tmp_path / "copy" / "data" / "cvo.sqlite3"
    content = database.read_bytes()
    database.write_bytes(content[: 4096 * 2] + b"\xa5" * (len(content) - 4096 * 2))
    with pytest.raises(Damaged):
        restore(tmp_path / "copy", folder, replace=True)
    with pytest.raises(Damaged):
        restore(tmp_path / "copy", tmp_path / "again")
    assert decisions(folder) == 1
    assert not (tmp_path / "again").exists()


def test_only_a_backup_of_the_same_company_replaces_its_data(folder, tmp_path):
    make_company(tmp_path / "other")
    settings = (tmp_path / "other" / "company.toml").read_text()
    (tmp_path / "other" / "company.toml").write_text(settings.replace('seed = "seed"', 'seed = "else"'))
    with pytest.raises(Conflict, match="another company"):
        restore(tmp_path / "other", folder, replace=True)
    with pytest.raises(NotFound, match="not a company"):
        restore(tmp_path, tmp_path / "again")
