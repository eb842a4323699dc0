"""Answers of the catalog that are remembered until it changes."""

from pathlib import Path

from sqlalchemy import insert

from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.share import Share
from davserver.providers.tables import instance


def change(catalog: Catalog, name: str) -> None:
    with catalog.writing() as connection:
        connection.execute(insert(instance).values(name=name, value="x"))


def test_a_question_is_asked_once_until_anything_changes_in_any_process(
    share: Share, root: Path
) -> None:
    asked: list[str] = []
    remembered: Remembered[None] = Remembered(share.catalog)
    for _ in range(3):
        remembered.get("a", asked.append)
    assert asked == ["a"]
    change(share.catalog, "here")
    remembered.get("a", asked.append)
    assert asked == ["a", "a"]
    elsewhere = Catalog(root / ".davserver")
    change(elsewhere, "elsewhere")
    elsewhere.close()
    remembered.get("a", asked.append)
    assert asked == ["a", "a", "a"]


def test_an_answer_that_was_slow_is_not_taken_for_a_new_one(share: Share) -> None:
    remembered: Remembered[str] = Remembered(share.catalog)

    def slow(_: str) -> str:
        change(share.catalog, "meanwhile")
        return "old"

    assert remembered.get("a", slow) == "old"
    assert remembered.get("a", lambda _: "new") == "new"
