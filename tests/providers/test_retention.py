"""What of the earlier versions is kept, and what is not; time passes by the tests' clock."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from davserver.model import Origin, Writer
from davserver.providers import retention as pruning
from davserver.providers.share import Share
from davserver.retention import Earlier, Policy, to_prune
from tests.clock import later

DAY = 24 * 3600
ANN = Writer("ann", origin=Origin.BROWSER)


def write(share: Share, path: str, content: bytes, writer: Writer = ANN) -> None:
    with share.files.spool() as spool:
        spool.write(content)
        share.files.commit(path, spool, writer)


def written(share: Share, times: int, path: str = "/a.txt", *, days_apart: float = 0) -> None:
    """A file that was written so often."""
    for number in range(1, times + 1):
        with later((number - 1) * days_apart * DAY):
            write(share, path, b"state %d" % number)


def numbers(share: Share, path: str = "/a.txt") -> list[int]:
    return [one.number for one in share.files.versions(path)]


def kept_files(root: Path) -> list[Path]:
    return [file for file in (root / ".davserver" / "versions").rglob("*") if file.is_file()]


class TestPruning:
    """In the folder and the catalog."""

    def test_without_a_policy_everything_is_kept(self, share: Share) -> None:
        written(share, 5)
        assert share.retention.prune(Policy()) == []
        assert numbers(share) == [1, 2, 3, 4, 5]

    def test_by_number(self, share: Share, root: Path) -> None:
        written(share, 5)
        pruned = share.retention.prune(Policy(count=2))
        assert [one.number for one in pruned] == [1, 2]
        assert numbers(share) == [3, 4, 5]
        assert len(kept_files(root)) == 2
        assert (root / "a.txt").read_bytes() == b"state 5"

    def test_by_age_counts_from_when_a_state_was_replaced(self, share: Share) -> None:
        """Written 100 days ago and written over yesterday: yesterday's mistake can be undone."""
        write(share, "/a.txt", b"100 days old")
        with later(99 * DAY):
            write(share, "/a.txt", b"a mistake")
        with later(100 * DAY):
            assert share.retention.prune(Policy(days=30)) == []
        with later(130 * DAY):
            assert len(share.retention.prune(Policy(days=30))) == 1
            assert numbers(share) == [2]

    def test_by_days(self, share: Share) -> None:
        for day in range(3):
            for hour in range(3):
                noon = (12 - datetime.now().astimezone().hour) * 3600
                with later(day * DAY + noon + hour * 600):
                    write(share, "/a.txt", b"day %d, %d" % (day, hour))
        with later(20 * DAY):
            share.retention.prune(Policy(all_days=7))
        assert numbers(share) == [3, 6, 8, 9]

    def test_by_size_the_first_replaced_go_first(self, share: Share) -> None:
        write(share, "/old.txt", b"x" * 100)
        write(share, "/old.txt", b"x" * 100)
        written(share, 4)
        share.retention.prune(Policy(total_bytes=16))
        assert numbers(share, "/old.txt") == [2]
        assert numbers(share) == [2, 3, 4]

    def test_never_one_with_a_name(self, share: Share) -> None:
        written(share, 5)
        share.files.describe_version("/a.txt", 2, "as sent to the printer", "")
        with later(1000 * DAY):
            share.retention.prune(Policy(count=1, days=1, all_days=1, total_bytes=1))
        assert numbers(share) == [2, 5]

    @pytest.mark.parametrize(("path", "stays"), [("/a.csv", [2]), ("/a.docx", [])])
    def test_never_the_one_before_the_editor_first_saved_what_loses_formatting(
        self, share: Share, path: str, stays: list[int]
    ) -> None:
        written(share, 2, path)
        with later(60):
            write(share, path, b"by the editor", Writer("ann", origin=Origin.EDITOR))
            write(share, path, b"by the editor again", Writer("ann", origin=Origin.EDITOR))
        share.retention.prune(Policy(count=1))
        assert numbers(share, path) == [*stays, 3, 4]

    def test_one_that_loses_its_name_can_go(self, share: Share) -> None:
        written(share, 3)
        share.files.describe_version("/a.txt", 1, "a name", "")
        share.files.describe_version("/a.txt", 1, "", "")
        share.retention.prune(Policy(count=1))
        assert numbers(share) == [2, 3]

    def test_never_the_present_state(self, share: Share, root: Path) -> None:
        written(share, 2)
        with later(1000 * DAY):
            share.retention.prune(Policy(count=1, days=1, total_bytes=1))
        assert numbers(share) == [2]
        content, _ = share.files.open_version("/a.txt", 2)
        with content:
            assert content.read() == b"state 2"

    def test_after_it_numbers_go_on(self, share: Share) -> None:
        written(share, 3)
        share.retention.prune(Policy(days=0, total_bytes=1))
        write(share, "/a.txt", b"one more")
        assert numbers(share) == [3, 4]

    def test_where_another_program_wrote_last(self, share: Share, root: Path) -> None:
        written(share, 3)
        (root / "a.txt").write_bytes(b"by samba")
        share.retention.prune(Policy(total_bytes=1))
        write(share, "/a.txt", b"one more")
        found = share.files.versions("/a.txt")
        assert len({one.number for one in found}) == len(found)
        assert found[-1].size == len(b"one more")

    def test_within_a_folder(self, share: Share) -> None:
        share.trees.make_folder("/docs", ANN)
        written(share, 3)
        written(share, 3, "/docs/b.txt")
        share.retention.prune(Policy(count=1), "/docs")
        assert numbers(share, "/docs/b.txt") == [2, 3]
        assert numbers(share) == [1, 2, 3]

    def test_a_dry_run_removes_nothing(self, share: Share) -> None:
        written(share, 5)
        assert len(share.retention.prune(Policy(count=2), dry_run=True)) == 2
        assert numbers(share) == [1, 2, 3, 4, 5]

    def test_in_the_trash_too(self, share: Share, root: Path) -> None:
        written(share, 5)
        share.trees.delete("/a.txt", ANN)
        share.retention.prune(Policy(count=1))
        assert len(kept_files(root)) == 1

    def test_what_a_crash_left_half_removed_goes_the_next_time(
        self, share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(share, 4)

        class Died(Exception):
            pass

        def die(*_: object) -> None:
            raise Died

        monkeypatch.setattr(pruning.highlights, "forget", die)
        with pytest.raises(Died):
            share.retention.prune(Policy(count=1))
        monkeypatch.undo()
        share.retention.prune(Policy(count=1))
        assert numbers(share) == [3, 4]
        assert len(kept_files(root)) == 1

    def test_housekeeping_prunes_once_an_hour(
        self, share: Share, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written(share, 3)
        now = [1000.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        share.retention.when_due(Policy(count=1))
        assert numbers(share) == [2, 3]
        write(share, "/a.txt", b"more")
        share.retention.when_due(Policy(count=1))
        assert numbers(share) == [2, 3, 4]
        now[0] += pruning.EVERY_SECONDS
        share.retention.when_due(Policy(count=1))
        assert numbers(share) == [3, 4]


class TestTheDecision:
    """Pure: values in, values out."""

    def test_one_that_stays_counts_in_the_total_and_not_in_the_number(self) -> None:
        states = [
            Earlier("/a", "id", number, 10, number * DAY, (number + 1) * DAY, stays=number == 2)
            for number in range(1, 5)
        ]
        gone = to_prune(states, Policy(count=2), 10 * DAY)
        assert [one.number for one in gone] == [1]
        gone = to_prune(states, Policy(total_bytes=20), 10 * DAY)
        assert [one.number for one in gone] == [1, 3]

    def test_each_rule_counts_by_itself(self) -> None:
        states = [Earlier("/a", "id", n, 1, n * DAY, (n + 1) * DAY) for n in range(1, 11)]
        gone = to_prune(states, Policy(count=8, days=5), 11 * DAY)
        assert sorted(one.number for one in gone) == [1, 2, 3, 4]

    def test_a_day_is_one_where_the_server_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        moment = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).timestamp()
        monkeypatch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        try:
            assert Earlier("/a", "id", 1, 1, moment, moment).day.day == 2
        finally:
            monkeypatch.undo()
            time.tzset()
