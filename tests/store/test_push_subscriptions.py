"""Web Push subscriptions in SQLite and in MariaDB."""

from __future__ import annotations

from qctl.settings import Settings
from qctl.store import push_subscriptions
from qctl.store.push_subscriptions import MAX_SUBSCRIPTIONS, PushSubscription


def test_a_receiver_keeps_the_newest_subscriptions(database_settings: Settings) -> None:
    made = [PushSubscription(f"https://push.example/{n}", "p" * 87, "s" * 22) for n in range(MAX_SUBSCRIPTIONS + 2)]
    with push_subscriptions.open_database(database_settings) as db:
        counts = [push_subscriptions.add(db, "ada", each) for each in made]
        assert counts == [*range(1, MAX_SUBSCRIPTIONS + 1), MAX_SUBSCRIPTIONS, MAX_SUBSCRIPTIONS]
        assert push_subscriptions.read(db, "ada") == made[2:]
        assert push_subscriptions.add(db, "bob", made[5]) == 1
        assert push_subscriptions.read(db, "ada") == [*made[2:5], *made[6:]]
        assert not push_subscriptions.remove(db, "ada", made[5].id)
        assert push_subscriptions.remove(db, "bob", made[5].id)


def test_records_of_a_push_last_until_it_is_over(database_settings: Settings) -> None:
    with push_subscriptions.open_database(database_settings) as db:
        push_subscriptions.record_pushed(db, "n1", "a" * 64)
        push_subscriptions.record_pushed(db, "n2", "b" * 64)
        assert push_subscriptions.pushed_to(db, "n1") == {"a" * 64}
        push_subscriptions.clear_pushed(db, "n1")
        assert push_subscriptions.pushed_to(db, "n1") == set()
        assert push_subscriptions.pushed_to(db, "n2") == {"b" * 64}
